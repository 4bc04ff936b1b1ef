"""An agent at a phone: signs in by a code, gets the calls of its queue, is asked by a colleague and takes the call over.

Customer: SIPp. Colleague: aiortc. The agent's phone: baresip. Each sends a tone of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.audio import heard_tones
from tests.support.flows import CARRIER, LI, PHONE_1001, SALES
from tests.support.hotline import customer, desk_phone
from tests.support.phone import Phone
from tests.support.sniff import Sniffer
from tests.support.switch import Switch, wait_for
from tests.support.web_client import WebClient

APPLY = (
    CARRIER
    + SALES
    + PHONE_1001
    + LI
    + """
[[queue]]
name = "repair"
announce = "none"
wrap_up = 1
[[agent]]
login = "wen"
name = "文"
queues = ["repair"]
station = "extension:1001"
"""
)
TONES = {"customer": 440.0, "li": 700.0, "phone": 1700.0}
pytestmark = pytest.mark.timeout(120)


def _state(switch: Switch, login: str) -> str:
    return str(switch.api("GET", f"/agents/{login}")["state"])


def _code(switch: Switch, phone: Phone, code: str, state: str) -> None:
    """Dials a code, hears it answered, and waits for the agent's state."""
    phone.dial(code)
    wait_for(lambda: _state(switch, "wen") == state, 5, f"{code} to make the agent {state}")
    wait_for(lambda: phone.state() == "CLOSED", 8, "the confirmation to end")
    assert abs(phone.audio(1.5)).max() > 0.01, "the confirmation is spoken"


def test_signing_in_and_out_by_codes(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch, desk_phone(switch, TONES["phone"]) as phone:
        phone.do("register")
        for code, state in (("*50", "ready"), ("*51", "not_ready"), ("*52", "ready"), ("*53", "logged_out")):
            _code(switch, phone, code, state)


async def test_somebody_of_another_queue_is_asked_at_its_phone(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch, desk_phone(switch, TONES["phone"]) as phone:
        phone.do("register")
        switch.api("PUT", "/agents/wen/state", {"state": "ready"})
        async with WebClient(switch, "li", TONES["li"]) as li:
            await li.start_work()
            caller = customer(tmp_path, switch, TONES["customer"])
            with Sniffer(caller.media_port) as ear, caller:
                offer = (await li.event("offer.made"))["offer"]
                await li.ask("offer.accept", offer=offer["id"])
                await asyncio.sleep(1)
                await li.ask("call.consult", to="queue:repair")
                await asyncio.to_thread(phone.do, "ringing")
                assert await asyncio.to_thread(_state, switch, "li") == "consulting"
                assert await asyncio.to_thread(_state, switch, "wen") == "ringing"
                await asyncio.to_thread(phone.do, "answer")
                await asyncio.sleep(1.5)
                assert li.hears(TONES, 0.4) == {"phone"}
                assert heard_tones(ear.audio()[-3200:], TONES) == set(), "the customer hears music"
                await li.ask("consult.complete")
                await asyncio.sleep(1.5)
                assert heard_tones(ear.audio()[-3200:], TONES) == {"phone"}
                colleague_hears = await asyncio.to_thread(phone.hears, TONES, 0.4)
                assert await asyncio.to_thread(_state, switch, "wen") == "talking"
                await asyncio.to_thread(phone.do, "hangup")
                caller.succeed()
        records = await asyncio.to_thread(switch.ended_calls, 2)
    assert {(record["queue"], record["agent"], record["result"]) for record in records} == {
        ("sales", "wen", "answered"), ("repair", "wen", "answered"),
    }  # fmt: skip
    assert colleague_hears == {"customer"}
