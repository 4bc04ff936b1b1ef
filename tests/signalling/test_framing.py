"""Streams cut into messages: any portions, pings, and what ends a stream."""

from __future__ import annotations

import pytest

from signalling.message import Framer
from signalling.message.framing import MAX_BODY, MAX_HEAD, Cut

ONE = b"OPTIONS sip:x SIP/2.0\r\nl: 4\r\n\r\nbody"
TWO = b"INVITE sip:y SIP/2.0\nContent-Length : 0\n\n"


@pytest.mark.parametrize("portion", [1, 2, 3, 7, 1000])
def test_any_portions_give_the_same_messages(portion: int) -> None:
    framer = Framer()
    data = b"\r\n\r\n" + ONE + ONE + b"\r\n" + TWO + b"\r\n\r\n" + ONE
    pieces = [piece for at in range(0, len(data), portion) for piece in framer.feed(data[at : at + portion])]
    assert [piece.data for piece in pieces if piece.kind is Cut.MESSAGE] == [ONE, ONE, TWO, ONE]
    assert [piece.kind for piece in pieces].count(Cut.PING) == 2
    assert not framer.is_partial


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"A b SIP/2.0\r\nX: y\r\n\r\n", 400),
        (b"A b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n", 400),
        (b"A b SIP/2.0\r\nContent-Length: -5\r\n\r\n", 400),
        (b"A b SIP/2.0\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"A b SIP/2.0\r\nX: " + b"y" * MAX_HEAD + b"\r\n\r\n", 513),
        (b"A" * (MAX_HEAD + 1), 513),
    ],
)
def test_what_cannot_be_followed_ends_the_stream(data: bytes, status: int) -> None:
    framer = Framer()
    pieces = framer.feed(ONE + data + ONE)
    assert [(piece.kind, piece.status) for piece in pieces] == [(Cut.MESSAGE, 0), (Cut.BAD, status)]
    assert framer.feed(ONE) == []


def test_folded_content_length_is_read() -> None:
    assert [piece.kind for piece in Framer().feed(b"A b SIP/2.0\r\nContent-Length:\r\n 2\r\n\r\nxy")] == [Cut.MESSAGE]


def test_incomplete_message_is_partial() -> None:
    framer = Framer()
    assert framer.feed(ONE[:-1]) == []
    assert framer.is_partial
