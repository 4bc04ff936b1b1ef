"""Busy, no answer, rejection, cancel: the cause of one side is the cause of the other and of the record."""

from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.legs import base
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.release import Release
from tests.flows.world import Peer, World, run


class SilentLeg:
    """A leg that does nothing."""

    id = "l1"
    facts = LegFacts(inbound=True, kind=PartyKind.TRUNK, party="carrier", caller="1", called="2")
    port = 0
    group = 1
    codec = ""
    codecs = ()
    quality = None
    is_answered = False
    is_ended = False
    listener = staticmethod(base.ignore)

    def refusal(self) -> None:
        return None

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        """It is gone already."""


@pytest.mark.parametrize(
    ("theirs", "ours", "q850", "result"),
    [
        (486, 486, 17, "busy"),
        (600, 486, 17, "busy"),
        (603, 603, 21, "rejected"),
        (480, 480, 18, "failed"),
        (404, 404, 1, "failed"),
        (488, 488, 88, "failed"),
        (500, 500, 41, "failed"),
    ],
)
def test_a_refusal_of_the_phone_reaches_the_caller(tmp_path: Path, theirs: int, ours: int, q850: int, result: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rejects(theirs)
        world.carrier.call("4001")
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (ours, q850)
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.result, record.sip_status, record.q850) == (result, ours, q850)


def test_nobody_answers(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        began = world.loop.now
        world.carrier.call("4001")
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (480, 19)
        assert 19.0 < world.loop.now - began < 22.0
        assert (await phone.sees(sig.Ended)).cancelled
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.result, record.cause) == ("no_answer", "no_answer")


def test_the_caller_gives_up(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Progress)
        await world.passes(3.0)
        world.carrier.hang_up(leg)
        assert (await phone.sees(sig.Ended)).cancelled
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.result, record.cause, record.who, record.sip_status) == ("abandoned", "cancelled", "caller", 487)


def test_the_caller_is_gone_before_its_call_has_begun(tmp_path: Path) -> None:
    """INVITE and CANCEL in one turn of the loop: the task of the call has not run yet, and still there is a record."""

    async def scenario(world: World) -> None:
        leg = SilentLeg()
        assert world.switch.calls.incoming(leg, Destination.parse("echo")) is not None
        leg.listener(base.Ended(Cause.CANCELLED))
        await world.settles()

    assert run(tmp_path, scenario).record().result == "abandoned"


def test_a_phone_that_is_not_logged_in(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.carrier.call("4001")
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (480, 20)
        await world.settles()

    assert run(tmp_path, scenario).record().cause == "unreachable"


def test_a_phone_that_is_gone_without_a_word(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.network.lost.add(phone.host)
        began = world.loop.now
        world.carrier.call("4001")
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (480, 20)
        assert world.loop.now - began < 5.0
        await world.settles()

    assert run(tmp_path, scenario).record().cause == "unreachable"


def test_a_dead_device_does_not_hide_the_refusal_of_a_live_one(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        dead = await world.phone("1001")
        world.network.lost.add(dead.host)
        live = Peer(world, "198.51.100.77", 5062, number="1001")
        live.register()
        await live.sees(sig.RegistrationState)
        live.rejects(486)
        began = world.loop.now
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status == 486
        assert world.loop.now - began < 5.0
        live.rejects(603)
        began = world.loop.now
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status == 603
        assert world.loop.now - began < 0.5
        await world.settles()

    run(tmp_path, scenario)
