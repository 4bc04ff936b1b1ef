"""A supervisor at a phone: called by the switch or by a feature code, steered by its keys, heard by whom the mode says.

A phone dials digits only, so the agent's login is a number here. Customer: SIPp. Agent: aiortc. The supervisor's phone:
baresip. Each sends a tone of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.audio import heard_tones
from tests.support.flows import CARRIER, PHONE_1001, SALES, WANG
from tests.support.hotline import customer, desk_phone
from tests.support.phone import Phone
from tests.support.sniff import Sniffer
from tests.support.switch import Switch, wait_for
from tests.support.web_client import WebClient

APPLY = (
    CARRIER
    + SALES
    + PHONE_1001
    + WANG
    + """
[[agent]]
login = "8001"
name = "李"
queues = ["sales"]
[[agent]]
login = "wang"
name = "王"
station = "extension:1001"
"""
)
TONES = {"customer": 440.0, "agent": 700.0, "phone": 1700.0}
STEPS = (
    ("5", {"agent"}, {"customer", "phone"}),
    ("6", {"agent", "phone"}, {"customer", "phone"}),
    ("4", {"agent"}, {"customer"}),
)
"""Key, what the customer hears, what the agent hears."""
SETTLE = 1.2
pytestmark = pytest.mark.timeout(150)


async def _do(phone: Phone, what: str, **more: str) -> None:
    await asyncio.to_thread(phone.do, what, **more)


async def test_a_phone_supervises(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch, desk_phone(switch, TONES["phone"]) as phone:
        phone.do("register")
        async with WebClient(switch, "8001", TONES["agent"]) as li:
            await li.start_work()
            caller = customer(tmp_path, switch, TONES["customer"])
            with Sniffer(caller.media_port) as ear, caller:
                offer = (await li.event("offer.made"))["offer"]
                await li.ask("offer.accept", offer=offer["id"])
                await asyncio.sleep(1)
                order = {"mode": "listen", "supervisor": "wang", "device": "extension:1001"}
                view = switch.api("PUT", f"/calls/{offer['call']}/monitor", order)
                assert view["state"] == "ringing"
                await _do(phone, "ringing")
                await _do(phone, "answer")
                await _steered(phone, li, ear, switch)
                wait_for(lambda: phone.state() == "CLOSED", 5, "key # to end it")
                await asyncio.to_thread(phone.dial, "*81*8001")
                await _steered(phone, li, ear, switch)
                await asyncio.to_thread(phone.dial, "*84*8001")
                await _becomes(({"phone"}, set()), li, ear, switch)
                assert await asyncio.to_thread(phone.hears, TONES, 0.4) == {"customer"}
                await _do(phone, "hangup")
                caller.succeed()
        detail = await asyncio.to_thread(switch.api, "GET", f"/calls/{offer['call']}")
    started = [event for event in detail["timeline"] if event["type"] == "sup.started"]
    assert [(event["supervisor"], event["device"]) for event in started] == [("wang", "extension:1001")] * 3
    assert not [event for event in detail["timeline"] if event["type"] == "leg.dtmf"], "the keys are no digits of the call"


async def _steered(phone: Phone, li: WebClient, ear: Sniffer, switch: Switch) -> None:
    """The phone listens; then its keys say who hears it, and # ends it."""
    await _becomes(({"agent"}, {"customer"}), li, ear, switch)
    await asyncio.to_thread(wait_for, lambda: phone.hears(TONES, 0.4) == {"customer", "agent"}, 6, "the phone to hear both")
    for key, at_customer, at_agent in STEPS:
        await _do(phone, "dtmf", digits=key)
        await _becomes((at_customer, at_agent), li, ear, switch)
    await _do(phone, "dtmf", digits="#")
    await _becomes(({"agent"}, {"customer"}), li, ear, switch)


async def _becomes(wanted: tuple[set[str], set[str]], li: WebClient, ear: Sniffer, switch: Switch) -> None:
    """What the customer and the agent hear, within a few seconds (a digit counts when its key is released)."""
    await asyncio.sleep(SETTLE)
    heard = None
    for _ in range(20):
        heard = heard_tones(ear.audio()[-3200:], TONES), li.hears(TONES, 0.4)
        if heard == wanted:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"{heard} instead of {wanted}: {await asyncio.to_thread(switch.api, 'GET', '/monitor')}")
