"""What is too long for a datagram goes by TCP (RFC 3261 §18.1.1), unless that address is known to have none."""

from __future__ import annotations

from collections import OrderedDict

MOST_DATAGRAM = 1300
MOST_COMPACTED = 1500  # what is longer does not fit by shorter names
UDP_ONLY_TIME = 3600.0
_TABLE = 10_000
_SHORT = {
    b"Via": b"v", b"From": b"f", b"To": b"t", b"Call-ID": b"i", b"Contact": b"m", b"Content-Type": b"c",
    b"Content-Length": b"l", b"Supported": b"k", b"Subject": b"s", b"Session-Expires": b"x", b"Refer-To": b"r",
    b"Referred-By": b"b", b"Allow-Events": b"u", b"Event": b"o",
}  # fmt: skip


class UdpOnly:
    """Addresses that took no TCP connection lately."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, int], float] = OrderedDict()

    def remember(self, remote: tuple[str, int], now: float) -> None:
        self._until.pop(remote, None)
        self._until[remote] = now + UDP_ONLY_TIME
        if len(self._until) > _TABLE:
            self._until.popitem(last=False)

    def holds(self, remote: tuple[str, int], now: float) -> bool:
        return self._until.get(remote, 0.0) > now


def compacted(data: bytes) -> bytes:
    """The same message with the compact header names (RFC 3261 §7.3.3): about 60 octets less."""
    head, gap, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for place, line in enumerate(lines[1:], 1):
        name, colon, value = line.partition(b":")
        short = _SHORT.get(name)
        if short is not None:
            lines[place] = short + colon + value
    return b"\r\n".join(lines) + gap + body
