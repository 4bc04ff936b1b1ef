"""Listen, whisper, barge: who hears whom, what is recorded, and that nobody's phone notices (call-centre.md §9)."""

from pathlib import Path
from typing import Any

import pytest

from media.commands import Listen
from signalling import events as sig
from softswitch.calls.call import Call
from softswitch.calls.supervision import Wish
from softswitch.model.errors import Conflict, Invalid, NotFound
from softswitch.model.events import SupervisionEnded, SupervisionMode, SupervisionReleased, SupervisionStarted
from softswitch.model.states import MonitorMode
from tests.flows.world import World, run


async def _agent_talks(world: World, *, record: bool = False) -> Call:
    """A customer of the carrier talks to li at its page; the supervisor wang has a page too."""
    await world.browser("li")
    await world.browser("wang")
    if record:
        _record_calls(world)
    world.carrier.call("4008")
    await world.passes(0.5)
    world.switch.stations.accept("li")
    await world.carrier.sees(sig.Answered)
    await world.passes(0.5)
    world.engine.label(world.carrier.port, "customer")
    (call,) = world.switch.calls._live.values()
    return call


def _record_calls(world: World) -> None:
    """As a queue does."""
    from softswitch.calls.outcome import Outcome
    from softswitch.model.destination import Destination, DestinationKind

    async def to_agent(call: Call, to: Destination) -> Outcome:
        async with call.dialling(to) as leg:
            return Outcome.ended(await call.bridge(leg, record=True, agent=to.name, queue="sales"))

    world.switch.handlers[DestinationKind.AGENT] = to_agent


async def _monitor(world: World, call: Call, mode: MonitorMode, supervisor: str = "wang", **more: Any) -> None:
    """As the supervisor's page does it."""
    if mode is MonitorMode.OFF and world.supervision.of(supervisor) is None:
        return
    world.supervision.start(Wish(supervisor=supervisor, actor=supervisor, mode=mode, call=call.id, **more))


def _ears(world: World) -> dict[str, set[str]]:
    ports = {"customer": world.carrier.port}
    for login in ("li", "wang"):
        session = world.switch.browsers.of(login)
        assert session is not None
        ports[login] = session.port
    return {name: world.engine.hears(port) for name, port in ports.items()}


TABLE = {
    MonitorMode.OFF: {"customer": {"li"}, "li": {"customer"}, "wang": set()},
    MonitorMode.LISTEN: {"customer": {"li"}, "li": {"customer"}, "wang": {"customer", "li"}},
    MonitorMode.WHISPER: {"customer": {"li"}, "li": {"customer", "wang"}, "wang": {"customer", "li"}},
    MonitorMode.BARGE: {"customer": {"li", "wang"}, "li": {"customer", "wang"}, "wang": {"customer", "li"}},
}
RECORDED = {
    MonitorMode.OFF: ({"customer"}, {"li"}),
    MonitorMode.LISTEN: ({"customer"}, {"li"}),
    MonitorMode.WHISPER: ({"customer"}, {"li"}),
    MonitorMode.BARGE: ({"customer"}, {"li", "wang"}),
}
PATHS = [
    (MonitorMode.LISTEN,),
    (MonitorMode.WHISPER,),
    (MonitorMode.BARGE,),
    (MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE, MonitorMode.LISTEN, MonitorMode.OFF),
    (MonitorMode.BARGE, MonitorMode.WHISPER, MonitorMode.OFF, MonitorMode.LISTEN),
]


@pytest.mark.parametrize("path", PATHS, ids="-".join)
def test_who_hears_whom(tmp_path: Path, path: tuple[MonitorMode, ...]) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world, record=True)
        quiet = world.network.messages(to=world.carrier.host)
        for mode in path:
            batches = len(world.engine.batches)
            await _monitor(world, call, mode)
            assert _ears(world) == TABLE[mode]
            assert world.engine.records(call.mix.recorder) == RECORDED[mode]
            routed = [batch for batch in world.engine.batches[batches:] if any(type(c).__name__ == "Listen" for c in batch)]
            assert len(routed) <= 3, "a mode is one change of the routes, beside the port's move"
            await world.passes(1.0)
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up("call1")
        await world.passes(0.5)
        session = world.switch.browsers.of("wang")
        assert session is not None
        assert session.group == session.idle_group
        assert world.engine.hears(session.port) == set()
        await world.settles()

    world = run(tmp_path, scenario)
    assert world.seen(SupervisionStarted)[0].actor == "wang"
    assert world.seen(SupervisionStarted)[0].target == "li"
    assert len(world.seen(SupervisionStarted)) == len(world.seen(SupervisionEnded))


@pytest.mark.parametrize("mode", [MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.LISTEN_AGENT])
def test_no_batch_lets_the_customer_hear_who_does_not_barge(tmp_path: Path, mode: MonitorMode) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world, record=True)
        session = world.switch.browsers.of("wang")
        assert session is not None
        await _monitor(world, call, mode)
        await _monitor(world, call, MonitorMode.PRIVATE)
        call.resume(actor="li")
        await _monitor(world, call, mode)
        await _monitor(world, call, MonitorMode.OFF)
        leaks = [
            command for batch in world.engine.batches for command in batch
            if isinstance(command, Listen) and command.listener == world.carrier.port and session.port in command.sources
        ]  # fmt: skip
        assert leaks == []
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


def test_a_whisper_is_recorded_apart_and_restricted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world, record=True)
        await _monitor(world, call, MonitorMode.WHISPER)
        await world.passes(2.0)
        await _monitor(world, call, MonitorMode.LISTEN)
        await world.passes(2.0)
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    finished = [event for event in world.events if event.type == "rec.finished"]
    spans = sorted((event.restricted, round(event.duration_ms, -2)) for event in finished)  # type: ignore[attr-defined]
    assert spans == [(False, 4500), (True, 2000)]
    assert [event.mode for event in world.seen(SupervisionMode)] == ["listen"]


def test_a_held_customer_hears_music_and_no_supervisor(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world)
        await _monitor(world, call, MonitorMode.BARGE)
        call.hold(actor="li")
        assert _ears(world) == {"customer": {"default"}, "li": {"wang"}, "wang": {"li"}}
        call.resume(actor="li")
        assert _ears(world) == TABLE[MonitorMode.BARGE]
        world.carrier.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario)


def test_two_supervisors_hear_each_other_only_when_both_talk(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world)
        other = await world.browser("zhou")
        await _monitor(world, call, MonitorMode.WHISPER)
        await _monitor(world, call, MonitorMode.LISTEN, "zhou")
        assert world.engine.hears(other) == {"customer", "li"}
        assert _ears(world)["wang"] == {"customer", "li"}
        await _monitor(world, call, MonitorMode.BARGE, "zhou")
        assert world.engine.hears(other) == {"customer", "li", "wang"}
        assert _ears(world)["wang"] == {"customer", "li", "zhou"}
        assert _ears(world)["customer"] == {"li", "zhou"}
        world.carrier.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario)


def test_a_supervisor_moves_to_another_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world)
        await _monitor(world, call, MonitorMode.LISTEN)
        first, second = await world.phone("1001"), await world.phone("1002")
        second.answers()
        first.call("1002")
        await first.sees(sig.Answered)
        await world.passes(0.5)
        other = next(live for live in world.switch.calls._live.values() if live is not call)
        await _monitor(world, other, MonitorMode.LISTEN)
        assert not call.monitors.views()
        assert [view.supervisor for view in other.monitors.views()] == ["wang"]
        assert len(_ears(world)["wang"]) == 2
        assert "customer" not in _ears(world)["wang"]
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


def test_a_supervisor_ends_the_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world)
        await world.switch.calls.hang_up(call.id, "wang", "abuse")
        assert (await world.carrier.sees(sig.Ended)).status == 200
        await world.settles()

    world = run(tmp_path, scenario)
    released = world.seen(SupervisionReleased)[0]
    assert (released.actor, released.reason, released.call) == ("wang", "abuse", world.record().id)
    assert (world.record().who, world.record().cause) == ("supervisor", "supervisor")


def test_what_cannot_be_supervised(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(NotFound):
            world.supervision.start(Wish(supervisor="wang", actor="wang", mode=MonitorMode.LISTEN, call="c404"))
        world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        (call,) = world.switch.calls._live.values()
        with pytest.raises(Conflict, match="nobody talks"):
            await _monitor(world, call, MonitorMode.LISTEN)
        world.carrier.hang_up("call1")
        await world.passes(0.5)
        talk = await _agent_talks(world)
        with pytest.raises(Conflict, match="no sound"):
            await _monitor(world, talk, MonitorMode.LISTEN, "zhou")
        with pytest.raises(Invalid, match="expected"):
            await _monitor(world, talk, MonitorMode.LISTEN, device="outside:138")
        assert not talk.monitors.views()
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


def test_a_reloaded_page_of_the_supervisor_goes_on_listening(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _agent_talks(world)
        await _monitor(world, call, MonitorMode.LISTEN)
        await world.browser("wang")
        assert _ears(world) == TABLE[MonitorMode.LISTEN]
        await world.browser("li")
        assert _ears(world) == TABLE[MonitorMode.LISTEN]
        world.carrier.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario)
