"""The outbox as functions of a connection: filled from the journal behind a cursor, emptied lane by lane.

The events of one call are in one lane, and a lane is sent in order; lanes do not wait for each other.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from softswitch.directory.centre import Webhook
from softswitch.model.events import BY_TYPE, CallEnded
from softswitch.store.calls import call_record
from softswitch.store.facts import fact, set_fact
from softswitch.store.rows import event_of
from softswitch.store.tables import journal
from softswitch.webhooks import envelope
from softswitch.webhooks.tables import deliveries

LANES = 4
"""Deliveries of one hook that may be under way together."""
SCAN = 500
OVERLAP = 200
"""Journal rows behind the cursor that are looked at again: with several writers a smaller number may be committed later."""
OVERLAP_SECONDS = 60.0
MOST_WAITING = 100_000
"""Deliveries that one hook may have waiting; further events are dropped for it."""
_CURSOR = "webhooks.cursor"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Times are UTC epoch seconds. `state`: waiting, done, failed."""

    number: int
    id: str
    hook: str
    lane: int
    source: int
    type: str
    call: str
    body: str
    state: str
    attempts: int
    created_at: float
    next_at: float
    finished_at: float | None
    status: int
    error: str


@dataclass(frozen=True, slots=True)
class Scan:
    """`more`: the journal goes on behind what was looked at. `dropped`: hook → events that found no room.

    `looked`: the journal's rows that need not be looked at again.
    """

    added: Mapping[str, int]
    more: bool
    dropped: Mapping[str, int]
    looked: frozenset[int]


def begin(connection: Connection) -> frozenset[int]:
    """From now on: nothing that was journaled before is sent. Returns what counts as looked at."""
    newest = int(connection.execute(select(func.max(journal.c.id))).scalar() or 0)
    set_fact(connection, _CURSOR, str(newest))
    return frozenset(range(newest - OVERLAP, newest + 1))


def has_begun(connection: Connection) -> bool:
    return fact(connection, _CURSOR) is not None


def scan(
    connection: Connection, hooks: Sequence[Webhook], now: float, new_id: Callable[[], str],
    looked: frozenset[int] = frozenset(),
) -> Scan:  # fmt: skip
    """Takes what the journal has had since the last time into the outbox, and moves the cursor, in this transaction.

    `looked` is what the scan before returned; after a restart it is empty, and the outbox itself knows what it has.
    """
    cursor = int(fact(connection, _CURSOR) or 0)
    fresh = or_(journal.c.id > cursor, journal.c.at > now - OVERLAP_SECONDS)
    rows = connection.execute(
        select(journal).where(journal.c.id > cursor - OVERLAP, fresh).order_by(journal.c.id).limit(SCAN + OVERLAP)
    ).all()
    known = _known(connection, cursor)
    room = {hook.name: MOST_WAITING - waiting(connection, hook.name) for hook in hooks}
    added: dict[str, int] = {}
    dropped: dict[str, int] = {}
    for row in rows:
        if row.id in looked:
            continue
        for hook in hooks:
            if not envelope.wants(hook.events, row.type) or (hook.name, row.id) in known or row.type not in BY_TYPE:
                continue
            if added.get(hook.name, 0) >= room[hook.name] or row.at < now - envelope.MOST_AGE:
                dropped[hook.name] = dropped.get(hook.name, 0) + 1
                continue
            _add(connection, hook, row, new_id())
            added[hook.name] = added.get(hook.name, 0) + 1
    last = max((row.id for row in rows), default=cursor)
    if last > cursor:
        set_fact(connection, _CURSOR, str(last))
    seen = looked | {row.id for row in rows}
    return Scan(added, len(rows) == SCAN + OVERLAP, dropped, frozenset(one for one in seen if one > last - OVERLAP))


def _known(connection: Connection, cursor: int) -> set[tuple[str, int]]:
    """What of the overlap is in the outbox already."""
    rows = select(deliveries.c.hook, deliveries.c.source).where(deliveries.c.source > cursor - OVERLAP)
    return {(row.hook, row.source) for row in connection.execute(rows)}


def _add(connection: Connection, hook: Webhook, row: Row[Any], identity: str) -> None:
    event = event_of(row)
    record = call_record(connection, event.call) if isinstance(event, CallEnded) else None
    put(connection, hook.name, identity, row.type, row.call, envelope.body(identity, hook.name, event, record), row.id, row.at)


def put(connection: Connection, hook: str, identity: str, kind: str, call: str, text: str, source: int, at: float) -> None:
    """One delivery that waits. `source` is the event's row in the journal; below 0: it is no event."""
    values = {
        "id": identity, "hook": hook, "lane": zlib.crc32(call.encode()) % LANES, "source": source, "type": kind, "call": call,
        "body": text, "state": "waiting", "attempts": 0, "created_at": at, "next_at": 0.0, "finished_at": None, "status": 0,
        "error": "",
    }  # fmt: skip
    connection.execute(insert(deliveries), [values])


def waiting(connection: Connection, hook: str) -> int:
    query = select(func.count()).select_from(deliveries).where(deliveries.c.hook == hook, deliveries.c.state == "waiting")
    return int(connection.execute(query).scalar_one())


def due(connection: Connection, hook: str, lane: int, after: int, limit: int = 100) -> list[Delivery]:
    """What waits in a lane behind a number, oldest first."""
    query = (
        select(deliveries)
        .where(
            deliveries.c.hook == hook, deliveries.c.state == "waiting", deliveries.c.lane == lane, deliveries.c.number > after
        )
        .order_by(deliveries.c.number)
        .limit(limit)
    )
    return [_delivery(row) for row in connection.execute(query)]


def save(connection: Connection, changed: Sequence[Delivery]) -> None:
    """How attempts came out."""
    for one in changed:
        values = {
            "state": one.state, "attempts": one.attempts, "next_at": one.next_at, "finished_at": one.finished_at,
            "status": one.status, "error": one.error,
        }  # fmt: skip
        connection.execute(update(deliveries).where(deliveries.c.number == one.number).values(values))


def page(connection: Connection, hook: str, *, state: str = "", limit: int = 50, before: int = 0) -> list[Delivery]:
    """Newest first, from before a number on."""
    query = select(deliveries).where(deliveries.c.hook == hook).order_by(deliveries.c.number.desc()).limit(limit)
    if state:
        query = query.where(deliveries.c.state == state)
    if before:
        query = query.where(deliveries.c.number < before)
    return [_delivery(row) for row in connection.execute(query)]


def one(connection: Connection, hook: str, identity: str) -> Delivery | None:
    row = connection.execute(select(deliveries).where(deliveries.c.hook == hook, deliveries.c.id == identity)).first()
    return _delivery(row) if row else None


def oldest(connection: Connection, hook: str) -> float | None:
    """When the oldest event that waits happened."""
    query = select(func.min(deliveries.c.created_at)).where(deliveries.c.hook == hook, deliveries.c.state == "waiting")
    found: float | None = connection.execute(query).scalar()
    return found


def abandon(connection: Connection, hooks: Sequence[str], now: float) -> None:
    """What waits for a hook that is no more is given up."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.state == "waiting", deliveries.c.hook.not_in(hooks))
        .values(state="failed", finished_at=now, error="the webhook was removed")
    )


def tidy(connection: Connection, done_before: float, failed_before: float) -> int:
    """Removes what is over since long ago; returns how many."""
    query = delete(deliveries).where(
        or_(
            (deliveries.c.state == "done") & (deliveries.c.finished_at < done_before),
            (deliveries.c.state == "failed") & (deliveries.c.finished_at < failed_before),
        )
    )
    return connection.execute(query).rowcount


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)
