"""Records the caller alone: until a key, silence, the greatest length, or until the caller is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from media.commands import CloseBus, Command, Listen, OpenBus
from media.errors import MediaError
from media.events import ActiveSpeakers, Event, RecordEnded
from softswitch.calls.call import Call
from softswitch.calls.record import Recording

BEEP = ("music", "beep")
CLOSING = 10.0
"""Seconds until a stopped file is closed and hashed; after that the caller does not wait for it any more."""


@dataclass(frozen=True, slots=True)
class Take:
    """How to record a caller."""

    max_seconds: float = 180.0
    silence: float = 4.0
    """Ends the recording after so many seconds without a voice; 0 = never."""
    finish_on: str = "#"
    beep: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """A recording of a caller. `why`: key, silence, length, failed."""

    recording: str = ""
    file: str = ""
    duration_ms: int = 0
    why: str = "failed"


@dataclass(slots=True)
class _Voice:
    """Listens for silence with a bus of its own, whose only member is the caller; the engine tells when the caller speaks."""

    call: Call
    seconds: float
    bus: int = 0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    _timer: asyncio.TimerHandle | None = None
    _forget: Callable[[], None] | None = None

    def start(self) -> list[Command]:
        if not self.seconds:
            return []
        media = self.call.board.media
        self.bus = media.ids.next()
        self._forget = media.pump.subscribe(self.bus, self._heard)
        self._wait()
        return [OpenBus(self.bus, self.call.mix.group, 1), Listen(self.bus, {self.call.caller.port: 0.0})]

    def stop(self) -> list[Command]:
        if self._timer is not None:
            self._timer.cancel()
        if self._forget is not None:
            self._forget()
        return [CloseBus(self.bus)] if self.bus else []

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self.quiet.set)

    def _heard(self, event: Event) -> None:
        if isinstance(event, ActiveSpeakers) and self._timer is not None:
            self._timer.cancel()
            if not event.ports:
                self._wait()


async def take(call: Call, wish: Take, begun: Callable[[Recording], None] | None = None) -> Taken:
    """Records; `begun` is told when the file is open, and its owner learns of the end even when the caller hangs up.

    A caller who hangs up ends the recording like a key; the task is cancelled all the same.
    """
    await call.answer()
    if wish.beep:
        await call.sound.play((BEEP[1],), BEEP[0])
        call.forget_digits()
    board = call.board
    recording = Recording(board.media, board.keeper, board.ids, call.timeline, plain=True)
    ended = board.media.pump.expect(recording.node, RecordEnded, "Record")
    ended.add_done_callback(_looked_at)
    voice = _Voice(call, wish.silence)
    channels = ({call.caller.port: 0.0},)
    board.media.pump.submit([*recording.start(call.mix.group, channels, rule="message"), *voice.start()])
    if begun is not None:
        begun(recording)
    try:
        why = await _until(call, wish, voice, ended)
    finally:
        if not board.media.pump.is_closed:
            board.media.pump.submit([*recording.stop(), *voice.stop()])
    return await _closed(recording, ended, why)


async def _until(call: Call, wish: Take, voice: _Voice, ended: asyncio.Future[RecordEnded]) -> str:
    """Why it is over: key, silence, length, failed."""
    loop = asyncio.get_running_loop()
    key, quiet = loop.create_task(_key(call, wish)), loop.create_task(voice.quiet.wait())
    try:
        waited: set[asyncio.Future[Any]] = {key, quiet, ended}
        await asyncio.wait(waited, timeout=wish.max_seconds, return_when=asyncio.FIRST_COMPLETED)
        if key.done():
            return "key"
        return "silence" if quiet.done() else "failed" if ended.done() else "length"
    finally:
        for task in (key, quiet):
            task.cancel()
        await asyncio.gather(key, quiet, return_exceptions=True)


async def _key(call: Call, wish: Take) -> None:
    """Waits for a key that ends the recording; other keys are part of it."""
    while True:
        digit = await call.collect(1, seconds=wish.max_seconds + 1, inter_digit=1.0, finish_on="")
        if digit and digit in wish.finish_on:
            return


async def _closed(recording: Recording, ended: asyncio.Future[RecordEnded], why: str) -> Taken:
    try:
        async with asyncio.timeout(CLOSING):
            verdict = await asyncio.shield(ended)
    except (TimeoutError, MediaError):
        return Taken(recording.id)
    if verdict.verdict == "failed":
        return Taken(recording.id)
    return Taken(recording.id, recording.file, verdict.duration, why)


def _looked_at(ended: asyncio.Future[RecordEnded]) -> None:
    """A refusal reaches whoever waits; after a hang-up nobody does, and the timeline has it."""
    if not ended.cancelled():
        ended.exception()
