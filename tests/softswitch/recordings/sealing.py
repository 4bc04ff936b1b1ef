"""An encrypted file as the engine writes it, from one in the clear."""

from __future__ import annotations

import base64
import hashlib
import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from softswitch.recordings.vault import MAGIC, KeyRing

RING = KeyRing.of([f"k1={base64.b64encode(bytes(range(32))).decode()}"])


def seal(path: Path, ring: KeyRing, record: int = 700) -> None:
    """Header alone in the first record, `record` octets in each that follows, an empty one at the end."""
    content, key = path.read_bytes(), ring.new_file()
    assert key is not None
    head = MAGIC + len(key.envelope).to_bytes(2, "little") + key.envelope
    aead, digest = AESGCM(key.key), hashlib.sha256(head).digest()
    parts = [content[:44], *(content[at : at + record] for at in range(44, len(content), record)), b""]
    out = bytearray(head)
    for number, part in enumerate(parts):
        flags = 1 if number == len(parts) - 1 else 0
        nonce = struct.pack("<B3xQ", flags, number)
        out += struct.pack("<I", len(part) | flags << 24) + aead.encrypt(nonce, part, digest)
    path.write_bytes(out)
