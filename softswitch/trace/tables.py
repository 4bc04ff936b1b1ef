"""Kept messages: one row per call, packed and without secrets."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

from signalling.events import Flow
from softswitch.store.schema import Schema
from softswitch.trace.messages import Dialog, Message
from softswitch.trace.redact import redacted

metadata = MetaData()

call_messages = Table(
    "call_messages", metadata,
    Column("call", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("expires", Float, nullable=False),  # 0: never, held as evidence
    Column("octets", Integer, nullable=False),  # of `packed`
    Column("packed", LargeBinary, nullable=False),
    Index("call_messages_expire", "expires"),
    Index("call_messages_at", "at"),
)  # fmt: skip
SCHEMA = Schema("trace", metadata)

_FRAME = struct.Struct(">dBHHI")  # UTC, sent, flow, dialog, octets
_LENGTH = struct.Struct(">I")


def pack(dialogs: Mapping[str, Dialog], legs: Mapping[str, str], *, digits: bool = False) -> bytes:
    """All dialogs of a call (by Call-ID), and which leg is which Call-ID, as one compressed text without secrets."""
    flows: dict[Flow, int] = {}
    frames: list[tuple[float, bytes, bytes]] = []
    for number, dialog in enumerate(dialogs.values()):
        for at, sent, flow, data in dialog.messages:
            shown = redacted(data, digits=digits)
            place = flows.setdefault(flow, len(flows))
            frames.append((at, _FRAME.pack(at, sent, place, number, len(shown)), shown))
    frames.sort(key=lambda frame: frame[0])
    head = json.dumps(
        {
            "dialogs": [[name, dialog.dropped] for name, dialog in dialogs.items()],
            "flows": [[flow.transport, *flow.local, *flow.remote, flow.connection] for flow in flows],
            "legs": dict(legs),
        },
        separators=(",", ":"),
    ).encode()
    parts = [_LENGTH.pack(len(head)), head]
    for _, frame, shown in frames:
        parts += (frame, shown)
    return zlib.compress(b"".join(parts), 1)


def unpack(packed: bytes) -> tuple[dict[str, Dialog], dict[str, str]]:
    """What `pack` was given, without the secrets. Raises zlib.error for what it did not write."""
    data = zlib.decompress(packed)
    (length,) = _LENGTH.unpack_from(data)
    place = _LENGTH.size + length
    head = json.loads(data[_LENGTH.size : place])
    names = [name for name, _ in head["dialogs"]]
    dialogs = {name: Dialog(dropped=dropped) for name, dropped in head["dialogs"]}
    flows = [Flow(kind, (here, port), (there, other), number) for kind, here, port, there, other, number in head["flows"]]
    while place < len(data):
        at, sent, flow, dialog, size = _FRAME.unpack_from(data, place)
        place += _FRAME.size
        dialogs[names[dialog]].add(Message(at, bool(sent), flows[flow], data[place : place + size]))
        place += size
    return dialogs, head["legs"]
