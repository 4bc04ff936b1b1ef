"""The audit as a chain: every row has the SHA-256 over itself and the hash before it, so that no row can be changed,
taken out or put in without all later hashes changing too.

The head (number and hash of the newest row) stands in `facts`, which catches a cut-off end; whoever rewrites the whole chain
and the head is caught by the anchors that are written outside of the database every day (`access.audit`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text, update

from softswitch.store.facts import fact, set_fact
from softswitch.store.tables import audit

HEAD = "audit.head"
GENESIS = "0" * 64
_LOCK = 0x50_54_52_41
_BATCH = 2_000
Values = tuple[str, int, str, float, str]
"""As of `rows.event_values`: call, seq, type, at, data."""


@dataclass(frozen=True, slots=True)
class Head:
    number: int = 0
    hash: str = GENESIS

    @classmethod
    def read(cls, written: str | None) -> Head:
        number, _, digest = (written or "").partition(":")
        return cls(int(number), digest) if digest else cls()

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` rows were in order; then, when not `ok`, `number` is the first that is not, and `why`."""

    ok: bool
    checked: int
    head: Head
    number: int = 0
    why: str = ""


def head_of(connection: Connection) -> Head:
    return Head.read(fact(connection, HEAD))


def extend(connection: Connection, rows: Sequence[Values]) -> None:
    """Adds rows to the chain, in the transaction of what they tell about."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":  # one at a time; SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    head, made = head_of(connection), []
    for row in rows:
        head = Head(head.number + 1, link(head.hash, head.number + 1, row))
        made.append(_row(head, row))
    connection.execute(insert(audit), made)
    set_fact(connection, HEAD, str(head))


def link(before: str, number: int, row: Values) -> str:
    """The hash of a row: over the one before it, its number and its values as JSON, times as the shortest exact decimal."""
    call, seq, kind, at, data = row
    canonical = json.dumps([before, number, call, seq, kind, repr(float(at)), data], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _row(head: Head, row: Values) -> dict[str, Any]:
    call, seq, kind, at, data = row
    actor, about = _searched(call, data)
    return {"id": head.number, "call": call, "seq": seq, "type": kind, "at": at, "data": data, "hash": head.hash,
            "actor": actor, "object": about}  # fmt: skip


def _searched(call: str, data: str) -> tuple[str, str]:
    """Who, and about what: `queue:sales`, `recording:r1`, `call:c1`, `agent:li`."""
    values: Mapping[str, Any] = json.loads(data)
    actor = str(values.get("actor", ""))
    if named := values.get("object"):
        return actor, str(named)
    for kind in ("recording", "agent", "queue"):
        if values.get(kind):
            return actor, f"{kind}:{values[kind]}"
    return actor, f"call:{call}" if call else ""


def verify(connection: Connection, anchors: Mapping[int, str] | None = None) -> Verdict:
    """Walks the whole chain; `anchors`: number → hash as it was noted outside of the database."""
    before, number, wanted = GENESIS, 0, dict(anchors or {})
    for row in _walk(connection):
        number += 1
        if why := _fault(row, number, before):
            return Verdict(False, number - 1, head_of(connection), number, why)
        if wanted.pop(number, row.hash) != row.hash:
            why = "the chain was rewritten since this row was anchored"
            return Verdict(False, number - 1, head_of(connection), number, why)
        before = row.hash
    head = head_of(connection)
    if head != Head(number, before):
        return Verdict(False, number, head, number + 1, f"{head.number - number} of the newest rows are missing"
                       if head.number > number else "rows were added behind the head")  # fmt: skip
    if wanted:
        return Verdict(False, number, head, min(wanted), "an anchored row is missing")
    return Verdict(True, number, head)


def _walk(connection: Connection) -> Iterator[Row[Any]]:
    last = -(1 << 62)
    while rows := connection.execute(select(audit).where(audit.c.id > last).order_by(audit.c.id).limit(_BATCH)).all():
        yield from rows
        last = rows[-1].id


def _fault(row: Row[Any], number: int, before: str) -> str:
    if row.id != number:
        return "rows are missing before this one" if row.id > number else "a row was put in"
    if row.hash != link(before, number, (row.call, row.seq, row.type, row.at, row.data)):
        return "the row is not what was written"
    if (row.actor, row.object) != _searched(row.call, row.data):
        return "actor or object are not what was written"
    return ""


def chain_up(connection: Connection) -> None:
    """For a database whose audit had no chain: columns, numbers without gaps, hashes."""
    for column in ("hash", "actor", "object"):
        connection.execute(text(f"ALTER TABLE audit ADD COLUMN {column} VARCHAR NOT NULL DEFAULT ''"))
    for index in audit.indexes:
        if index.name in ("audit_of_actor", "audit_of_object"):
            index.create(connection)
    head = Head()
    for row in connection.execute(select(audit).order_by(audit.c.id)).all():
        values = (row.call, row.seq, row.type, row.at, row.data)
        head = Head(head.number + 1, link(head.hash, head.number + 1, values))
        connection.execute(update(audit).where(audit.c.id == row.id).values(_row(head, values)))
    if head.number:
        set_fact(connection, HEAD, str(head))
