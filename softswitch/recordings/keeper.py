"""Keeps recordings: names files, repairs what a crash left open, removes what is too old.

Rows of recordings follow from the events `rec.started` and `rec.finished` (store); only removal touches them here.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from softswitch.model.clock import Clock
from softswitch.model.errors import NotFound
from softswitch.model.events import Event, RecordingAccessed, RecordingFinished
from softswitch.model.states import RecordingStatus
from softswitch.recordings import questions, wav
from softswitch.store.database import Store
from softswitch.store.recordings import remove_recordings, unfinished_recordings
from softswitch.store.rows import RecordingRow

log = structlog.get_logger("recordings")

SWEEP_SECONDS = 3600.0


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


class Keeper:
    """Files lie at `root/YYYY/MM/DD/CALLID.wav` (UTC); while they are written the engine adds `.part`."""

    def __init__(
        self, root: Path, clock: Clock, emit: Callable[[Event], None], alarms: AlarmSink, *, fallback: str = ""
    ) -> None:
        self.root = root
        self.fallback = fallback
        """Directory that the engine turns to when the first one fails; "" for none."""
        self._clock = clock
        self._emit = emit
        self._alarms = alarms
        self._live: set[str] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    # files

    def new_file(self, call: str, suffix: str = "") -> str:
        """A name relative to the root that nothing has yet; its directory exists. A second recording of a call is numbered."""
        day = datetime.fromtimestamp(self._clock.utc(), UTC).strftime("%Y/%m/%d")
        stem = f"{call}-{suffix}" if suffix else call
        file, number = f"{day}/{stem}.wav", 1
        while file in self._live or (self.root / file).exists():
            number += 1
            file = f"{day}/{stem}-{number}.wav"
        self._live.add(file)
        self._quiet.clear()
        try:
            (self.root / day).mkdir(parents=True, exist_ok=True)
        except OSError as fault:  # the engine will say the same about the file; the call goes on
            log.error("! no recording directory", day=day, error=str(fault))
        return file

    def place(self, file: str) -> Path:
        """Where a file of this name lies. Raises ValueError when the name leads out of the root."""
        path = (self.root / file).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError(f"recording outside of the recordings directory: {file!r}")
        return path

    def whereabouts(self, file: str) -> Path:
        """Where the file of a row lies, in the fallback directory too. Raises ValueError for any other place."""
        if self.fallback and Path(file).is_absolute() and Path(file).resolve().is_relative_to(Path(self.fallback).resolve()):
            return Path(file)
        return self.place(file)

    def unlink(self, file: str) -> None:
        """Removes a file, if it is there. Raises OSError, ValueError; blocks."""
        self.whereabouts(file).unlink(missing_ok=True)

    def relative(self, path: str) -> str:
        """The name of a file by its path; a file in the fallback directory keeps its full path."""
        full = Path(path).resolve()
        root = self.root.resolve()
        return str(full.relative_to(root)) if full.is_relative_to(root) else path

    def began(self, file: str) -> None:
        """The engine writes the file, so the disk is well."""
        self._alarms.clear("recording_degraded")

    def degraded(self, call: str, reason: str) -> None:
        """Part of a recording is lost; the call goes on."""
        log.error("! recording degraded", call=call, reason=reason)
        self._alarms.raise_("recording_degraded", "critical", f"Recordings lose audio: {reason}")

    def finished(self, file: str) -> None:
        """The file is closed and hashed, or was never written."""
        self._live.discard(file)
        if not self._live:
            self._quiet.set()

    async def settled(self, seconds: float) -> None:
        """Waits until no file is being written, at most so long; what is left then is recovered at the next start."""
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("! recordings left open", count=len(self._live))

    def path(self, file: str) -> Path:
        """Where a recording that can be heard lies. Raises NotFound when it is outside of the root or gone."""
        try:
            path = self.whereabouts(file)
        except ValueError as fault:
            raise NotFound("there is no such recording") from fault
        if not path.is_file():
            raise NotFound("the recording's file is gone")
        return path

    async def peaks(self, file: str, points: int = 800) -> list[list[float]]:
        """The waveform: peak values 0…1 per channel. Raises NotFound."""
        try:
            return (await asyncio.to_thread(wav.peaks, self.path(file), points))[1]
        except wav.NotWav as fault:
            raise NotFound(str(fault)) from fault

    def accessed(self, recording: str, call: str, how: str, actor: str) -> None:
        """Writes down who played or downloaded a recording."""
        self._emit(RecordingAccessed(call=call, at=self._clock.utc(), actor=actor, recording=recording, how=how))

    # after a crash

    async def recover(self, store: Store) -> int:
        """Finishes every row that is still `recording`: repairs its `.part` file, or fails it. Returns how many."""
        rows = await store.read(unfinished_recordings)
        for row in rows:
            finished = await asyncio.to_thread(self._rescued, row)
            self._emit(finished)
            log.info("= recording recovered", call=row.call, status=finished.status, duration_ms=finished.duration_ms)
        return len(rows)

    def _rescued(self, row: RecordingRow) -> RecordingFinished:
        done = partial(
            RecordingFinished, call=row.call, at=self._clock.utc(), actor="system", recording=row.id, file=row.file,
            restricted=row.restricted,
        )  # fmt: skip
        try:
            path = self.place(row.file)
            part = path.with_name(path.name + ".part")
            if part.exists():
                wav.repair(part)
                part.replace(path)
            found = wav.examine(path)
            size, digest = path.stat().st_size, wav.checksum(path)
        except (OSError, wav.NotWav, ValueError) as fault:
            log.error("! recording lost", call=row.call, file=row.file, error=str(fault))
            return done(status=RecordingStatus.FAILED.value, duration_ms=0, bytes=0, sha256="")
        return done(status=RecordingStatus.RECOVERED.value, duration_ms=found.duration_ms, bytes=size, sha256=digest)

    # retention

    async def sweep(self, store: Store) -> int:
        """Removes recordings whose time is over and that nobody holds, files first. Returns how many."""
        removed = 0
        while rows := await store.read(partial(questions.expired, now=self._clock.utc())):
            gone = await asyncio.to_thread(self._unlink, rows)
            if not gone:
                break
            await store.write(partial(remove_recordings, identities=gone))
            removed += len(gone)
        if removed:
            log.info("= recordings removed", count=removed)
        return removed

    async def keep_sweeping(self, store: Store) -> None:
        """Sweeps now and every hour, until cancelled."""
        while True:
            await self.sweep(store)
            await asyncio.sleep(SWEEP_SECONDS)

    def _unlink(self, rows: list[RecordingRow]) -> list[str]:
        gone = []
        for row in rows:
            try:
                self.unlink(row.file)
            except (OSError, ValueError) as fault:
                log.error("! recording not removed", file=row.file, error=str(fault))
                continue
            gone.append(row.id)
        return gone

    def disk_free(self) -> int:
        """Free octets on the recordings' disk."""
        return shutil.disk_usage(self.root if self.root.exists() else self.root.parent).free
