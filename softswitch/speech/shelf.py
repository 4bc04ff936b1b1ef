"""The operator's own prompts and music: files of any format, kept as prompts of one form."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from media.prepare import ENDINGS, BadSound, Preparer
from media.prompts import PromptStore
from softswitch.model.errors import Invalid, NotFound
from softswitch.prompts import LANGUAGES, SHIPPED, texts

FOLDERS = (*LANGUAGES, "music")
MOST_OCTETS = 50_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt by name and language (`music` for music). `own`: the operator's, before a `shipped` one of that name.

    `text` is what the shipped one says. `duration_ms` is None of a file that was put there by hand in another format.
    """

    name: str
    language: str
    own: bool
    text: str = ""
    shipped: bool = False
    duration_ms: int | None = None


class Shelf:
    """`root` is the first root of the prompt store. File work happens in threads."""

    def __init__(self, root: Path, store: PromptStore, preparer: Preparer) -> None:
        self._root = root
        self._store = store
        self._preparer = preparer

    async def items(self) -> list[Item]:
        """By name and language: the operator's, and what is shipped."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[Item]:
        words = texts()
        shipped, own = dict(_files(SHIPPED)), dict(_files(self._root))
        return [
            Item(
                name, language, own=key in own, text=words.get(name, {}).get(language, ""), shipped=key in shipped,
                duration_ms=_duration(own.get(key) or shipped[key]),
            )
            for key in sorted(shipped.keys() | own.keys())
            for name, language in (key,)
        ]  # fmt: skip

    def path(self, name: str, language: str) -> Path:
        """The file that is played. Raises NotFound."""
        found = self._store.find(name, language) if _fits(name, language) else None
        if found is None:
            raise NotFound("there is no such prompt")
        return found

    async def keep(self, name: str, language: str, sound: bytes) -> int:
        """Takes a file of any format; returns its length in octets as kept. Raises Invalid with what is wrong with it."""
        if not _fits(name, language):
            raise Invalid("name", f"expected letters, digits, - and _, in one of {' '.join(FOLDERS)}")
        target = self._root / language / f"{name}.wav"
        try:
            await self._preparer.keep(sound, target)
        except BadSound as fault:
            raise Invalid("sound", f"{fault.word}: {fault}") from fault
        for ending in ENDINGS[1:]:  # in place of all files of that name
            target.with_suffix(ending).unlink(missing_ok=True)
        self._store.forget(name, language)
        return target.stat().st_size

    async def remove(self, name: str, language: str) -> None:
        """The shipped one of that name, if there is one, is heard again. Raises NotFound."""
        files = [self._root / language / f"{name}{ending}" for ending in ENDINGS] if _fits(name, language) else []
        there = [path for path in files if path.is_file()]
        if not there:
            raise NotFound("there is no prompt of your own with this name")
        self._store.forget(name, language)
        for path in there:
            await asyncio.to_thread(path.unlink)


def _files(root: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    """By name and language, the one that is played last."""
    for language in FOLDERS:
        for ending in reversed(ENDINGS):
            for path in (root / language).glob(f"*{ending}"):
                if _NAME.fullmatch(path.stem):
                    yield (path.stem, language), path


def _duration(path: Path) -> int | None:
    if path.suffix != ".wav":
        return None
    try:
        with wave.open(str(path)) as opened:
            frames, rate = int(opened.getnframes()), int(opened.getframerate())
            return frames * 1000 // max(rate, 1)
    except (wave.Error, EOFError, OSError):
        return None


def _fits(name: str, language: str) -> bool:
    return language in FOLDERS and _NAME.fullmatch(name) is not None
