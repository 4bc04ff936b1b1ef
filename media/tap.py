"""A tap's handle: the sound of whoever is heard, chunk by chunk, for a reader that may be slow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from media.commands import CloseTap, Encoding, OpenTap
from media.engine import EnginePump, refusal
from media.errors import EngineClosed, MediaError
from media.events import CommandFailed, Event, TapAudio, TapOverrun


@dataclass(frozen=True, slots=True)
class Chunk:
    """`data` began at `at` (engine seconds); `missing` ms before it were dropped because nobody read them."""

    at: float
    data: bytes
    missing: int = 0


class Tap:
    """One `OpenTap`. Made by `MediaService.tap`; owned by whoever made it, who must `close` it.

    At most `queue` ms wait for the reader here too, then the oldest is dropped: a slow reader never costs memory, nor the call.
    """

    def __init__(self, pump: EnginePump, tap: int, group: int) -> None:
        self.id = tap
        self.group = group
        self.dropped_ms = 0
        self._pump = pump
        self._chunk_ms = 20
        self._chunks: deque[TapAudio] = deque(maxlen=1)
        self._missing = 0
        self._arrived = asyncio.Event()
        self._fault: MediaError | None = None
        self._cancel: Callable[[], None] | None = None

    def command(
        self,
        sources: Mapping[int, float],
        *,
        rate: int = 8000,
        encoding: Encoding = "pcm",
        chunk: int = 20,
        queue: int = 2000,
        ear: int = 0,
    ) -> list[OpenTap]:
        """The batch part that starts it; the caller submits it."""
        self._chunk_ms = chunk
        self._chunks = deque(maxlen=max(1, queue // chunk))
        self._cancel = self._pump.subscribe(self.id, self._receive)
        return [OpenTap(self.id, self.group, sources, rate, encoding, chunk, queue, ear)]

    async def next(self) -> Chunk:
        """The next chunk. Raises CommandRefused when the tap could not be opened, EngineClosed after `close`."""
        while not self._chunks:
            if self._fault is not None:
                raise self._fault
            self._arrived.clear()
            await self._arrived.wait()
        missing, self._missing = self._missing, 0
        audio = self._chunks.popleft()
        return Chunk(audio.at, audio.data, missing)

    def close(self) -> None:
        """Ends it; what waits can still be read. Idempotent."""
        if self._cancel is None:
            return
        self._cancel()
        self._cancel = None
        if not self._pump.is_closed:
            self._pump.submit([CloseTap(self.id)])
        self._fail(EngineClosed("the tap was closed"))

    def _receive(self, event: Event) -> None:
        match event:
            case TapAudio():
                if len(self._chunks) == self._chunks.maxlen:
                    self._miss(self._chunk_ms)
                self._chunks.append(event)
                self._arrived.set()
            case TapOverrun(dropped_ms=dropped):
                self._miss(dropped)
            case CommandFailed(command="OpenTap"):
                self._fail(refusal(event))

    def _miss(self, ms: int) -> None:
        self.dropped_ms += ms
        self._missing += ms

    def _fail(self, fault: MediaError) -> None:
        self._fault = self._fault or fault
        self._arrived.set()
