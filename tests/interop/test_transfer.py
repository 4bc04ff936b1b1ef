"""Consult, attended transfer, conference and blind transfer with real sound: who hears whom, and one recording through it all.

Customer: SIPp. Agents: aiortc over the product's WebSocket, and a baresip phone. Each sends a tone of its own.
"""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.support.audio import heard_tones, read_wav
from tests.support.flows import CARRIER, PHONE_1001, SALES
from tests.support.hotline import customer, desk_phone
from tests.support.phone import Phone
from tests.support.sniff import Sniffer
from tests.support.switch import Switch
from tests.support.web_client import WebClient

APPLY = (
    CARRIER
    + SALES
    + PHONE_1001
    + """
[[agent]]
login = "li"
name = "李"
queues = ["sales"]
rights = ["outside", "pick", "record"]
[[agent]]
login = "zhao"
name = "赵"
"""
)
TONES = {"customer": 440.0, "li": 700.0, "zhao": 1150.0, "phone": 1700.0}
pytestmark = pytest.mark.timeout(120)


class Scene:
    """The ears of everybody."""

    def __init__(self, ear: Sniffer, li: WebClient, zhao: WebClient, phone: Phone) -> None:
        self.ear, self.li, self.zhao, self.phone = ear, li, zhao, phone

    async def hears(self) -> dict[str, set[str]]:
        phone = await asyncio.to_thread(self._phone_hears)
        return {
            "customer": heard_tones(self.ear.audio()[-3200:], TONES), "li": self.li.hears(TONES, 0.4),
            "zhao": self.zhao.hears(TONES, 0.4), "phone": phone,
        }  # fmt: skip

    def _phone_hears(self) -> set[str]:
        return self.phone.hears(TONES, 0.4) if self.phone.state() == "ESTABLISHED" else set()

    async def settles_to(self, step: str, **expected: set[str]) -> None:
        """Everybody hears exactly these; who is not named hears nobody."""
        wanted = {name: expected.get(name, set()) for name in ("customer", "li", "zhao", "phone")}
        heard: dict[str, set[str]] = {}
        for _ in range(20):
            await asyncio.sleep(0.3)
            heard = await self.hears()
            if heard == wanted:
                return
        assert heard == wanted, step


async def test_from_agent_to_phone_to_colleague(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch, desk_phone(switch, TONES["phone"]) as phone:
        phone.do("register")
        async with WebClient(switch, "li", TONES["li"]) as li, WebClient(switch, "zhao", TONES["zhao"]) as zhao:
            for page in (li, zhao):
                await page.start_work()
            caller = customer(tmp_path, switch, TONES["customer"])
            with Sniffer(caller.media_port) as ear, caller:
                offer = (await li.event("offer.made"))["offer"]
                await li.ask("offer.accept", offer=offer["id"])
                scene = Scene(ear, li, zhao, phone)
                await scene.settles_to("talk", customer={"li"}, li={"customer"})
                await asyncio.sleep(2)
                await play_through(scene, phone)
                assert caller.messages().count("INVITE sip:") == 1, "no step sends the customer a re-INVITE"
                await zhao.ask("call.hangup")
                caller.succeed()
        record = await asyncio.to_thread(lambda: switch.ended_calls()[0])
        assert (record["agent"], record["result"], record["queue"]) == ("zhao", "answered", "sales")
        check_recording(switch, record["id"])


async def play_through(scene: Scene, phone: Phone) -> None:
    li, zhao = scene.li, scene.zhao
    await li.ask("call.consult", to="1001")
    await asyncio.to_thread(phone.do, "ringing")
    await scene.settles_to("the target rings", customer=set(), li=set())
    await asyncio.to_thread(phone.do, "answer")
    await scene.settles_to("consultation", li={"phone"}, phone={"li"})
    await li.ask("consult.merge")
    await scene.settles_to("three", customer={"li", "phone"}, li={"customer", "phone"}, phone={"customer", "li"})
    await li.ask("call.mute")
    await scene.settles_to("muted", customer={"phone"}, li={"customer", "phone"}, phone={"customer"})
    await li.ask("call.hangup")
    await scene.settles_to("the agent has left", customer={"phone"}, phone={"customer"})
    call = (await li.event("call.state"))["call"]["id"]
    park = await asyncio.to_thread(scene.li.switch.api, "POST", f"/calls/{call}/commands", {"command": "park"})
    await scene.settles_to("parked")
    await zhao.ask("call.pickup", slot=park["slot"])
    await scene.settles_to("picked up", customer={"zhao"}, zhao={"customer"})
    await zhao.ask("call.hold")
    await scene.settles_to("on hold")
    await zhao.ask("call.resume")
    await scene.settles_to("back", customer={"zhao"}, zhao={"customer"})


def check_recording(switch: Switch, call: str) -> None:
    """One file: the customer on the left but for the pause while parked, on the right whoever spoke to it, without a gap."""
    detail = switch.api("GET", f"/calls/{call}")
    (main,) = detail["recordings"]
    assert main["status"] == "complete"
    _, content = switch.request("GET", f"/api/v1/calls/{call}/recording?id={main['id']}")
    rate, (left, right) = read_wav(content)
    steps = range(rate, len(left) - rate, rate // 4)
    rights = [frozenset(heard_tones(right[i : i + rate // 4], TONES, rate)) for i in steps]
    told = [heard for i, heard in enumerate(rights) if heard and (i == 0 or heard != rights[i - 1])]
    for expected in ({"li"}, {"li", "phone"}, {"phone"}, {"zhao"}):
        assert frozenset(expected) in told, f"{expected} in {told}"
    assert told.index(frozenset({"li"})) < told.index(frozenset({"li", "phone"})) < told.index(frozenset({"zhao"}))
    assert not any("customer" in heard for heard in rights)
    lefts = [heard_tones(left[i : i + rate // 4], TONES, rate) for i in steps]
    assert all(heard <= {"customer"} for heard in lefts)
    changes = sum(before != after for before, after in itertools.pairwise(lefts))
    assert changes <= 2, "the customer's side is whole but for the time in the slot"
