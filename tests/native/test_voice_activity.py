"""The engine tells when a caller who is recorded alone begins and ceases to speak; voicemail ends a message by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from media.commands import Listen, OpenBus, Record
from media.engine import native_engine
from media.events import ActiveSpeakers
from tests.native.parties import Clock
from tests.native.test_contract import NativeRig

CALLER, BUS, RECORDER, GROUP = 1, 90, 91, 1
SILENCE = b"\xff" * 160  # µ-law


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[NativeRig]:
    found = NativeRig(native_engine("127.0.0.1", 32000, 32098, 1, str(tmp_path)), tmp_path, Clock())
    yield found
    found.clock.stop()
    found.engine.close()


def test_a_bus_that_nobody_listens_to_tells_who_speaks(rig: NativeRig) -> None:
    rig.party(CALLER, GROUP)
    caller = rig.clock.parties[CALLER]
    tone = caller._frame
    caller._frame = SILENCE
    rig.engine.submit(
        [
            Record(RECORDER, GROUP, str(rig.folder / "message.wav"), ({CALLER: 0.0},)),
            OpenBus(BUS, GROUP, 1),
            Listen(BUS, {CALLER: 0.0}),
        ]
    )
    rig.pass_time(1000)
    rig.seen += rig.engine.drain()
    assert not [event for event in rig.seen if isinstance(event, ActiveSpeakers) and event.ports], "nobody speaks"
    rig.seen.clear()
    caller._frame = tone
    begun = rig.wait(ActiveSpeakers, BUS)
    assert isinstance(begun, ActiveSpeakers)
    assert begun.ports == (CALLER,)
    caller._frame = SILENCE
    ended = rig.wait(ActiveSpeakers, BUS)
    assert isinstance(ended, ActiveSpeakers)
    assert ended.ports == ()
