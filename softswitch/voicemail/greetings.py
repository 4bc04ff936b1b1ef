"""Greetings of mailboxes: one sound per kind, recorded by phone or uploaded in any format."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from media.prepare import BadSound, Preparer
from media.prompts import PromptStore
from softswitch.model.errors import Invalid, NotFound
from softswitch.voicemail.model import GreetingKind

FOLDER = "voicemail"
"""Below the data directory; the prompt store knows it as a language."""
MOST_OCTETS = 20_000_000
LONGEST_MS = 300_000


class Greetings:
    """`root` is the data directory. Mailbox names may be in any script, so files bear them as hex."""

    def __init__(self, root: Path, prompts: PromptStore, preparer: Preparer) -> None:
        self._root = root / FOLDER
        self._prompts = prompts
        self._preparer = preparer

    def name(self, mailbox: str, kind: str) -> str:
        """The prompt's name in the language `FOLDER`."""
        return f"greetings/m{mailbox.encode().hex()}/{GreetingKind(kind).value}"

    def path(self, mailbox: str, kind: str) -> Path:
        return self._root / f"{self.name(mailbox, kind)}.wav"

    def find(self, mailbox: str, kind: str) -> str:
        """The name of the greeting for an occasion: its own kind, else the normal one; "" when none was made."""
        for tried in (GreetingKind(kind), GreetingKind.NORMAL):
            if self.path(mailbox, tried).is_file():
                return self.name(mailbox, tried)
        return ""

    def kinds(self, mailbox: str) -> list[str]:
        return [kind.value for kind in GreetingKind if self.path(mailbox, kind).is_file()]

    async def keep(self, mailbox: str, kind: str, audio: bytes) -> None:
        """An uploaded greeting. Raises Invalid with what is wrong with it."""
        if len(audio) > MOST_OCTETS:
            raise Invalid("audio", f"expected at most {MOST_OCTETS} octets")
        try:
            await self._preparer.keep(audio, self.path(mailbox, kind), LONGEST_MS)
        except BadSound as fault:
            raise Invalid("audio", f"{fault.word}: {fault}") from fault
        self._prompts.forget(self.name(mailbox, kind), FOLDER)

    async def keep_file(self, mailbox: str, kind: str, recorded: Path) -> None:
        """A greeting that was recorded by phone: as it is. Raises OSError."""
        await asyncio.to_thread(_copy, recorded, self.path(mailbox, kind))
        self._prompts.forget(self.name(mailbox, kind), FOLDER)

    async def remove(self, mailbox: str, kind: str) -> None:
        """Back to the shipped words. Raises NotFound."""
        path = self.path(mailbox, kind)
        if not path.is_file():
            raise NotFound("this mailbox has no greeting of this kind")
        self._prompts.forget(self.name(mailbox, kind), FOLDER)
        await asyncio.to_thread(path.unlink)


def _copy(recorded: Path, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    shutil.copyfile(recorded, part)
    part.replace(path)
