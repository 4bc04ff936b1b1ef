"""Lists at admission, with SIP peers: what a blacklisted caller or a blacklisted number meets, and what the record says."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from signalling import events as sig
from softswitch.bootstrap.parts.screening import announced_hang_up, screened
from softswitch.lists.service import Lists
from softswitch.model.destination import DestinationKind
from softswitch.model.events import CallRejected
from softswitch.store.spool import Spool
from tests.flows.world import World, run
from tests.support.centre import InlineStore, database

CALLER = "13800138000"


async def listed(world: World, kind: Any, **values: Any) -> Lists:
    """The switch with one entry."""
    store: Any = InlineStore(database())
    numbers = count(1)
    lists = Lists(
        store=store, spool=_Discarding(store), journal=world.events.append, clock=world.clock, token=lambda: str(next(numbers))
    )
    await lists.add(kind, values, "wang", approves=True)
    world.switch.screen = partial(screened, lists)
    world.switch.handlers[DestinationKind.HANGUP] = announced_hang_up
    return lists


class _Discarding(Spool):
    """Nothing is kept."""

    async def write(self, work: Any) -> None:
        """Nobody asks the database here."""


@pytest.mark.parametrize(("action", "status"), [("", 603), ("reject", 603), ("busy", 486)])
def test_blacklisted_caller_is_refused_with_the_entrys_answer(tmp_path: Path, action: str, status: int) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        lists = await listed(world, "black", pattern="138*", action=action)
        leg = world.carrier.call("4001", caller=CALLER)
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.leg, ended.status) == (leg, status)
        assert not phone.incoming
        assert lists.entries()[0].hits == 1
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.rule for event in world.seen(CallRejected)] == ["blacklist"]
    assert world.record().sip_status == status


def test_announcement_is_heard_before_the_refusal_and_nobody_is_charged(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await listed(world, "black", pattern=CALLER, action="announcement", announcement="welcome")
        world.carrier.call("4001", caller=CALLER)
        early = await world.carrier.sees(sig.Progress)
        assert early.status == 183
        ended = await world.carrier.sees(sig.Ended)
        assert ended.status == 603
        await world.settles()

    world = run(tmp_path, scenario)
    assert world.record().answered_at is None
    assert world.record().duration_ms >= 2000


def test_outbound_call_to_a_blacklisted_number_does_not_leave(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        await listed(world, "black", pattern="0900*", direction="out")
        phone.call("0900123")
        ended = await phone.sees(sig.Ended)
        assert ended.status == 603
        assert not world.carrier.incoming
        world.carrier.answers()
        phone.call("0800123")
        await phone.sees(sig.Answered)
        phone.hang_up("call2")
        await world.settles()

    run(tmp_path, scenario)


def test_whitelist_wins_over_the_blacklist_and_others_are_left_alone(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        lists = await listed(world, "black", pattern="138*")
        await lists.add("white", {"pattern": CALLER}, "wang", approves=True)
        leg = world.carrier.call("4001", caller=CALLER)
        await world.passes(1)
        assert len(phone.incoming) == 1
        (call,) = world.switch.calls.live()
        assert world.switch.calls.get(call.id).variables["list"] == "white"
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)
