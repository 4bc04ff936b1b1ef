"""The sound of a recording whatever its file is: WAV or Ogg/Opus, in the clear or encrypted. Functions block: use a thread."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from softswitch.recordings import ogg, wav
from softswitch.recordings.vault import KeyRing, Sealed, Unreadable, is_sealed

SEALED = ".enc"
"""Behind the name of an encrypted file."""
MANIFEST = ".json"
"""Behind the name of what the engine noted beside the sound."""
_TYPES = {"wav": "audio/wav", "opus": "audio/ogg"}


@dataclass(frozen=True, slots=True)
class Sound:
    """What is played: `size` octets of a WAV or Ogg file."""

    path: Path
    size: int
    form: str
    """wav or opus"""
    sealed: Sealed | None = None

    @property
    def media_type(self) -> str:
        return _TYPES[self.form]

    def read(self, start: int, length: int) -> bytes:
        """So many octets from `start`, fewer at the end. Raises Unreadable, OSError."""
        if self.sealed is not None:
            return self.sealed.read(start, length)
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def open(self) -> BinaryIO:
        """The same as a file to read."""
        return self.path.open("rb") if self.sealed is None else io.BufferedReader(_Plain(self.sealed), 1 << 16)


class _Plain(io.RawIOBase):
    """An encrypted file as one to read from."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._at, self._sealed.size)[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        octets = self._sealed.read(self._at, len(buffer))
        buffer[: len(octets)] = octets
        self._at += len(octets)
        return len(octets)


def open_sound(path: Path, ring: KeyRing) -> Sound:
    """Raises Unreadable without its key, FileNotFoundError."""
    if is_sealed(path):
        sealed = Sealed(path, ring)
        return Sound(path, sealed.size, _form(sealed.read(0, 4)), sealed)
    with path.open("rb") as file:
        return Sound(path, path.stat().st_size, _form(file.read(4)))


def _form(begin: bytes) -> str:
    return "opus" if begin == b"OggS" else "wav"


def duration_ms(sound: Sound) -> int:
    """Raises NotWav, NotOgg, Unreadable."""
    with sound.open() as file:
        return ogg.examine(file).duration_ms if sound.form == "opus" else wav.examine_open(file, sound.size).duration_ms


def repair(part: Path, ring: KeyRing) -> None:
    """Ends a file that was cut off: true lengths, no half page, the last record. Raises NotWav, NotOgg, Unreadable, OSError."""
    sound = open_sound(part, ring)
    if sound.form == "opus":
        with sound.open() as file:
            end = ogg.examine(file).end
        if sound.sealed is not None:
            sound.sealed.mend(None)
        else:
            with part.open("r+b") as file:
                file.truncate(end)
    elif sound.sealed is not None:
        with sound.open() as file:
            found = wav.examine_open(file, sound.size)
        sound.sealed.mend(wav.header(found))
    else:
        wav.repair(part)


def peaks(sound: Sound, points: int) -> list[list[float]]:
    """The waveform, 0…1 per channel: as the engine noted it, else from the samples. Raises NotWav where neither is there."""
    manifest = sound.path.with_name(sound.path.name + MANIFEST)
    try:
        noted = json.loads(manifest.read_text(encoding="utf-8")).get("peaks")
    except (OSError, ValueError):
        noted = None
    if noted:
        return [_thinned([value / 1000 for value in channel], points) for channel in noted]
    if sound.form == "opus":
        raise wav.NotWav("the picture of this recording was lost when the switch stopped")
    with sound.open() as file:
        return wav.peaks_open(file, sound.size, points)[1]


def _thinned(values: list[float], points: int) -> list[float]:
    count = min(points, len(values))
    return [max(values[n * len(values) // count : (n + 1) * len(values) // count]) for n in range(count)]


__all__ = ["MANIFEST", "SEALED", "Sound", "Unreadable", "duration_ms", "open_sound", "peaks", "repair"]
