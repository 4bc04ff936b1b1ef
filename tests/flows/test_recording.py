"""What is recorded, from when to when, and what happens when the disk is full."""

from pathlib import Path
from typing import Any

import pytest

from signalling import events as sig
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.directory.centre import RecordingRule
from softswitch.directory.model import Kind
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Forbidden
from softswitch.model.events import (
    CallData,
    RecordingDegraded,
    RecordingFinished,
    RecordingPaused,
    RecordingResumed,
    RecordingStarted,
)
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


def _rule(**values: Any) -> tuple[Kind, RecordingRule]:
    return Kind.RECORDING_RULE, RecordingRule(name="r", **values)


async def _direct_call(world: World) -> Call:
    """A customer talks to li at its page, beside the queues."""
    await world.browser("li")
    world.carrier.call("4008", caller="13800138000")
    await world.passes(0.5)
    world.switch.stations.accept("li")
    await world.passes(1.0)
    (call,) = world.switch.calls._live.values()
    return call


def test_a_rule_records_direct_calls_of_a_number(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await _direct_call(world)
        world.carrier.hang_up("call1")
        await world.settles()

    assert run(tmp_path, scenario, _rule(number="1*", direction="in")).seen(RecordingStarted)[0].rule == "r"
    assert not run(tmp_path, scenario, _rule(number="9*")).seen(RecordingStarted)


def test_a_rule_overrules_the_queue(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _recorded_call(world)
        with pytest.raises(Forbidden, match="rule 'r'"):
            call.conversation.recorder.start("li")
        world.carrier.hang_up("call1")
        await world.settles()

    assert not run(tmp_path, scenario, _rule(queue="sales", mode="never")).seen(RecordingStarted)


def test_on_demand_from_start_to_stop(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _direct_call(world)
        recorder = call.conversation.recorder
        assert not world.seen(RecordingStarted)
        with pytest.raises(Conflict, match="not being recorded"):
            recorder.pause("li")
        recorder.start("li")
        recorder.start("li")
        await world.passes(3.0)
        recorder.stop("li")
        await world.passes(2.0)
        recorder.start("li")
        await world.passes(1.0)
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario, _rule(agent="li", mode="on_demand"))
    assert [event.actor for event in world.seen(RecordingStarted)] == ["li", "li"]
    assert [round(event.duration_ms, -2) for event in world.seen(RecordingFinished)] == [3000, 1000]


def test_a_pause_is_silence_and_the_times_stay_true(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _recorded_call(world)
        recorder = call.conversation.recorder
        with pytest.raises(Forbidden, match="paused, not ended"):
            recorder.stop("li")
        await world.passes(1.0)
        recorder.pause("li", "card number")
        assert world.engine.records(call.mix.recorder) == (set(), set())
        call.hold(actor="li")
        call.resume(actor="li")
        assert world.engine.records(call.mix.recorder) == (set(), set()), "a change of the routes does not end the pause"
        await world.passes(2.0)
        recorder.resume("li")
        assert world.engine.records(call.mix.recorder) == ({"customer"}, {"li"})
        await world.passes(1.0)
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.actor, event.reason) for event in world.seen(RecordingPaused)] == [("li", "card number")]
    assert len(world.seen(RecordingResumed)) == 1
    assert abs(world.seen(RecordingFinished)[0].duration_ms - world.record().talk_ms) < 100


def test_who_refuses_is_not_recorded(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("li")
        world.carrier.call("4008")
        await world.passes(0.5)
        (call,) = world.switch.calls._live.values()
        assert call.consent_prompt("sales") == ""
        call.refuse_recording()
        world.switch.stations.accept("li")
        await world.passes(1.0)
        with pytest.raises(Forbidden, match="consent"):
            call.conversation.recorder.start("wang")
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario, _rule())
    assert not world.seen(RecordingStarted)
    assert world.seen(CallData)[0].values == {"recording": "refused"}
