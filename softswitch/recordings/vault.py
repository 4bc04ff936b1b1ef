"""Encryption of recordings: master keys, the envelope that carries a file's own key, and reading what the engine sealed.

The engine writes the file (`media/native/engine/src/media/seal.rs`): `SSWREC1\\n`, length and octets of the envelope, then
records, each with its own tag, the last one marked. The envelope is ours: JSON `{"kid": ID, "key": BASE64}`, the file's
random key wrapped with the master key of that id (AES-256-GCM, the id bound to it). Who takes a new master key puts it first
in the list and leaves the old ones behind it: they open what they once wrapped.
All functions that read files block: run in a thread.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import hashlib
import json
import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"SSWREC1\n"
_FINAL, _REWRITTEN = 1, 2
_WORD, _TAG = 4, 16
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Unreadable(ValueError):
    """The file cannot be opened: no such master key, or not what was sealed."""


@dataclass(frozen=True, slots=True)
class FileKey:
    """A new file's key, and the envelope that the engine writes in front."""

    key: bytes
    envelope: bytes


class KeyRing:
    """Master keys by id; the first wraps, all open. Without keys nothing is encrypted."""

    def __init__(self, keys: Iterable[tuple[str, bytes]] = ()) -> None:
        self._keys = dict(keys)

    @classmethod
    def of(cls, lines: Iterable[str]) -> KeyRing:
        """From `ID=BASE64` each, 32 octets per key; empty lines and `#` lines do not count. Raises ValueError."""
        keys = []
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            name, _, value = text.partition("=")
            try:
                key = base64.b64decode(value.strip(), validate=True)
            except binascii.Error:
                key = b""
            if not _ID.fullmatch(name.strip()) or len(key) != 32:  # the line holds a secret: it is not shown
                raise ValueError("expected ID=KEY with a key of 32 octets in base64, as `openssl rand -base64 32` makes it")
            keys.append((name.strip(), key))
        return cls(keys)

    @property
    def active(self) -> str:
        """Id of the key that wraps; "" when nothing is encrypted."""
        return next(iter(self._keys), "")

    def new_file(self) -> FileKey | None:
        """A key for a new file; None when nothing is encrypted."""
        if not self._keys:
            return None
        kid = self.active
        key, nonce = AESGCM.generate_key(256), os.urandom(12)
        wrapped = nonce + AESGCM(self._keys[kid]).encrypt(nonce, key, kid.encode())
        return FileKey(key, json.dumps({"kid": kid, "key": base64.b64encode(wrapped).decode()}).encode())

    def open(self, envelope: bytes) -> bytes:
        """The key of a file. Raises Unreadable."""
        try:
            content = json.loads(envelope)
            kid, wrapped = str(content["kid"]), base64.b64decode(content["key"])
        except (ValueError, KeyError, TypeError) as fault:
            raise Unreadable("the envelope of the file is damaged") from fault
        if kid not in self._keys:
            raise Unreadable(f"the file needs the master key {kid!r}, which recordings.keys does not have")
        try:
            return AESGCM(self._keys[kid]).decrypt(wrapped[:12], wrapped[12:], kid.encode())
        except (InvalidTag, ValueError) as fault:
            raise Unreadable(f"the master key {kid!r} is not the one that wrapped this file's key") from fault


def is_sealed(path: Path) -> bool:
    """Whether the file is encrypted."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class Sealed:
    """The plain text of an encrypted file, by place. Raises Unreadable, OSError."""

    def __init__(self, path: Path, ring: KeyRing) -> None:
        self.path = path
        with path.open("rb") as file:
            head = file.read(len(MAGIC) + 2)
            if len(head) != len(MAGIC) + 2 or head[:-2] != MAGIC:
                raise Unreadable(f"{path.name} is not encrypted by us")
            envelope = file.read(int.from_bytes(head[-2:], "little"))
            self._aead = AESGCM(ring.open(envelope))
            self._digest = hashlib.sha256(head + envelope).digest()
            self._records = _records(file, path.stat().st_size)
        self._starts = [0]
        for _, length, _ in self._records:
            self._starts.append(self._starts[-1] + length)

    @property
    def size(self) -> int:
        """Octets of plain text."""
        return self._starts[-1]

    @property
    def is_whole(self) -> bool:
        """Whether the file has its end; what was cut off, by a crash or by somebody, has not."""
        return bool(self._records) and bool(self._records[-1][2] & _FINAL)

    @property
    def end(self) -> int:
        """Where the last whole record ends in the file."""
        if not self._records:
            return self.path.stat().st_size
        at, length, _ = self._records[-1]
        return at + length + _TAG

    def read(self, start: int, length: int) -> bytes:
        """So many octets from `start`, fewer at the end."""
        out = bytearray()
        with self.path.open("rb") as file:
            number = max(0, bisect.bisect_right(self._starts, start) - 1)
            while len(out) < length and number < len(self._records):
                plain = self._record(file.fileno(), number)
                skip = max(0, start - self._starts[number])
                out += plain[skip : skip + length - len(out)]
                number += 1
        return bytes(out)

    def _record(self, descriptor: int, number: int) -> bytes:
        at, length, flags = self._records[number]
        try:
            return self._aead.decrypt(_nonce(number, flags), os.pread(descriptor, length + _TAG, at), self._digest)
        except (InvalidTag, ValueError) as fault:
            raise Unreadable(f"{self.path.name}: record {number} is not what was written") from fault

    def verify(self) -> None:
        """Opens every record. Raises Unreadable."""
        with self.path.open("rb") as file:
            for number in range(len(self._records)):
                self._record(file.fileno(), number)
        if not self.is_whole:
            raise Unreadable(f"{self.path.name} has no end")

    def mend(self, first: bytes | None) -> None:
        """Ends a file that a crash left open; `first`: the first record anew (the header with its true lengths).

        What is written is the same each time, so that a second crash in the middle does no harm.
        """
        with self.path.open("r+b") as file:
            if not self.is_whole:
                end = self.end
                file.truncate(end)
                file.seek(end)
                file.write(self._sealed(len(self._records), _FINAL, b""))
            if first is not None and self._records and len(first) == self._records[0][1]:
                file.seek(self._records[0][0] - _WORD)
                file.write(self._sealed(0, _REWRITTEN, first))
            file.flush()
            os.fsync(file.fileno())

    def _sealed(self, number: int, flags: int, plain: bytes) -> bytes:
        word = struct.pack("<I", len(plain) | flags << 24)
        return word + self._aead.encrypt(_nonce(number, flags), plain, self._digest)


def _nonce(number: int, flags: int) -> bytes:
    return struct.pack("<B3xQ", flags, number)


def _records(file: BinaryIO, size: int) -> list[tuple[int, int, int]]:
    """Place, length of the plain text and flags of each whole record, up to the last."""
    descriptor, at = file.fileno(), file.tell()
    found: list[tuple[int, int, int]] = []
    while at + _WORD + _TAG <= size:
        word = int.from_bytes(os.pread(descriptor, _WORD, at), "little")
        length, flags = word & 0xFFFFFF, word >> 24
        if at + _WORD + length + _TAG > size:
            break
        found.append((at + _WORD, length, flags))
        at += _WORD + length + _TAG
        if flags & _FINAL:
            break
    return found
