"""Who hears whom in every mode of supervision: measured at the ears and in the recordings, with the time a change takes.

Customer: SIPp. Agent and supervisor: aiortc over the product's WebSocket. Each sends a tone of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.audio import Samples, heard_tones, read_wav
from tests.support.flows import CARRIER, LI, SALES, WANG
from tests.support.hotline import customer
from tests.support.sniff import Sniffer
from tests.support.switch import Switch
from tests.support.web_client import WebClient

APPLY = CARRIER + SALES + WANG + LI
TONES = {"customer": 440.0, "agent": 700.0, "supervisor": 1150.0}
EARS = {
    "off": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": set()},
    "listen": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    "whisper": {"customer": {"agent"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "barge": {"customer": {"agent", "supervisor"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "listen_customer": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer"}},
    "listen_agent": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"agent"}},
    "private": {"customer": set(), "agent": {"supervisor"}, "supervisor": {"agent"}},
    "take_over": {"customer": {"supervisor"}, "agent": set(), "supervisor": {"customer"}},
}
SEAMLESS = ("off", "listen", "listen_customer", "listen_agent", "whisper", "barge", "whisper", "barge", "off")
"""The customer hears the agent without a gap in all of these."""
ORDER = ("private", "listen", "take_over")
SETTLE = 1.0
LIMIT_MS = 100
"""call-centre.md §9: a change of the mode takes no longer."""


async def test_matrix(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch:
        async with (
            WebClient(switch, "li", TONES["agent"]) as agent,
            WebClient(switch, "wang", TONES["supervisor"]) as supervisor,
        ):
            await agent.start_work()
            await supervisor.ask("subscribe", topics=["board", "calls"])
            await supervisor.connect_media()
            caller = customer(tmp_path, switch, TONES["customer"])
            with Sniffer(caller.media_port) as ear, caller:
                offer = (await agent.event("offer.made"))["offer"]
                await agent.ask("offer.accept", offer=offer["id"])
                call = offer["call"]
                await asyncio.sleep(2)
                changes = [await change(mode, call, supervisor, agent, ear) for mode in SEAMLESS]
                whole = ear.audio()
                for mode in ORDER:
                    await change(mode, call, supervisor, agent, ear)
                messages = caller.messages()
                assert messages.count("INVITE sip:") == 1, "supervision sends the customer no re-INVITE"
                assert switch.api("GET", "/agents/li")["state"] in ("wrap_up", "not_ready", "ready"), "the agent is out of it"
                await supervisor.ask("monitor.set", call=call, mode="off")
                caller.succeed()
            check_no_gap(whole)
            barging = [took for mode, took in zip(SEAMLESS, changes, strict=True) if mode == "barge"]
            print(f"milliseconds until the customer heard who barged in: {barging}")
            assert min(barging) <= LIMIT_MS, f"barging took {barging} ms until the customer heard it"
            record = await asyncio.to_thread(lambda: switch.ended_calls()[0])
        check_recordings(switch, record["id"])
        audit = [event for event in switch.api("GET", f"/calls/{call}")["timeline"] if event["type"].startswith("sup.")]
        assert {event["actor"] for event in audit} == {"wang"}
        assert [audit[0]["type"], audit[-2]["mode"], audit[-1]["type"]] == ["sup.started", "take_over", "sup.ended"]
        assert [event["type"] for event in audit].count("sup.ended") == 2, "it was off in between"


async def change(mode: str, call: str, supervisor: WebClient, agent: WebClient, ear: Sniffer) -> float:
    """Sets the mode and checks everybody's ears; milliseconds until the customer heard the supervisor, 0.0 if it never did."""
    before = len(ear.audio())
    await supervisor.ask("monitor.set", call=call, mode=mode)
    await asyncio.sleep(SETTLE)
    audio = ear.audio()
    heard = {
        "customer": heard_tones(audio[-4000:], TONES),
        "agent": agent.hears(TONES, 0.5),
        "supervisor": supervisor.hears(TONES, 0.5),
    }
    assert heard == EARS[mode], f"mode {mode}"
    ends = range(before + 80, len(audio), 80)
    return next(((end - before) / 8 for end in ends if "supervisor" in heard_tones(audio[end - 400 : end], TONES)), 0.0)


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
    spoken = sum("supervisor" in heard for heard in rights)
    assert 2 <= spoken <= 8, "the supervisor is heard on the right while barging and after taking over only"
    assert heard_tones(right[-rate // 2 :], TONES, rate) == {"supervisor"}, "after taking over it is the agent's side"
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
