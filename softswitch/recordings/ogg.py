"""Ogg/Opus files of recordings: length, and repair of one that was cut off. All functions block: run in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_PAGE = 27
_RATE = 48  # granule positions per ms


class NotOgg(ValueError):
    """The file is no Ogg/Opus file."""


@dataclass(frozen=True, slots=True)
class Found:
    """`end`: behind the last whole page. `ended`: that page says that it is the last."""

    channels: int
    duration_ms: int
    end: int
    ended: bool


def examine(file: BinaryIO) -> Found:
    """Walks the pages from the begin, as far as they are whole; only the last one can be torn, so only that is summed up.

    Raises NotOgg.
    """
    channels = skip = 0
    pages: list[tuple[int, int, bool]] = []  # the last two: end, granule position, whether it ends the stream
    raw = b""
    file.seek(0)
    while (page := _page(file)) is not None:
        flags, granule, body, raw = page
        if not pages:
            if body[:8] != b"OpusHead":
                break
            channels, skip = body[9], int.from_bytes(body[10:12], "little")
        pages = [*pages[-1:], (file.tell(), granule, bool(flags & 4))]
    if pages and not _sums_up(raw):
        pages.pop()
    if not channels or not pages:
        raise NotOgg("expected an Ogg/Opus file")
    end, granule, ended = pages[-1]
    return Found(channels, max(0, granule - skip) // _RATE, end, ended)


def _page(file: BinaryIO) -> tuple[int, int, bytes, bytes] | None:
    """Flags, granule position, body, and all octets of the next page; None when it is not whole."""
    head = file.read(_PAGE)
    if len(head) < _PAGE or head[:5] != b"OggS\0":
        return None
    flags, granule, segments = head[5], int.from_bytes(head[6:14], "little"), head[26]
    table = file.read(segments)
    body = file.read(sum(table))
    if len(table) < segments or len(body) < sum(table):
        return None
    return flags, granule, body, head + table + body


def _sums_up(page: bytes) -> bool:
    return int.from_bytes(page[22:26], "little") == crc(page[:22] + b"\0\0\0\0" + page[26:])


def crc(page: bytes) -> int:
    """CRC-32 of a page with its own checksum as zeros (RFC 3533 §6): polynomial 04c11db7, nothing reflected."""
    value = 0
    for octet in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ octet]
    return value


def _row(octet: int) -> int:
    value = octet << 24
    for _ in range(8):
        value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


_TABLE = tuple(_row(octet) for octet in range(256))
