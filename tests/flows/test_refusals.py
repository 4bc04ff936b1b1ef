"""What is not served, and how each refusal shows on the other side and in the records."""

from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.calls.cdr import fold
from softswitch.model.events import CallRejected
from tests.flows.world import World, run, sdp


async def _refused(world: World, leg: str) -> sig.Ended:
    ended = await world.carrier.sees(sig.Ended)
    assert ended.leg == leg
    return ended


@pytest.mark.parametrize(
    ("called", "status", "rule"),
    [
        ("7777", 404, "unknown number"),
        ("1001", 404, "unknown number"),  # an extension that no number leads to
        ("0123456", 403, "transit"),  # a carrier may not pass through to the outside
    ],
)
def test_a_trunk_reaches_only_declared_numbers(tmp_path: Path, called: str, status: int, rule: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        ended = await _refused(world, world.carrier.call(called))
        assert ended.status == status
        assert not phone.incoming
        assert not world.carrier.incoming
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.rule for event in world.seen(CallRejected)] == [rule]
    record = world.record()
    assert (record.called, record.sip_status, record.trunk) == (called, status, "carrier")
    assert record.result in ("failed", "rejected")


def test_no_common_codec_is_488_and_rings_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        ended = await _refused(world, world.carrier.call("4001", body=sdp("192.0.2.1", formats="18")))
        assert ended.status == 488
        assert not phone.incoming
        await world.settles()

    run(tmp_path, scenario)


def test_an_unreadable_description_is_488(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ended = await _refused(world, world.carrier.call("9196", body=b"m=audio none RTP/AVP 0\r\n"))
        assert ended.status == 488
        await world.settles()

    run(tmp_path, scenario)


def test_calls_beyond_the_limit_get_503_with_retry_after(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first = world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        ended = await _refused(world, world.carrier.call("9196"))
        assert ended.status == 503 and 5 <= ended.retry_after <= 15
        world.carrier.hang_up(first)
        await world.passes(0.1)
        again = world.carrier.call("9196")
        assert (await world.carrier.sees(sig.Answered)).leg == again
        world.carrier.hang_up(again)
        await world.settles()

    run(tmp_path, scenario, max_calls=1)


def test_a_draining_switch_takes_no_calls_and_ends_the_live_ones(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        draining = world.loop.create_task(world.switch.calls.drain(5.0))
        await world.passes(1.0)
        refused = await _refused(world, world.carrier.call("9196"))
        assert refused.status == 503
        assert len(world.switch.calls) == 1
        await draining
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (200, 41)
        await world.settles()

    world = run(tmp_path, scenario)
    records = [fold(timeline) for timeline in world.timelines().values()]
    assert [record.cause for record in records if record] == ["shutdown"]  # that of the live call; refusals come in floods
    assert [(event.call, event.status) for event in world.seen(CallRejected)] == [("", 503)]


def test_hangup_destination_refuses_with_its_cause(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ended = await _refused(world, world.carrier.call("4009"))
        assert (ended.status, ended.q850) == (486, 17)
        await world.settles()

    assert run(tmp_path, scenario).record().result == "busy"


def test_a_stranger_gets_a_challenge_and_rings_nothing(tmp_path: Path) -> None:
    from tests.flows.world import Peer

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        stranger = Peer(world, "203.0.113.9")
        for called in ("1001", "4001", "0123456", "nobody"):
            stranger.call(called, login=False)
            assert (await stranger.sees(sig.Ended)).status == 401
        assert not phone.incoming
        assert not world.carrier.incoming
        await world.settles()

    assert not run(tmp_path, scenario).timelines()
