"""Greetings of mailboxes: one WAV file per kind, recorded by phone or uploaded."""

from __future__ import annotations

import asyncio
from pathlib import Path

from media.prompts import PromptStore
from softswitch.model.errors import Invalid, NotFound
from softswitch.recordings import wav
from softswitch.voicemail.model import GreetingKind

FOLDER = "voicemail"
"""Below the data directory; the prompt store knows it as a language."""
MOST_OCTETS = 20_000_000
LONGEST_MS = 300_000


class Greetings:
    """`root` is the data directory. Mailbox names may be in any script, so files bear them as hex."""

    def __init__(self, root: Path, prompts: PromptStore) -> None:
        self._root = root / FOLDER
        self._prompts = prompts

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
        """An uploaded greeting. Raises Invalid when it is no PCM16 WAV file or too long."""
        await asyncio.to_thread(self._write, self.path(mailbox, kind), audio)
        self._prompts.forget(self.name(mailbox, kind), FOLDER)

    async def keep_file(self, mailbox: str, kind: str, recorded: Path) -> None:
        """A greeting that was recorded by phone. Raises Invalid, OSError."""
        await self.keep(mailbox, kind, await asyncio.to_thread(recorded.read_bytes))

    async def remove(self, mailbox: str, kind: str) -> None:
        """Back to the shipped words. Raises NotFound."""
        path = self.path(mailbox, kind)
        if not path.is_file():
            raise NotFound("this mailbox has no greeting of this kind")
        self._prompts.forget(self.name(mailbox, kind), FOLDER)
        await asyncio.to_thread(path.unlink)

    def _write(self, path: Path, audio: bytes) -> None:
        if len(audio) > MOST_OCTETS:
            raise Invalid("audio", f"expected at most {MOST_OCTETS} octets")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(audio)
        try:
            if wav.examine(part).duration_ms > LONGEST_MS:
                raise Invalid("audio", f"expected at most {LONGEST_MS // 1000} seconds")
        except wav.NotWav as fault:
            part.unlink()
            raise Invalid("audio", str(fault).partition(": ")[2] or str(fault)) from fault
        except Invalid:
            part.unlink()
            raise
        part.replace(path)
