"""Alarms in the database: what was raised, acknowledged, escalated and cleared. Functions for `Store` and the spool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from softswitch.alerting.tables import alarms
from softswitch.model.events import AlarmAcknowledged, AlarmCleared, AlarmEscalated, AlarmRaised, Event
from softswitch.observe.alarms import LEVELS
from softswitch.store.cursor import Page, newest_first, page_of

Write = Callable[[Connection], object]


@dataclass(frozen=True, slots=True)
class PastAlarm:
    """Times are UTC epoch seconds; `cleared_at` None: still active."""

    id: str
    code: str
    object: str
    level: str
    text: str
    raised_at: float
    cleared_at: float | None
    acked_by: str
    acked_at: float
    note: str
    escalated_to: str


def writing(event: Event) -> Write | None:
    """What an event changes in the history; None when it is not about alarms."""
    match event:
        case AlarmRaised():
            return lambda connection: _raise(connection, event)
        case AlarmCleared():
            return lambda c: c.execute(update(alarms).where(alarms.c.id == event.alarm).values(cleared_at=event.at))
        case AlarmAcknowledged():
            values = {"acked_by": event.actor, "acked_at": event.at, "note": event.note}
            return lambda c: c.execute(update(alarms).where(alarms.c.id == event.alarm).values(values))
        case AlarmEscalated():
            return lambda c: c.execute(update(alarms).where(alarms.c.id == event.alarm).values(escalated_to=event.to))
    return None


def _raise(connection: Connection, event: AlarmRaised) -> None:
    known = connection.execute(select(alarms.c.level).where(alarms.c.id == event.alarm)).scalar()
    if known is None:
        row = {
            "id": event.alarm, "code": event.code, "object": event.object, "level": event.level, "text": event.text,
            "raised_at": event.at, "cleared_at": None, "acked_by": "", "acked_at": 0.0, "note": "", "escalated_to": "",
        }  # fmt: skip
        connection.execute(insert(alarms).values(row))
        return
    level = min(known, event.level, key=LEVELS.index)
    connection.execute(update(alarms).where(alarms.c.id == event.alarm).values(level=level, text=event.text))


def close_open(connection: Connection, now: float) -> None:
    """At a start: what was active when the process ended is over; what still holds is raised anew."""
    connection.execute(update(alarms).where(alarms.c.cleared_at.is_(None)).values(cleared_at=now))


def forget(connection: Connection, before: float) -> None:
    connection.execute(delete(alarms).where(alarms.c.cleared_at.is_not(None), alarms.c.cleared_at < before))


def page(connection: Connection, *, limit: int, cursor: str = "", code: str = "", level: str = "") -> Page[PastAlarm]:
    """Newest first. Raises ForeignCursor."""
    query = newest_first(select(alarms), alarms.c.raised_at, alarms.c.id, limit=limit, cursor=cursor)
    if code:
        query = query.where(alarms.c.code == code)
    if level:
        query = query.where(alarms.c.level == level)
    found = [PastAlarm(*row) for row in connection.execute(query)]
    return page_of(found, limit, lambda alarm: (alarm.raised_at, alarm.id))
