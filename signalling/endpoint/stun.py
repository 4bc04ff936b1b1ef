"""STUN on the SIP port as a keep-alive (RFC 5626 §4.4.2): a binding request hears its own address, nothing else is answered."""

from __future__ import annotations

import struct
from ipaddress import ip_address

COOKIE = 0x2112A442
_REQUEST, _SUCCESS = 0x0001, 0x0101
_XOR_MAPPED_ADDRESS = 0x0020


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN: no SIP message begins with two zero bits and the cookie (RFC 8489 §5)."""
    return len(data) >= 20 and data[0] < 0x40 and data[4:8] == b"\x21\x12\xa4\x42"


def answer(data: bytes, source: tuple[str, int]) -> bytes | None:
    """The success response to a binding request; None for everything else that is STUN."""
    kind, length = struct.unpack_from("!HH", data)
    if kind != _REQUEST or length != len(data) - 20:
        return None
    transaction = data[8:20]
    address = ip_address(source[0].partition("%")[0])
    mask = data[4:8] + transaction
    hidden = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    family = 1 if address.version == 4 else 2
    value = struct.pack("!xBH", family, source[1] ^ (COOKIE >> 16)) + hidden
    attribute = struct.pack("!HH", _XOR_MAPPED_ADDRESS, len(value)) + value
    return struct.pack("!HHI", _SUCCESS, len(attribute), COOKIE) + transaction + attribute
