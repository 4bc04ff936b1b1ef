"""Parking by phones, in virtual time: by transfer and by code, the lamp, the way back (FEA-2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.model.destination import Destination
from tests.flows import world as worlds
from tests.flows.test_referrals import SOON, refer, reports, talk
from tests.flows.test_watching import subscribe, told
from tests.flows.world import Peer, World, run


@pytest.fixture(autouse=True)
def _spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word of the slot takes 300 ms."""
    for name in ("parked-at", "7", "0", "1", "2", "3"):
        monkeypatch.setitem(worlds.PROMPTS, name, 300)


def _contacts(world: World, phone: Peer) -> list[str]:
    """The user of the Contact of each report that the phone got."""
    texts = [seen.data.decode() for seen in world.network.wire if seen.to_peer and seen.peer == phone.host]
    found = [re.search(r"Contact: <sip:([^@]*)@", text) for text in texts if "Event: refer" in text]
    return [match[1] for match in found if match is not None]


@pytest.mark.acceptance("FEA-2")
@pytest.mark.parametrize(("code", "slot"), [("700", "701"), ("*68", "701"), ("703", "703")])
def test_a_transfer_to_the_park_number_parks(tmp_path: Path, code: str, slot: str) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        lamp = subscribe(other, slot)
        await world.passes(0.1)
        assert "confirmed" not in told(other, lamp)[-1]
        refer(phone, code)
        await world.passes(SOON)
        assert reports(world, phone) == [(100, "active"), (200, "terminated")]
        assert _contacts(world, phone)[-1] == slot, "the slot stands in the last report"
        assert "confirmed" in told(other, lamp)[-1]
        assert world.engine.hears(phone.port) == {f"parked-at+{'+'.join(slot)}"}, "and is said"
        assert world.engine.hears(world.carrier.port) == {"default"}
        await world.passes(3.0)
        await phone.sees(sig.Ended)
        before = world.loop.now
        other.call(slot)
        await other.sees(sig.Answered)
        await world.passes(0.05)
        assert world.loop.now - before <= SOON
        world.engine.label(other.port, "other")
        assert world.engine.hears(world.carrier.port) == {"other"}
        await world.passes(0.3)
        assert "confirmed" not in told(other, lamp)[-1]
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario, scan=False)


@pytest.mark.acceptance("FEA-2")
@pytest.mark.parametrize("operator", [False, True])
def test_whom_nobody_fetches_rings_its_parker_and_then_the_operator(tmp_path: Path, operator: bool) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        desk = await world.phone("1002")
        desk.answers()
        if operator:
            world.switch.lot.operator = Destination.parse("extension:1002")
        phone.rings()
        parked = world.loop.now
        refer(phone, "*68")
        await world.passes(119.0)
        assert len(phone.incoming) == 1
        while len(phone.incoming) == 1:
            await world.passes(0.1)
        assert 119 <= world.loop.now - parked <= 121
        assert phone.incoming[-1].caller.display_name == "701 Name"
        await world.passes(21.0)
        if operator:
            assert desk.incoming[-1].caller.display_name == "701 Name"
            world.engine.label(desk.port, "desk")
            assert world.engine.hears(world.carrier.port) == {"desk"}
        else:
            assert world.switch.lot.is_taken("701"), "it waits for another turn"
            assert world.engine.hears(world.carrier.port) == {"default"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario, scan=False)


def test_a_slot_that_is_taken_gives_the_caller_back(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        second = world.carrier.call("4001", caller="13900139000")
        await world.passes(1.0)
        first_leg, second_leg = (call.leg for call in phone.incoming)
        world.engine.label(world.carrier.port, "second")
        phone.node.submit(sip.Refer(first_leg, "sip:703@192.0.2.100"))
        await phone.sees(sig.TransferDone)
        phone.node.submit(sip.Refer(second_leg, "sip:703@192.0.2.100"))
        assert (await phone.sees(sig.TransferFailed)).status == 486
        world.engine.label(phone.port, "first")
        assert world.engine.hears(world.carrier.port) == {"first"}
        for leg in (customer, second):
            world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, scan=False)


def test_a_code_that_is_no_place_takes_nobody(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        for code in ("*98", "799"):
            refer(phone, code)
            assert (await phone.sees(sig.TransferFailed)).status == 404
            await world.passes(0.5)
        assert world.engine.hears(world.carrier.port) == {"first"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)
