"""Texts as sound files: out of the cache at once, else rendered while somebody waits for at most so long.

A call never waits longer than `patience`; the rendering goes on, and the next caller has it. Failures raise the alarm
`speech_failed` until a text is rendered again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import structlog

from media.prepare import BadSound, Preparer
from softswitch.observe.alarms import Alarms
from softswitch.speech.base import LONGEST_TEXT, SpeechFailed, Synthesizer

log = structlog.get_logger("speech")

ALARM = "speech_failed"
_MOST_MS = 180_000
_WAITING = 200
"""Texts that wait to be rendered; more fail at once."""


class Speech:
    """Owned by the loop. `cache` holds `HASH.wav`, at most `octets` in all; those not used for longest go first."""

    def __init__(
        self, synthesizer: Synthesizer, preparer: Preparer, cache: Path, alarms: Alarms, *, octets: int, patience: float
    ) -> None:
        self.synthesizer = synthesizer
        self.patience = patience
        self._preparer = preparer
        self._cache = cache
        self._alarms = alarms
        self._octets = octets
        self._rendering: dict[Path, asyncio.Task[Path | None]] = {}
        self._turn = asyncio.Semaphore(1)  # one process speaks, one text at a time

    def path(self, text: str, language: str) -> Path:
        """Where the sound of a text is kept, by all that decides how it sounds."""
        key = "\0".join((self.synthesizer.name, language, " ".join(text.split())))
        return self._cache / f"{hashlib.sha256(key.encode()).hexdigest()}.wav"

    async def say(self, text: str, language: str) -> Path | None:
        """The file that says it; None when it cannot be said, or not within `patience` seconds."""
        path = self.path(text, language)
        if not text.strip() or len(text) > LONGEST_TEXT or language not in self.synthesizer.languages:
            return None
        if await asyncio.to_thread(_touched, path):
            return path
        task = self._begin(text, language, path)
        if task is None:
            return None
        try:
            async with asyncio.timeout(self.patience):
                return await asyncio.shield(task)
        except TimeoutError:
            self._alarms.raise_(
                ALARM, "minor", f"Speech takes longer than {self.patience:g} s; it is ready for the next caller"
            )
            return None

    def prepare(self, texts: Iterable[tuple[str, str]]) -> int:
        """Renders texts (with their languages) ahead, when a flow is published; returns how many are under way."""
        begun = 0
        for text, language in texts:
            path = self.path(text, language)
            fits = text.strip() and len(text) <= LONGEST_TEXT and language in self.synthesizer.languages
            if fits and not path.is_file() and self._begin(text, language, path) is not None:
                begun += 1
        return begun

    async def close(self) -> None:
        for task in list(self._rendering.values()):
            task.cancel()
        await asyncio.gather(*self._rendering.values(), return_exceptions=True)
        await self.synthesizer.close()

    def _begin(self, text: str, language: str, path: Path) -> asyncio.Task[Path | None] | None:
        task = self._rendering.get(path)
        if task is None and len(self._rendering) < _WAITING:
            task = self._rendering[path] = asyncio.get_running_loop().create_task(self._render(text, language, path))
            task.add_done_callback(lambda _done: self._rendering.pop(path, None))
        return task

    async def _render(self, text: str, language: str, path: Path) -> Path | None:
        raw = path.with_suffix(".raw")
        try:
            async with self._turn:
                await asyncio.to_thread(self._cache.mkdir, mode=0o700, parents=True, exist_ok=True)
                await self.synthesizer.render(text, language, raw)
            levelled = (await self._preparer.prepare(raw, _MOST_MS)).path
            await asyncio.to_thread(levelled.replace, path)
            await asyncio.to_thread(self._trim, path)
        except (SpeechFailed, BadSound, OSError) as fault:
            log.warning("! speech failed", text=text[:64], language=language, why=str(fault))
            self._alarms.raise_(ALARM, "major", f"Speech cannot be rendered: {fault}")
            return None
        finally:
            raw.unlink(missing_ok=True)
        self._alarms.clear(ALARM)
        return path

    def _trim(self, newest: Path) -> None:
        """Removes what was not used for longest until the cache fits."""
        files = sorted((each.stat().st_mtime, each) for each in self._cache.glob("*.wav") if each != newest)
        held = newest.stat().st_size + sum(each.stat().st_size for _, each in files)
        for _, each in files:
            if held <= self._octets:
                return
            held -= each.stat().st_size
            each.unlink(missing_ok=True)


def _touched(path: Path) -> bool:
    """Whether it is there; if so it counts as used now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
