"""WAV files of recordings: repair of one that a crash left open, checksum, waveform. All functions block: run in a thread."""

from __future__ import annotations

import array
import hashlib
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEADER = 12  # RIFF, length, WAVE
_CHUNK = 1 << 16


class NotWav(ValueError):
    """The file is no PCM16 WAV file."""


@dataclass(frozen=True, slots=True)
class Format:
    """Where the samples lie. `data_bytes` is what is really there, whatever the header says."""

    channels: int
    rate: int
    data_at: int
    data_bytes: int

    @property
    def frame(self) -> int:
        """Octets of one sample of all channels."""
        return 2 * self.channels

    @property
    def duration_ms(self) -> int:
        return self.data_bytes // self.frame * 1000 // self.rate


def examine(path: Path) -> Format:
    """Reads the header, trusting the file's length more than the lengths in it. Raises NotWav."""
    with path.open("rb") as file:
        try:
            return examine_open(file, path.stat().st_size)
        except NotWav as fault:
            raise NotWav(f"{path.name}: {fault}") from fault


def examine_open(file: BinaryIO, size: int) -> Format:
    """The same for an open file of so many octets. Raises NotWav."""
    file.seek(0)
    if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
        raise NotWav("expected a RIFF WAVE file")
    channels = rate = 0
    while len(head := file.read(8)) == 8:
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(16))
            if kind not in (1, 0xFFFE) or bits != 16 or not channels or not rate:
                raise NotWav("expected 16-bit PCM")
            file.seek(length - 16 + (length & 1), 1)
        elif name == b"data":
            at = file.tell()
            there = size - at
            octets = there if length == 0 or length > there or _is_last(size, at, length) else length
            return Format(channels or 1, rate or 8000, at, octets // (2 * (channels or 1)) * 2 * (channels or 1))
        else:
            file.seek(length + (length & 1), 1)
    raise NotWav("expected a data chunk")


def header(found: Format) -> bytes:
    """The 44 octets that the engine writes in front of the samples, with the true lengths."""
    octets = found.data_bytes
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", min(octets + 36, 0xFFFFFFFF), b"WAVE", b"fmt ", 16, 1, found.channels, found.rate,
        found.rate * found.frame, found.frame, 16, b"data", min(octets, 0xFFFFFFFF - 36),
    )  # fmt: skip


def _is_last(size: int, at: int, length: int) -> bool:
    """A live file's data chunk is the last one and its length may lag behind what was written (patched each 5 s)."""
    return size - at - length > 8


def repair(path: Path) -> Format:
    """Writes the true lengths into the header of a file that was cut off. Raises NotWav."""
    found = examine(path)
    with path.open("r+b") as file:
        file.truncate(found.data_at + found.data_bytes)
        file.seek(4)
        file.write(struct.pack("<I", found.data_at + found.data_bytes - 8))
        file.seek(found.data_at - 4)
        file.write(struct.pack("<I", found.data_bytes))
    return found


def checksum(path: Path) -> str:
    """SHA-256 of the whole file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def peaks(path: Path, points: int = 800) -> tuple[int, list[list[float]]]:
    """Duration (ms) and, per channel, at most `points` peak values 0…1 for a waveform. Raises NotWav."""
    with path.open("rb") as file:
        return peaks_open(file, path.stat().st_size, points)


def peaks_open(file: BinaryIO, size: int, points: int) -> tuple[int, list[list[float]]]:
    """The same for an open file of so many octets. Raises NotWav."""
    found = examine_open(file, size)
    frames = found.data_bytes // found.frame
    count = min(points, frames)
    channels: list[list[float]] = [[] for _ in range(found.channels)]
    file.seek(found.data_at)
    done = 0
    for number in range(count):
        upto = (number + 1) * frames // count
        samples = array.array("h", file.read((upto - done) * found.frame))
        done = upto
        if sys.byteorder == "big":
            samples.byteswap()
        for channel, values in enumerate(channels):
            own = samples[channel :: found.channels]
            values.append(round(max(max(own, default=0), -min(own, default=0)) / 32768, 4))
    return found.duration_ms, channels
