"""Keeps recordings: names files, repairs what a crash left open, removes what is too old.

Rows of recordings follow from the events `rec.started` and `rec.finished` (store); only removal touches them here.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import structlog
from sqlalchemy import Connection

from softswitch.model.clock import Clock
from softswitch.model.errors import NotFound
from softswitch.model.events import Event, RecordingAccessed, RecordingFinished
from softswitch.model.states import RecordingStatus
from softswitch.recordings import ogg, questions, sound, wav
from softswitch.recordings.depot import Away, Depot
from softswitch.recordings.sound import MANIFEST, SEALED, Sound
from softswitch.recordings.vault import FileKey, KeyRing, Unreadable
from softswitch.store.database import Store
from softswitch.store.recordings import remove_recordings, unfinished_recordings
from softswitch.store.rows import RecordingRow

log = structlog.get_logger("recordings")

SWEEP_SECONDS = 3600.0
CACHE = ".cache"
"""Folder below the root with what was fetched from the store to be heard."""
CACHE_BYTES = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How new recordings are written. `beep_ms`: a paused one has a short tone so often; 0: silence.

    `notice_ms`: who is recorded hears a tone so often; 0: never.
    """

    container: Literal["wav", "opus"] = "wav"
    ring: KeyRing = field(default_factory=KeyRing)
    beep_ms: int = 0
    notice_ms: int = 0


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


class Keeper:
    """Files lie at `root/YYYY/MM/DD/CALLID.wav` or `.opus` (UTC), `.enc` behind it when encrypted.

    While they are written the engine adds `.part`; beside each lies what it noted, with `.json` behind the name. With a
    `depot` finished files go there (`mover.py`), and come back into `root/.cache` to be heard.
    """

    def __init__(
        self, root: Path, clock: Clock, emit: Callable[[Event], None], alarms: AlarmSink, *, fallback: str = "",
        form: Form | None = None, depot: Depot | None = None,
    ) -> None:  # fmt: skip
        self.root = root
        self.fallback = fallback
        """Directory that the engine turns to when the first one fails; "" for none."""
        self.form = form or Form()
        self.depot = depot
        self._clock = clock
        self._emit = emit
        self._alarms = alarms
        self._live: set[str] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    # files

    def new_file(self, call: str, suffix: str = "", *, plain: bool = False) -> str:
        """A name relative to the root that nothing has yet; its directory exists. A second recording of a call is numbered.

        `plain`: a WAV file in the clear whatever the settings say, for what becomes a message or an announcement.
        """
        day = datetime.fromtimestamp(self._clock.utc(), UTC).strftime("%Y/%m/%d")
        stem = f"{call}-{suffix}" if suffix else call
        ending = ".wav" if plain else f".{self.form.container}{SEALED if self.form.ring.active else ''}"
        file, number = f"{day}/{stem}{ending}", 1
        while file in self._live or (self.root / file).exists():
            number += 1
            file = f"{day}/{stem}-{number}{ending}"
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

    def new_key(self, file: str) -> FileKey | None:
        """The key for a file of this name; None for one in the clear."""
        return self.form.ring.new_file() if file.endswith(SEALED) else None

    def unlink(self, file: str) -> None:
        """Removes a file from this machine, if it is there. Raises OSError, ValueError; blocks."""
        path = self.whereabouts(file)
        for place in (path, self._cached(file)):
            place.unlink(missing_ok=True)
            place.with_name(place.name + MANIFEST).unlink(missing_ok=True)

    async def remove(self, file: str) -> None:
        """Removes a file wherever it lies. Raises OSError, ValueError, Away."""
        await asyncio.to_thread(self.unlink, file)
        if self.depot is not None:
            await self.depot.delete(self.object_name(file))
            await self.depot.delete(self.object_name(file) + MANIFEST)

    def object_name(self, file: str) -> str:
        """The name of a file in the store."""
        return f"fallback/{Path(file).name}" if Path(file).is_absolute() else file

    def _cached(self, file: str) -> Path:
        return self.root / CACHE / self.object_name(file)

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

    async def sound(self, file: str) -> Sound:
        """What can be played, fetched from the store if need be. Raises NotFound."""
        path = await self._at_hand(file)
        try:
            return await asyncio.to_thread(sound.open_sound, path, self.form.ring)
        except (Unreadable, OSError) as fault:
            log.error("! recording not readable", file=file, error=str(fault))
            raise NotFound(f"the recording cannot be read: {fault}") from fault

    async def _at_hand(self, file: str) -> Path:
        """Where the file lies on this machine. Raises NotFound."""
        try:
            return self.path(file)
        except NotFound:
            if self.depot is None or not self._is_inside(file):
                raise
        path = self._cached(file)
        if not path.is_file():
            name = self.object_name(file)
            try:
                await self.depot.fetch(name, path)
                await self._fetch_manifest(name, path)
            except FileNotFoundError as fault:
                raise NotFound("the recording's file is gone") from fault
            except (Away, OSError) as fault:
                log.error("! recording not fetched", file=file, error=str(fault))
                raise NotFound("the recording lies in a store that cannot be reached now") from fault
            await asyncio.to_thread(self._trim_cache, path)
        return path

    async def _fetch_manifest(self, name: str, path: Path) -> None:
        assert self.depot is not None
        try:
            await self.depot.fetch(name + MANIFEST, path.with_name(path.name + MANIFEST))
        except FileNotFoundError:
            return  # the sound can be heard without its picture

    def _is_inside(self, file: str) -> bool:
        try:
            self.whereabouts(file)
        except ValueError:
            return False
        return True

    def _trim_cache(self, newest: Path) -> None:
        """The oldest fetched files go when there is too much of them; blocks."""
        found = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in (self.root / CACHE).rglob("*") if p.is_file())
        left = sum(size for _, size, _ in found)
        for _, size, path in found:
            if left <= CACHE_BYTES:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                left -= size

    async def peaks(self, file: str, points: int = 800) -> list[list[float]]:
        """The waveform: peak values 0…1 per channel. Raises NotFound."""
        try:
            return await asyncio.to_thread(sound.peaks, await self.sound(file), points)
        except (wav.NotWav, Unreadable) as fault:
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
            RecordingFinished, call=row.call, at=self._clock.utc(), actor="system", recording=row.id,
            restricted=row.restricted,
        )  # fmt: skip
        try:
            path = self._left_behind(row.file)
            part = path.with_name(path.name + ".part")
            if part.exists():
                sound.repair(part, self.form.ring)
                part.replace(path)
            length = sound.duration_ms(sound.open_sound(path, self.form.ring))
            size, digest, file = path.stat().st_size, wav.checksum(path), self.relative(str(path))
        except (OSError, wav.NotWav, ogg.NotOgg, ValueError) as fault:
            log.error("! recording lost", call=row.call, file=row.file, error=str(fault))
            return done(file=row.file, status=RecordingStatus.FAILED.value, duration_ms=0, bytes=0, sha256="")
        return done(file=file, status=RecordingStatus.RECOVERED.value, duration_ms=length, bytes=size, sha256=digest)

    def _left_behind(self, file: str) -> Path:
        """Where a crash left the file: where it was to lie, or in the fallback directory. Raises ValueError."""
        path = self.place(file)
        other = Path(self.fallback) / path.name if self.fallback else path
        is_there = path.exists() or path.with_name(path.name + ".part").exists()
        return path if is_there or not other.with_name(other.name + ".part").exists() else other

    # retention

    async def sweep(self, store: Store) -> int:
        """Removes recordings whose time is over and that nobody holds, files first. Returns how many."""
        removed = 0
        while rows := await store.read(partial(questions.expired, now=self._clock.utc())):
            gone = [row.id for row in rows if await self._gone(row)]
            if not gone:
                break
            await store.write(partial(_forget, identities=gone))
            removed += len(gone)
        if removed:
            log.info("= recordings removed", count=removed)
        return removed

    async def keep_sweeping(self, store: Store) -> None:
        """Sweeps now and every hour, until cancelled."""
        while True:
            await self.sweep(store)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _gone(self, row: RecordingRow) -> bool:
        try:
            await self.remove(row.file)
        except (OSError, ValueError, Away) as fault:
            log.error("! recording not removed", file=row.file, error=str(fault))
            return False
        return True

    def disk_free(self) -> int:
        """Free octets on the recordings' disk."""
        return shutil.disk_usage(self.root if self.root.exists() else self.root.parent).free


def _forget(connection: Connection, identities: list[str]) -> None:
    remove_recordings(connection, identities)
    questions.forget_objects(connection, identities)
