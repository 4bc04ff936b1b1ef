"""The prompt store: a name and a language become a prompt id of the engine, loaded on first use.

Files of an operator, of any format, are brought to one form and loudness first. A name that begins with `text:` is spoken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path

from media.commands import DropPrompt, LoadPrompt
from media.engine import EnginePump, Ids
from media.errors import CommandRefused
from media.events import Event, PromptFailed, PromptLoaded
from media.prepare import ENDINGS, BadSound, Preparer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

TEXT = "text:"
"""Begins the name of a prompt that is a text to be spoken."""
Speak = Callable[[str, str], Awaitable[Path | None]]
"""Text and language → a file that says it, None when nobody can."""

Missing = Callable[[str, str, str], None]
"""Told once per prompt: name, language, why. Callers go on without that prompt."""


class PromptStore:
    """Finds `root/{language}/{name}.wav` (or another of `ENDINGS`) in its roots, first root first, and keeps what is loaded.

    What lies below `own` goes through `preparer`; so does everything that the engine cannot read itself.

    `fallback` languages are tried in order when the asked one lacks the file. Owned by the event loop's thread.
    """

    def __init__(
        self,
        pump: EnginePump,
        ids: Ids,
        roots: Sequence[Path],
        *,
        fallback: Sequence[str] = (),
        on_missing: Missing | None = None,
        preparer: Preparer | None = None,
        own: Path | None = None,
    ) -> None:
        self.preparer = preparer
        self.speak: Speak | None = None
        self._own = own
        self._tasks: set[asyncio.Task[None]] = set()
        self.roots = tuple(roots)
        self.fallback = tuple(fallback)
        self._pump = pump
        self._ids = ids
        self._on_missing = on_missing
        self._reported: set[tuple[str, str]] = set()
        self._loading: dict[Path, asyncio.Future[int | None]] = {}
        self._durations: dict[int, int] = {}

    def find(self, name: str, language: str) -> Path | None:
        """The file of a prompt, None when there is none or the name could leave the roots."""
        if not _NAME.fullmatch(name):
            return None
        for tried in dict.fromkeys((language, *self.fallback)):
            for root in self.roots if _NAME.fullmatch(tried) else ():
                for ending in ENDINGS if self.preparer is not None else ENDINGS[:1]:
                    path = root / tried / f"{name}{ending}"
                    if path.is_file():
                        return path
        return None

    async def load(self, name: str, language: str) -> int | None:
        """The prompt's id, ready to play. None when it is missing or cannot be decoded: reported once, never raised."""
        path = await self._spoken(name, language) if name.startswith(TEXT) else self.find(name, language)
        if path is None and name.startswith(TEXT):
            return None  # whoever asked has words instead, and the speech service has told why
        if path is None:
            self._report(name, language, "no such file")
            return None
        loading = self._loading.get(path)
        if loading is None:
            loading = self._loading[path] = self._begin(path, name, language)
        return await asyncio.shield(loading)

    async def _spoken(self, name: str, language: str) -> Path | None:
        return await self.speak(name.removeprefix(TEXT), language) if self.speak is not None else None

    async def load_all(self, names: Sequence[str], language: str) -> tuple[int, ...]:
        """The ids of those prompts of `names` that exist, in order."""
        loaded = await asyncio.gather(*(self.load(name, language) for name in names))
        return tuple(prompt for prompt in loaded if prompt is not None)

    def duration(self, prompt: int) -> int:
        """Length of a loaded prompt, ms."""
        return self._durations[prompt]

    def forget(self, name: str, language: str) -> None:
        """Drops a prompt whose file changed; the next use loads it again."""
        path = self.find(name, language)
        loading = self._loading.pop(path, None) if path is not None else None
        self._reported.discard((name, language))
        if loading is not None and loading.done() and loading.result() is not None:
            self._pump.submit([DropPrompt(loading.result() or 0)])

    def _begin(self, path: Path, name: str, language: str) -> asyncio.Future[int | None]:
        prompt = self._ids.next()
        ready: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        answer = self._pump.expect(prompt, PromptLoaded, "LoadPrompt")
        failed = self._pump.subscribe(prompt, lambda event: _fail(answer, event))

        def settled(done: asyncio.Future[PromptLoaded]) -> None:
            failed()
            problem = None if done.cancelled() else done.exception()
            if done.cancelled() or problem is not None:
                self._loading.pop(path, None)  # the file may be repaired
                self._report(name, language, str(problem or "cancelled"))
            else:
                self._durations[prompt] = done.result().duration
            if not ready.done():
                ready.set_result(None if problem is not None or done.cancelled() else prompt)

        answer.add_done_callback(settled)
        if self.preparer is not None and (path.suffix != ".wav" or (self._own is not None and path.is_relative_to(self._own))):
            self._do(self._prepare(self.preparer, prompt, path, answer))
        else:
            self._pump.submit([LoadPrompt(prompt, str(path))])
        return ready

    async def _prepare(self, preparer: Preparer, prompt: int, path: Path, answer: asyncio.Future[PromptLoaded]) -> None:
        """What cannot be brought to its form is not played: an operator's file that is broken is not half a prompt."""
        try:
            path = (await preparer.prepare(path)).path
        except (BadSound, OSError) as fault:
            if not answer.done():
                answer.set_exception(fault)
            return
        if not self._pump.is_closed:
            self._pump.submit([LoadPrompt(prompt, str(path))])

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report(self, name: str, language: str, reason: str) -> None:
        if (name, language) in self._reported:
            return
        self._reported.add((name, language))
        if self._on_missing is not None:
            self._on_missing(name, language, reason)


def _fail(answer: asyncio.Future[PromptLoaded], event: Event) -> None:
    if isinstance(event, PromptFailed) and not answer.done():
        answer.set_exception(CommandRefused("LoadPrompt", event.reason, event.prompt))
