"""Sound files of any format as prompts: converted once, in a process of its own, and kept by what is in them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from media.convert import CEILING_DB, RATE, TARGET_LUFS
from media.errors import MediaError

ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac")
"""Of files that may be prompts, the first that is there is taken."""
FAULTS = ("too_large", "too_long", "channels", "not_audio", "silent", "no_decoder", "broken", "timeout")
MOST_OCTETS = 200_000_000
MOST_MS = 3_600_000
_SECONDS = 120.0
_AT_ONCE = 2
_FORM = f"1 {RATE} {TARGET_LUFS} {CEILING_DB}"
"""What decides the result beside the content; another number when the conversion changes."""


class BadSound(MediaError):
    """A file that is no prompt; `word` is one of `FAULTS`."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


@dataclass(frozen=True, slots=True)
class Prepared:
    """`loudness` is what it was, LUFS; None when it was in the cache already."""

    path: Path
    loudness: float | None = None


class Preparer:
    """Keeps `cache/HASH.wav`. Owned by the loop, on which nothing slow happens."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def prepare(self, source: Path, most_ms: int = MOST_MS) -> Prepared:
        """The same sound as WAV, PCM16, mono, 16 kHz, −23 LUFS. Raises BadSound, OSError."""
        async with self._turn:
            target = self.cache / f"{await asyncio.to_thread(_key, source, self.cache)}.wav"
            if await asyncio.to_thread(target.is_file):
                return Prepared(target)
            answer = await self._convert(source, target, most_ms)
        if "fault" in answer:
            raise BadSound(str(answer["fault"]), str(answer["text"]))
        return Prepared(target, float(str(answer["loudness"])))

    async def keep(self, sound: bytes, target: Path, most_ms: int = MOST_MS) -> None:
        """Puts the same sound, of any format, at `target` in one step. Raises BadSound, OSError."""
        arrived = self.cache / f"{secrets.token_hex(8)}.arrived"
        try:
            await asyncio.to_thread(_write, arrived, sound)
            await asyncio.to_thread(_place, (await self.prepare(arrived, most_ms)).path, target)
        finally:
            arrived.unlink(missing_ok=True)

    async def _convert(self, source: Path, target: Path, most_ms: int) -> dict[str, object]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "media.convert", str(source), str(target), str(most_ms),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_SECONDS):
                out, _ = await process.communicate()
        except TimeoutError:
            raise BadSound("timeout", f"takes longer than {_SECONDS:.0f} s to decode") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            answer: dict[str, object] = json.loads(out)
        except ValueError:  # it was ended by its limits, or a decoder crashed
            raise BadSound("broken", f"the decoder ended with status {process.returncode}") from None
        return answer


def _key(source: Path, cache: Path) -> str:
    """Hash of the content and the form. Raises BadSound, OSError."""
    if source.stat().st_size > MOST_OCTETS:
        raise BadSound("too_large", f"expected at most {MOST_OCTETS // 1_000_000} MB")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(_FORM.encode())
    return digest.hexdigest()


def _write(path: Path, sound: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(sound)


def _place(made: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    shutil.copyfile(made, part)
    part.replace(target)
