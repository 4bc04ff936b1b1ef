"""Questions to the database about recordings, as functions of a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from softswitch.access.filters import within
from softswitch.access.scope import Scope
from softswitch.model.states import RecordingStatus
from softswitch.recordings.tables import holds, objects, removals
from softswitch.store.cursor import Page, newest_first, page_of
from softswitch.store.rows import RecordingRow
from softswitch.store.tables import cdr, recordings

LIVE = RecordingStatus.RECORDING.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """Empty fields do not filter. Times are UTC epoch seconds of the recording's begin: `since` included, `until` excluded."""

    since: float | None = None
    until: float | None = None
    agent: str = ""
    queue: str = ""
    number: str = ""  # caller or called
    call: str = ""
    status: str = ""
    restricted: bool | None = None
    scope: Scope | None = None
    """Whose conversations may be seen; None: anybody's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A recording with what is known of its call; empty texts while the call is not over."""

    row: RecordingRow
    legal_hold: bool = False
    caller: str = ""
    called: str = ""
    direction: str = ""
    queue: str = ""
    agent: str = ""


_COLUMNS = (
    *recordings.c, holds.c.recording.label("held"), cdr.c.caller, cdr.c.called, cdr.c.direction, cdr.c.queue, cdr.c.agent,
)  # fmt: skip
_ALL = recordings.outerjoin(cdr, cdr.c.id == recordings.c.call).outerjoin(holds, holds.c.recording == recordings.c.id)


def page(connection: Connection, wanted: RecordingFilter, *, limit: int = 50, cursor: str = "") -> Page[Found]:
    """Newest first. Raises ForeignCursor."""
    query = select(*_COLUMNS).select_from(_ALL).where(*_conditions(wanted))
    query = newest_first(query, recordings.c.started_at, recordings.c.id, limit=limit, cursor=cursor)
    rows = [_found(row) for row in connection.execute(query)]
    return page_of(rows, limit, lambda found: (found.row.started_at, found.row.id))


def one(connection: Connection, identity: str) -> Found | None:
    row = connection.execute(select(*_COLUMNS).select_from(_ALL).where(recordings.c.id == identity)).first()
    return _found(row) if row else None


def expired(connection: Connection, now: float, limit: int = 500) -> list[RecordingRow]:
    """What may go by age, oldest first; nothing that is held. Remove the file, then the row."""
    due = select(recordings).where(
        recordings.c.expires_at <= now, recordings.c.status != LIVE, recordings.c.id.not_in(select(holds.c.recording))
    )
    return [RecordingRow(**row._mapping) for row in connection.execute(due.order_by(recordings.c.expires_at).limit(limit))]


def keep_until(connection: Connection, identity: str, at: float | None) -> None:
    """`None`: for ever."""
    connection.execute(update(recordings).where(recordings.c.id == identity).values(expires_at=at))


def hold(connection: Connection, identity: str, reason: str, actor: str, at: float) -> None:
    release(connection, identity)
    connection.execute(insert(holds), [{"recording": identity, "reason": reason, "actor": actor, "at": at}])


def release(connection: Connection, identity: str) -> None:
    connection.execute(delete(holds).where(holds.c.recording == identity))


def begin_removal(connection: Connection, row: RecordingRow, at: float) -> None:
    """The row goes, and the file's name is kept until the file is gone too."""
    connection.execute(delete(recordings).where(recordings.c.id == row.id))
    forget_objects(connection, [row.id])
    connection.execute(insert(removals), [{"recording": row.id, "file": row.file, "at": at}])


def unfinished_removals(connection: Connection) -> list[tuple[str, str]]:
    """Pairs of recording and file."""
    return [(row.recording, row.file) for row in connection.execute(select(removals).order_by(removals.c.at))]


def end_removal(connection: Connection, identity: str) -> None:
    connection.execute(delete(removals).where(removals.c.recording == identity))


def to_move(connection: Connection, limit: int) -> list[RecordingRow]:
    """Finished recordings whose file is not in the store yet, oldest first."""
    rows = select(recordings).where(
        recordings.c.status.not_in((LIVE, RecordingStatus.FAILED.value)), recordings.c.id.not_in(select(objects.c.recording))
    )
    return [RecordingRow(**row._mapping) for row in connection.execute(rows.order_by(recordings.c.started_at).limit(limit))]


def moved(connection: Connection, identity: str, at: float) -> bool:
    """The file lies in the store. False when the recording was removed meanwhile."""
    if connection.execute(select(recordings.c.id).where(recordings.c.id == identity)).first() is None:
        return False
    connection.execute(delete(objects).where(objects.c.recording == identity))
    connection.execute(insert(objects), [{"recording": identity, "at": at}])
    return True


def in_store(connection: Connection, identities: Sequence[str]) -> set[str]:
    """Those of them whose file lies in the store."""
    return set(connection.execute(select(objects.c.recording).where(objects.c.recording.in_(identities))).scalars())


def forget_objects(connection: Connection, identities: Sequence[str]) -> None:
    connection.execute(delete(objects).where(objects.c.recording.in_(identities)))


def finished_after(connection: Connection, identity: str, limit: int) -> list[RecordingRow]:
    """Rows that must have a file, by id, from behind `identity` on: for walking through all of them."""
    rows = select(recordings).where(
        recordings.c.id > identity, recordings.c.status.not_in((LIVE, RecordingStatus.FAILED.value))
    )
    return [RecordingRow(**row._mapping) for row in connection.execute(rows.order_by(recordings.c.id).limit(limit))]


def volume(connection: Connection, since: float, until: float) -> tuple[int, float, int]:
    """Octets recorded since `since`, the begin of the oldest of these, and the octets that age removes before `until`."""
    recorded = select(func.coalesce(func.sum(recordings.c.bytes), 0), func.min(recordings.c.started_at))
    total, first = connection.execute(recorded.where(recordings.c.started_at >= since)).one()
    leaving = select(func.coalesce(func.sum(recordings.c.bytes), 0)).where(
        recordings.c.expires_at < until, recordings.c.id.not_in(select(holds.c.recording))
    )
    return int(total), float(first or since), int(connection.execute(leaving).scalar_one())


def _conditions(wanted: RecordingFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(recordings.c.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(recordings.c.started_at < wanted.until)
    if wanted.number:
        found.append(or_(cdr.c.caller == wanted.number, cdr.c.called == wanted.number))
    if wanted.scope is not None:
        found.append(within(wanted.scope, cdr.c.agent, cdr.c.queue))
    for column, value in (
        (cdr.c.agent, wanted.agent), (cdr.c.queue, wanted.queue), (recordings.c.call, wanted.call),
        (recordings.c.status, wanted.status),
    ):  # fmt: skip
        if value:
            found.append(column == value)
    if wanted.restricted is not None:
        found.append(recordings.c.restricted.is_(wanted.restricted))
    return found


def _found(row: Row[Any]) -> Found:
    values = row._mapping
    own = RecordingRow(**{column.name: values[column.name] for column in recordings.c})
    return Found(
        own, values["held"] is not None, values["caller"] or "", values["called"] or "", values["direction"] or "",
        values["queue"] or "", values["agent"] or "",
    )  # fmt: skip
