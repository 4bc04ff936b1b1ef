"""An archive of real files over a real database, with a clock that is turned by hand."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.model.clock import ManualClock
from softswitch.model.events import CallConnected, CallCreated, CallEnded, Event, RecordingFinished, RecordingStarted
from softswitch.observe.alarms import Alarms
from softswitch.recordings import wav
from softswitch.recordings.archive import Archive
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.tables import SCHEMA
from softswitch.recordings.watch import Watch
from softswitch.store.database import Store
from softswitch.store.journal import Journal


@dataclass
class Shelf:
    """`made` adds a call with its recording."""

    root: Path
    store: Store
    journal: Journal
    clock: ManualClock
    alarms: Alarms
    archive: Archive
    published: list[Event] = field(default_factory=list)

    async def made(
        self, name: str, *, agent: str = "li", queue: str = "sales", caller: str = "138", restricted: bool = False
    ) -> Path:
        """A call `cNAME` with the recording `rNAME` of a tenth of a second; the path of its file."""
        at, call, file = self.clock.utc(), f"c{name}", f"2023/11/14/c{name}.wav"
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(2)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(name.encode().ljust(3200, b"\1"))
        for event in (
            CallCreated(call=call, seq=1, at=at, direction="in", caller=caller, called="400", source="sip"),
            CallConnected(call=call, seq=2, at=at, other=f"agent:{agent}", agent=agent, queue=queue),
            RecordingStarted(call=call, seq=3, at=at, recording=f"r{name}", file=file, restricted=restricted),
            CallEnded(call=call, seq=4, at=at + 1, who="caller", cause="normal", q850=16, sip_status=200),
            RecordingFinished(
                call=call, seq=5, at=at + 1, recording=f"r{name}", file=file, status="complete", duration_ms=100,
                bytes=path.stat().st_size, sha256=wav.checksum(path), restricted=restricted,
            ),
        ):  # fmt: skip
            self.journal.append(event)
        await self.journal.flush()
        self.clock.advance(10)
        return path

    def raised(self) -> set[tuple[str, str]]:
        return {(alarm.code, alarm.object) for alarm in self.alarms.active()}


@pytest.fixture
async def shelf(tmp_path: Path, url: str) -> AsyncIterator[Shelf]:
    clock, bus = ManualClock(), Bus()
    store = await Store.open(url, (SCHEMA,))
    journal = Journal(store, bus.publish, clock, fold)
    journal.start()
    alarms = Alarms(journal.append, clock)
    keeper = Keeper(tmp_path / "recordings", clock, journal.append, alarms)
    published: list[Event] = []
    bus.subscribe(published.append)
    archive = Archive(store, keeper, clock, bus.publish, Watch(store, keeper, clock, alarms))
    yield Shelf(tmp_path / "recordings", store, journal, clock, alarms, archive, published)
    await journal.close()
    await store.close()
