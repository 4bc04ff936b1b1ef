"""Transfers by the keys of a phone that talks: `*1` blind, `*2` asking first (sip.md §8.1)."""

from __future__ import annotations

from pathlib import Path

from signalling import events as sig
from softswitch.model.events import CallTransferred, ConsultEnded
from tests.flows.test_referrals import talk
from tests.flows.world import Peer, World, run


async def _press(world: World, phone: Peer, keys: str) -> None:
    for key in keys:
        world.engine.send_digits(phone.port, key)
        await world.passes(0.3)


def _ends(phone: Peer) -> list[sig.Event]:
    return [event for event in phone.events if isinstance(event, sig.Ended)]


def test_star_one_sends_the_other_side_on(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        other.answers(after=1.0)
        await _press(world, phone, "*1")
        assert world.engine.hears(phone.port) == {"tone:450"}, "a dial tone"
        assert world.engine.hears(world.carrier.port) == {"default"}
        await _press(world, phone, "1002")
        assert not world.engine.hears(phone.port)
        await world.passes(3.0)
        await phone.sees(sig.Ended)
        await world.passes(1.5)
        world.engine.label(other.port, "other")
        assert world.engine.hears(world.carrier.port) == {"other"}
        world.carrier.hang_up(customer)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.target) for event in world.seen(CallTransferred)] == [("blind", "extension:1002")]


def test_star_two_asks_first_and_hanging_up_connects(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        other.answers()
        await _press(world, phone, "*21002#")
        await world.passes(1.0)
        world.engine.label(other.port, "other")
        assert world.engine.hears(phone.port) == {"other"} and world.engine.hears(other.port) == {"first"}
        assert world.engine.hears(world.carrier.port) == {"default"}
        phone.hang_up()
        await world.passes(0.3)
        assert world.engine.hears(world.carrier.port) == {"other"} and world.engine.hears(other.port) == {"customer"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


def test_star_one_while_asking_connects_and_star_two_goes_back(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        other.answers()
        await _press(world, phone, "*21002#")
        await world.passes(1.0)
        await _press(world, phone, "*2")
        await other.sees(sig.Ended)
        assert world.engine.hears(world.carrier.port) == {"first"} and world.engine.hears(phone.port) == {"customer"}
        await _press(world, phone, "*21002#")
        await world.passes(1.0)
        await _press(world, phone, "*1")
        await phone.sees(sig.Ended)
        world.engine.label(other.port, "other")
        assert world.engine.hears(world.carrier.port) == {"other"}
        world.carrier.hang_up(customer)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.result for event in world.seen(ConsultEnded)] == ["cancelled", "transferred"]


def test_an_order_that_leads_nowhere_gives_the_other_side_back(tmp_path: Path) -> None:
    """A wrong number, none at all, a star that takes it back, a phone that does not answer."""

    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        for keys, seconds in (("*15999#", 0.5), ("*1", 8.5), ("*210*", 0.5), ("*21002#", 1.0)):
            await _press(world, phone, keys)
            await world.passes(seconds)
            assert world.engine.hears(world.carrier.port) == {"first"}, keys
            assert world.engine.hears(phone.port) == {"customer"}, keys
        assert not _ends(phone)
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


def test_who_may_not_and_what_is_no_order(tmp_path: Path) -> None:
    """A customer's keys mean nothing; a phone's star and a one that come too far apart neither."""

    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        await _press(world, world.carrier, "*11002#")
        await _press(world, phone, "*")
        await world.passes(2.5)
        await _press(world, phone, "1")
        assert world.engine.hears(world.carrier.port) == {"first"} and world.engine.hears(phone.port) == {"customer"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


def test_who_hangs_up_while_dialling_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, _ = await talk(world)
        await _press(world, phone, "*1")
        phone.hang_up()
        await world.carrier.sees(sig.Ended)
        await world.settles()

    run(tmp_path, scenario)
