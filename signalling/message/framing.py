"""Cut a stream of octets into messages by Content-Length (RFC 3261 §18.3). One Framer per connection, no clock of its own."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

MAX_HEAD = 64 * 1024
MAX_BODY = 128 * 1024
_LENGTH = re.compile(rb"(?:^|\n)(?:content-length|l)[ \t]*:[ \t]*(?:\r?\n[ \t]+)*([^\r\n]*)", re.IGNORECASE)


class Cut(StrEnum):
    MESSAGE = "message"  # `data` is one whole message
    PING = "ping"  # double CRLF: the peer wants one back (RFC 5626 §3.5.1)
    BAD = "bad"  # `data` is what can be answered with `status`; the stream cannot be followed any further


class Piece(NamedTuple):
    kind: Cut
    data: bytes = b""
    status: int = 0


class Framer:
    """Feed octets in any portions, get whole messages out. After a BAD piece the connection must be closed."""

    __slots__ = ("_broken", "_buffer", "_searched", "max_body", "max_head")

    def __init__(self, max_head: int = MAX_HEAD, max_body: int = MAX_BODY) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._broken = False
        self.max_head = max_head
        self.max_body = max_body

    def widen(self) -> None:
        """Allow the sizes of an identified peer."""
        self.max_head, self.max_body = MAX_HEAD, MAX_BODY

    @property
    def is_partial(self) -> bool:
        """Whether a message has begun that is not complete."""
        return bool(self._buffer) and not self._broken

    def feed(self, data: bytes) -> list[Piece]:
        """All pieces that are complete now, in order."""
        if self._broken:
            return []
        self._buffer += data
        pieces: list[Piece] = []
        while self._buffer:
            piece = self._blank() or self._message()
            if piece is None:
                break
            pieces.append(piece)
            if piece.kind is Cut.BAD:
                self._broken = True
                self._buffer.clear()
        return pieces

    def _blank(self) -> Piece | None:
        """Consume keep-alives in front of a message; a lone CRLF is a pong and vanishes."""
        buffer = self._buffer
        if buffer[0] not in b"\r\n\0":
            return None
        if buffer.startswith(b"\r\n\r\n"):
            del buffer[:4]
            return Piece(Cut.PING)
        if b"\r\n\r\n".startswith(buffer):  # may still become a ping
            return None
        skipped = len(buffer) - len(buffer.lstrip(b"\r\n\0"))
        del buffer[:skipped]
        return None

    def _message(self) -> Piece | None:
        buffer = self._buffer
        if not buffer or buffer[0] in b"\r\n\0":
            return None
        first = buffer.find(b"\n")
        if not 32 < buffer[0] < 127 or (first >= 0 and b"SIP/" not in buffer[: first + 1].upper()):
            return Piece(Cut.BAD, bytes(buffer[: first + 1]), 400)  # TLS, HTTP, noise: nothing to wait for
        gap = b"\n\n" if first > 0 and buffer[first - 1] != 13 else b"\r\n\r\n"
        end = buffer.find(gap, max(0, self._searched - 3))
        if end < 0:
            self._searched = len(buffer)
            if len(buffer) > self.max_head:
                return Piece(Cut.BAD, bytes(buffer[: self.max_head]), 513)
            return None
        self._searched = end
        body_at = end + len(gap)
        if body_at > self.max_head:
            return Piece(Cut.BAD, bytes(buffer[:body_at]), 513)
        length = self._length(bytes(buffer[:body_at]))
        if length is None:
            return Piece(Cut.BAD, bytes(buffer[:body_at]), 400)
        if length > self.max_body:
            return Piece(Cut.BAD, bytes(buffer[:body_at]), 413)
        if len(buffer) < body_at + length:
            return None
        message = bytes(buffer[: body_at + length])
        del buffer[: body_at + length]
        self._searched = 0
        return Piece(Cut.MESSAGE, message)

    def _length(self, head: bytes) -> int | None:
        """The one Content-Length of a head; None when it is absent, repeated with another value, or no number."""
        found = {value.strip() for value in _LENGTH.findall(head)}
        if len(found) != 1:
            return None
        text = found.pop()
        return int(text) if text.isdigit() and len(text) <= 20 else None
