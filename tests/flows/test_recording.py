"""What is recorded, from when to when, and what happens when the disk is full."""

from pathlib import Path

from signalling import events as sig
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.events import RecordingDegraded, RecordingFinished, RecordingStarted
from softswitch.recordings import wav
from tests.flows.world import World, run


async def _recorded_call(world: World) -> Call:
    """Music first, then a conversation with li that is recorded."""

    async def to_agent(call: Call, to: Destination) -> Outcome:
        await call.answer()
        await call.music()
        await world.passes(3.0)
        async with call.dialling(to, quiet=True) as leg:
            return Outcome.ended(await call.bridge(leg, record=True, agent=to.name, queue="sales"))

    world.switch.handlers[DestinationKind.AGENT] = to_agent
    await world.browser("li")
    world.carrier.call("4008")
    await world.carrier.sees(sig.Answered)
    await world.passes(0.5)
    assert world.engine.hears(world.carrier.port) == {"default"}
    await world.passes(4.0)
    world.switch.stations.accept("li")
    await world.passes(0.01)
    world.engine.label(world.carrier.port, "customer")
    (call,) = world.switch.calls._live.values()
    return call


def test_from_the_agents_answer_to_the_end(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _recorded_call(world)
        assert world.engine.records(call.mix.recorder) == ({"customer"}, {"li"})
        await world.passes(5.0)
        world.switch.stations.hang_up("li")
        await world.settles()

    world = run(tmp_path, scenario)
    finished = world.seen(RecordingFinished)[0]
    record = world.record()
    assert finished.status == "complete"
    assert abs(finished.duration_ms - record.talk_ms) < 100
    assert finished.file.endswith(f"/{record.id}.wav")
    path = tmp_path / "recordings" / finished.file
    assert wav.examine(path).channels == 2
    assert wav.checksum(path) == finished.sha256
    assert path.stat().st_size == finished.bytes
    assert finished.seq > world.seen(RecordingStarted)[0].seq


def test_a_full_disk_stops_the_recording_not_the_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _recorded_call(world)
        await world.passes(2.0)
        world.engine.degrade(call.mix.recorder)
        await world.passes(0.1)
        assert world.alarms.raised == [("recording_degraded", "")]
        assert world.engine.hears(world.carrier.port) == {"li"}
        call.hold(actor="li")  # what follows must not trouble a recorder that is gone
        call.resume(actor="li")
        await world.passes(2.0)
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.status for event in world.seen(RecordingFinished)] == ["degraded"]
    assert [event.reason for event in world.seen(RecordingDegraded)] == ["disk_full"]
    assert world.record().result == "answered"


def test_a_file_that_cannot_be_made_fails_the_recording_not_the_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.engine.fail_next("Record", "file_error")
        await _recorded_call(world)
        await world.passes(1.0)
        assert world.engine.hears(world.carrier.port) == {"li"}
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.status for event in world.seen(RecordingFinished)] == ["failed"]
    assert world.alarms.raised == [("recording_degraded", "")]


def test_direct_calls_are_not_recorded(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("li")
        world.carrier.call("4008")
        await world.passes(0.5)
        world.switch.stations.accept("li")
        await world.passes(1.0)
        world.carrier.hang_up("call1")
        await world.settles()

    assert not run(tmp_path, scenario).seen(RecordingStarted)
