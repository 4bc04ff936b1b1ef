"""Recorders: from start to verdict, and what happens when the disk fails."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path

import pytest

from media import routes
from media.errors import CommandRefused, MediaError
from media.routes import Monitor


async def bridged(desk):
    group = desk.media.new_group()
    customer, agent = await desk.party("customer", group), await desk.party("agent", group)
    desk.media.submit(routes.bridge(customer.id, agent.id))
    return customer, agent


async def test_a_recording_from_start_to_verdict(desk, tmp_path):
    customer, agent = await bridged(desk)
    recorder = desk.media.recorder(customer.group)
    path = tmp_path / "call.wav"
    started = await recorder.start(str(path), routes.record_channels(customer.id, (agent.id,)))
    assert started.path == str(path)
    assert Path(f"{path}.part").exists()
    assert desk.engine.records(recorder.id) == ({"customer"}, {"agent"})
    desk.engine.advance(2500)
    ended = await recorder.stop()
    assert (ended.duration, ended.verdict) == (2500, "complete")
    assert ended.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ended.bytes == path.stat().st_size
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 20000)
    assert not Path(f"{path}.part").exists()
    assert await recorder.stop() == ended
    assert not recorder.is_live


async def test_it_starts_in_the_batch_of_the_bridge(desk, tmp_path):
    customer, agent = await bridged(desk)
    recorder = desk.media.recorder(customer.group)
    channels = routes.record_channels(customer.id, (agent.id,))
    desk.media.submit(routes.bridge(customer.id, agent.id), recorder.command(str(tmp_path / "a.wav"), channels))
    assert len(desk.engine.batches[-1]) == 3
    assert (await recorder.stop()).verdict == "complete"


async def test_channels_follow_the_supervisor(desk, tmp_path):
    customer, agent = await bridged(desk)
    supervisor = await desk.party("supervisor", customer.group)
    recorder = desk.media.recorder(customer.group)
    await recorder.start(str(tmp_path / "a.wav"), routes.record_channels(customer.id, (agent.id,)))
    for mode, right in ((Monitor.WHISPER, {"agent"}), (Monitor.BARGE, {"agent", "supervisor"}), (Monitor.OFF, {"agent"})):
        channels = routes.record_channels(customer.id, (agent.id,), supervisor.id, mode)
        desk.media.submit(
            routes.monitored(mode, customer.id, agent.id, supervisor.id), recorder.control_command(channels, mark=mode)
        )
        assert desk.engine.records(recorder.id) == ({"customer"}, right)
    assert desk.engine.recorder_marks(recorder.id) == ("whisper", "barge", "off")
    recorder.control(pause=True)
    assert desk.engine.records(recorder.id) == (set(), set())
    await recorder.stop()


async def test_a_folder_that_is_not_there_is_refused(desk, tmp_path):
    customer, agent = await bridged(desk)
    recorder = desk.media.recorder(customer.group)
    with pytest.raises(CommandRefused, match="file_error"):
        await recorder.start(str(tmp_path / "nowhere" / "a.wav"), routes.record_channels(customer.id, (agent.id,)))
    with pytest.raises(CommandRefused, match="file_error"):
        await recorder.stop()


async def test_a_full_disk_ends_it_as_degraded(desk, tmp_path):
    customer, agent = await bridged(desk)
    recorder = desk.media.recorder(customer.group)
    await recorder.start(str(tmp_path / "a.wav"), routes.record_channels(customer.id, (agent.id,)))
    desk.engine.advance(1000)
    desk.engine.degrade(recorder.id)
    assert (await recorder.ended()).verdict == "degraded"
    assert recorder.degraded == ["disk_full"]
    recorder.control(pause=True)  # nothing to control any more, and no harm
    assert desk.engine.hears(customer.id) == {"agent"}


async def test_waiting_for_one_that_never_started_is_a_mistake(desk):
    with pytest.raises(MediaError, match="before it was started"):
        await desk.media.recorder(1).ended()
