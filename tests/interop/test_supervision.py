"""Who hears whom while a supervisor listens, whispers and barges in: measured at the ears and in the recordings.

Customer: SIPp. Agent and supervisor: aiortc over the product's WebSocket. Each sends a tone of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.audio import Samples, heard_tones, read_wav, tone
from tests.support.sipp import Caller, Sipp, ulaw
from tests.support.sniff import Sniffer
from tests.support.switch import Switch
from tests.support.web_client import WebClient

APPLY = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[queue]]
name = "sales"
announce = "none"
wrap_up = 1
record = true
[[agent]]
login = "li"
name = "李"
queues = ["sales"]
[[user]]
login = "wang"
name = "王"
role = "supervisor"
[[number]]
number = "4008001000"
to = "queue:sales"
"""
TONES = {"customer": 440.0, "agent": 700.0, "supervisor": 1150.0}
EARS = {
    "off": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": set()},
    "listen": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    "whisper": {"customer": {"agent"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "barge": {"customer": {"agent", "supervisor"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
}
ORDER = ("off", "listen", "whisper", "barge", "whisper", "off")
SETTLE = 1.0


async def test_matrix(tmp_path: Path) -> None:
    voice = tmp_path / "customer.ulaw"
    voice.write_bytes(ulaw(tone(TONES["customer"], 10)))
    scenario = Caller().invite().answered().speak(voice, -1).wait_bye().xml()
    with Switch(tmp_path, APPLY) as switch:
        async with (
            WebClient(switch, "li", TONES["agent"]) as agent,
            WebClient(switch, "wang", TONES["supervisor"]) as supervisor,
        ):
            await agent.ask("subscribe", topics=["agent"])
            await agent.connect_media()
            await agent.ask("agent.state", state="ready")
            await supervisor.ask("subscribe", topics=["board", "calls"])
            await supervisor.connect_media()
            customer = Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4008001000")
            with Sniffer(customer.media_port) as ear, customer:
                offer = (await agent.event("offer.made"))["offer"]
                await agent.ask("offer.accept", offer=offer["id"])
                call = offer["call"]
                await asyncio.sleep(2)
                marks = []
                for mode in ORDER:
                    await supervisor.ask("monitor.set", call=call, mode=mode)
                    await asyncio.sleep(SETTLE)
                    heard = {
                        "customer": heard_tones(ear.audio()[-4000:], TONES),
                        "agent": agent.hears(TONES, 0.5),
                        "supervisor": supervisor.hears(TONES, 0.5),
                    }
                    assert heard == EARS[mode], f"mode {mode}"
                    marks.append(mode)
                messages = customer.messages()
                assert messages.count("INVITE sip:") == 1, "supervision sends the customer no re-INVITE"
                whole = ear.audio()
                await agent.ask("call.hangup")
                customer.succeed()
            check_no_gap(whole)
            record = await asyncio.to_thread(lambda: switch.ended_calls()[0])
        check_recordings(switch, record["id"])
        audit = [event["type"] for event in switch.api("GET", f"/calls/{call}")["timeline"] if event.get("actor") == "wang"]
        assert audit[0] == "sup.started" and audit[-1] == "sup.ended" and "sup.mode" in audit


def check_no_gap(customer_ear: Samples) -> None:
    """The agent's tone at the customer's ear never stops, whatever the supervisor does (from 1 s after it began)."""
    frames = [set(heard_tones(customer_ear[i : i + 800], TONES)) for i in range(0, len(customer_ear) - 800, 800)]
    begin = next(i for i, heard in enumerate(frames) if "agent" in heard)
    gaps = [i for i, heard in enumerate(frames[begin + 5 : -2]) if "agent" not in heard]
    assert not gaps, f"the customer lost the agent in {len(gaps)} of {len(frames)} tenths of a second"


def check_recordings(switch: Switch, call: str) -> None:
    """Left the customer, right the agent; the supervisor on the right only while barging; the whisper in a file of its own."""
    detail = switch.api("GET", f"/calls/{call}")
    main = next(r for r in detail["recordings"] if not r["restricted"])
    whispered = [r for r in detail["recordings"] if r["restricted"]]
    assert main["status"] == "complete"
    _, content = switch.request("GET", f"/api/v1/calls/{call}/recording?id={main['id']}")
    rate, (left, right) = read_wav(content)
    seconds = len(left) // rate
    lefts = [heard_tones(left[i * rate : (i + 1) * rate], TONES, rate) for i in range(1, seconds - 1)]
    rights = [heard_tones(right[i * rate : (i + 1) * rate], TONES, rate) for i in range(1, seconds - 1)]
    assert all(heard == {"customer"} for heard in lefts)
    assert {"agent"} in rights and {"agent", "supervisor"} in rights
    assert 1 <= sum("supervisor" in heard for heard in rights) <= 3, "the supervisor is heard on the right while barging only"
    assert whispered, "the whisper is kept in a restricted file"
    _, content = switch.request("GET", f"/api/v1/calls/{call}/recording?id={whispered[0]['id']}")
    rate, channels = read_wav(content)
    assert any(
        "supervisor" in heard_tones(channel[i : i + rate], TONES, rate)
        for channel in channels
        for i in range(0, len(channel) - rate, rate)
    )


def test_an_agent_may_not_supervise(tmp_path: Path) -> None:
    async def run() -> None:
        with Switch(tmp_path, APPLY) as switch:
            async with WebClient(switch, "li") as agent:
                reply = await agent.ask_raw("monitor.set", call="c1", mode="listen")
                assert reply["error"]["status"] == 403

    asyncio.run(run())


pytestmark = pytest.mark.timeout(90)
