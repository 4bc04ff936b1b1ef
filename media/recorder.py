"""A recorder's handle: start, change, stop, and the verdict at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from media.commands import ControlRecord, Record, StopRecord
from media.engine import EnginePump
from media.errors import MediaError
from media.events import Event, RecordDegraded, RecordEnded, RecordStarted
from media.routes import Channels

STOP_SECONDS = 10.0
"""Patch, flush, rename, hash: more than that and the keeper takes the file over."""


class Recorder:
    """One file. Owned by the call that started it; it may also end by itself (disk full), which `ended` tells."""

    def __init__(self, pump: EnginePump, recorder: int, group: int) -> None:
        self.id = recorder
        self.group = group
        self.path = ""
        self.degraded: list[str] = []
        self._pump = pump
        self._ended: asyncio.Future[RecordEnded] | None = None
        self._cancel = pump.subscribe(recorder, self._receive)

    def command(self, path: str, channels: Channels, *, rate: int = 8000, fallback: str = "") -> list[Record]:
        """The batch part that starts it, so that it begins on the frame of the bridge; `started` awaits the outcome."""
        self.path = path
        self._ended = self._pump.expect(self.id, RecordEnded, "Record")
        self._ended.add_done_callback(lambda ended: None if ended.cancelled() else _seen(ended))
        return [Record(self.id, self.group, path, channels, rate, fallback)]

    async def start(self, path: str, channels: Channels, *, rate: int = 8000, fallback: str = "") -> RecordStarted:
        """Starts it and waits for the file. Raises CommandRefused (`file_error`, `limit`)."""
        started = self._pump.expect(self.id, RecordStarted, "Record")
        self._pump.submit(self.command(path, channels, rate=rate, fallback=fallback))
        return await started

    @property
    def is_live(self) -> bool:
        """Whether it was started and has not ended."""
        return self._ended is not None and not self._ended.done()

    def control(self, channels: Channels | None = None, *, pause: bool | None = None, mark: str = "") -> None:
        """Changes a live recorder; without effect on one that ended."""
        batch = self.control_command(channels, pause=pause, mark=mark)
        if batch:
            self._pump.submit(batch)

    def control_command(
        self, channels: Channels | None = None, *, pause: bool | None = None, mark: str = ""
    ) -> Sequence[ControlRecord]:
        """The same as a batch part, to change on one frame with the routes."""
        return [ControlRecord(self.id, channels, pause, mark)] if self.is_live else []

    async def ended(self) -> RecordEnded:
        """Waits until the file is complete. Raises CommandRefused when the recorder never started, EngineClosed."""
        if self._ended is None:
            raise MediaError("a recorder is awaited before it was started")
        return await asyncio.shield(self._ended)

    async def stop(self, timeout: float = STOP_SECONDS) -> RecordEnded:  # noqa: ASYNC109 -- the one place that knows the bound
        """Stops it and waits for the verdict. Raises TimeoutError after `timeout` seconds; stopping twice is harmless."""
        if self.is_live:
            self._pump.submit([StopRecord(self.id)])
        async with asyncio.timeout(timeout):
            return await self.ended()

    def _receive(self, event: Event) -> None:
        match event:
            case RecordDegraded(reason=reason):
                self.degraded.append(reason)
            case RecordEnded():
                self._cancel()


def _seen(ended: asyncio.Future[RecordEnded]) -> None:
    """A refusal reaches those who await; if nobody does, it is in the pump's watchers and need not be reported as forgotten."""
    ended.exception()
