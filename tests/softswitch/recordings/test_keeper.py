"""Names, recovery after a crash and removal by age, over a real database."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.model.clock import ManualClock
from softswitch.model.errors import NotFound
from softswitch.model.events import Event, RecordingFinished, RecordingStarted
from softswitch.observe.alarms import Alarms
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.tables import SCHEMA
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from softswitch.store.recordings import recording

DAY = 86_400.0


def _keeper(root: Path, clock: ManualClock, events: list[Event]) -> Keeper:
    return Keeper(root, clock, events.append, Alarms(events.append, clock))


def _sound(path: Path, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 32_000)))


def test_files_lie_by_day_and_never_collide(tmp_path: Path) -> None:
    keeper = _keeper(tmp_path, ManualClock(), [])
    first, second, whisper = keeper.new_file("c1"), keeper.new_file("c1"), keeper.new_file("c1", "r9")
    assert (first, second, whisper) == ("2023/11/14/c1.wav", "2023/11/14/c1-2.wav", "2023/11/14/c1-r9.wav")
    assert (tmp_path / "2023/11/14").is_dir()
    assert keeper.relative(str(keeper.place(first))) == first


@pytest.mark.parametrize("file", ["../secret.key", "/etc/passwd", "2023/../../x.wav", "2023/11/14/none.wav"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, file: str) -> None:
    with pytest.raises(NotFound):
        _keeper(tmp_path / "recordings", ManualClock(), []).path(file)


async def test_a_crash_leaves_a_playable_recording(tmp_path: Path) -> None:
    clock, bus = ManualClock(), Bus()
    store = await Store.open(f"sqlite:///{tmp_path}/db", (SCHEMA,))
    journal = Journal(store, bus.publish, clock, fold)
    journal.start()
    keeper = Keeper(tmp_path / "recordings", clock, journal.append, Alarms(journal.append, clock))
    for name in ("r1", "r2"):
        journal.append(RecordingStarted(call=f"c{name}", at=clock.utc(), recording=name, file=f"2023/11/14/c{name}.wav"))
    await journal.flush()
    _sound(tmp_path / "recordings/2023/11/14/cr1.wav.part", 3.0)
    assert await keeper.recover(store) == 2
    await journal.flush()
    row = await store.read(lambda c: recording(c, "r1"))
    assert row is not None
    assert (row.status, row.duration_ms) == ("recovered", 3000)
    assert keeper.path(row.file).stat().st_size == row.bytes
    assert len(await keeper.peaks(row.file)) == 2
    lost = await store.read(lambda c: recording(c, "r2"))
    assert lost is not None
    assert lost.status == "failed"
    assert await keeper.recover(store) == 0
    await journal.close()
    await store.close()


async def test_recordings_go_after_31_days(tmp_path: Path) -> None:
    clock, bus = ManualClock(), Bus()
    store = await Store.open(f"sqlite:///{tmp_path}/db", (SCHEMA,))
    journal = Journal(store, bus.publish, clock, fold, keep_days=31)
    journal.start()
    keeper = Keeper(tmp_path / "recordings", clock, journal.append, Alarms(journal.append, clock))
    for name in ("old", "new"):
        file = f"2023/11/14/{name}.wav"
        _sound(tmp_path / "recordings" / file, 0.1)
        journal.append(RecordingStarted(call=name, at=clock.utc(), recording=name, file=file))
        journal.append(
            RecordingFinished(
                call=name, at=clock.utc(), recording=name, file=file, status="complete", duration_ms=100, bytes=1, sha256="x"
            )
        )
        clock.advance(2 * DAY)
    await journal.flush()
    assert await keeper.sweep(store) == 0
    clock.advance(28 * DAY)
    assert await keeper.sweep(store) == 1
    assert not (tmp_path / "recordings/2023/11/14/old.wav").exists()
    assert (tmp_path / "recordings/2023/11/14/new.wav").exists()
    assert await store.read(lambda c: recording(c, "old")) is None
    await journal.close()
    await store.close()


def test_every_access_is_written_down(tmp_path: Path) -> None:
    events: list[Event] = []
    _keeper(tmp_path, ManualClock(), events).accessed("r1", "c1", "play", "wang")
    assert [(event.type, event.call, event.actor) for event in events] == [("rec.accessed", "c1", "wang")]
