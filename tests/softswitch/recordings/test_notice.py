"""The tone that tells of a recording (`recordings.notice_beep`): who hears it, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from media.commands import Play, StopPlay
from softswitch.directory.model import RecordingRule
from softswitch.recordings.keeper import Form
from tests.support.office import Office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path, agents=(), queues=())
    yield made
    await made.close()


async def test_who_is_recorded_hears_the_tone_and_nobody_else(office):
    office.snapshot = replace(office.snapshot, recording_rules={"all": RecordingRule(name="all")})
    caller, call = office.call("extension:1001")
    call.board.keeper.form = Form(notice_ms=15_000)
    await asyncio.sleep(0.05)
    office.phone("1001").accept()
    await asyncio.sleep(0.05)
    office.engine.label(call.mix.notice, "tone of the recording")
    assert caller.hears == {"1001", "tone of the recording"}
    assert office.phone("1001").hears == {"caller 13800138000", "tone of the recording"}
    played = next(one for batch in office.engine.batches for one in batch if isinstance(one, Play))
    assert played.tone is not None
    assert (played.tone.hertz, played.tone.on + played.tone.off, played.loop) == ((1400.0,), 15_000, True)
    assert office.engine.records(call.mix.recorder) == ({"caller 13800138000"}, {"1001"}), "it is in no file"
    call.hold()
    assert "tone of the recording" not in caller.hears, "who is on hold is not recorded with the others"
    call.resume()
    notice = call.mix.notice
    call.conversation.recorder.stop("admin", forced=True)
    assert caller.hears == {"1001"}
    assert StopPlay(notice) in [one for batch in office.engine.batches for one in batch]
