"""What call distribution keeps beside the timeline: callbacks, emergency switches, who was asked for a survey."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Column, Connection, Float, Index, Integer, MetaData, String, Table, Text, delete, insert, select, update

from softswitch.acd.callback import Attempt, Callback, CallbackState
from softswitch.acd.entry import Emergency
from softswitch.store.cursor import Page, newest_first, page_of
from softswitch.store.schema import Schema

metadata = MetaData()
callbacks = Table(
    "callbacks", metadata,
    Column("id", String, primary_key=True),
    Column("queue", String, nullable=False),
    Column("number", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("entered", Float, nullable=False),
    Column("scheduled", Float, nullable=False),
    Column("importance", Integer, nullable=False),
    Column("source", String, nullable=False),
    Column("customer", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("call", String, nullable=False),
    Column("attempts", Text, nullable=False),  # JSON list
    Index("callbacks_newest", "created"),
    Index("callbacks_state", "state"),
)  # fmt: skip
emergencies = Table(
    "queue_emergencies", metadata,
    Column("queue", String, primary_key=True),
    Column("announcement", String, nullable=False),
    Column("until", Float, nullable=False),
)  # fmt: skip
surveys = Table(
    "survey_invitations", metadata,
    Column("number", String, primary_key=True),
    Column("at", Float, nullable=False),
)  # fmt: skip
SCHEMA = Schema("acd", metadata)

_OPEN = tuple(state for state in CallbackState if state.is_open)


def open_callbacks(connection: Connection) -> list[Callback]:
    rows = connection.execute(select(callbacks).where(callbacks.c.state.in_(_OPEN)).order_by(callbacks.c.entered))
    return [_callback(row._asdict()) for row in rows]


def callbacks_by(
    connection: Connection, *, state: str = "", queue: str = "", number: str = "", limit: int = 100, cursor: str = ""
) -> Page[Callback]:
    """Newest first. Raises ForeignCursor."""
    wanted = newest_first(select(callbacks), callbacks.c.created, callbacks.c.id, limit=limit, cursor=cursor)
    for column, value in ((callbacks.c.state, state), (callbacks.c.queue, queue), (callbacks.c.number, number)):
        if value:
            wanted = wanted.where(column == value)
    found = [_callback(row._asdict()) for row in connection.execute(wanted)]
    return page_of(found, limit, lambda callback: (callback.created, callback.id))


def _callback(row: dict[str, object]) -> Callback:
    attempts = tuple(Attempt(**attempt) for attempt in json.loads(str(row["attempts"])))
    return Callback(**{**row, "state": CallbackState(str(row["state"])), "attempts": attempts})  # type: ignore[arg-type]


def write_callback(connection: Connection, callback: Callback) -> None:
    values = asdict(callback) | {
        "state": str(callback.state), "attempts": json.dumps([asdict(attempt) for attempt in callback.attempts])
    }  # fmt: skip
    if not connection.execute(update(callbacks).where(callbacks.c.id == callback.id).values(values)).rowcount:
        connection.execute(insert(callbacks).values(values))


def read_emergencies(connection: Connection) -> dict[str, Emergency]:
    return {row.queue: Emergency(row.announcement, row.until) for row in connection.execute(select(emergencies))}


def write_emergency(connection: Connection, queue: str, switch: Emergency | None) -> None:
    """None: switched off."""
    connection.execute(delete(emergencies).where(emergencies.c.queue == queue))
    if switch is not None:
        connection.execute(insert(emergencies).values(queue=queue, announcement=switch.announcement, until=switch.until))


def read_surveys(connection: Connection, since: float) -> dict[str, float]:
    rows: Sequence[tuple[str, float]] = [tuple(row) for row in connection.execute(select(surveys).where(surveys.c.at > since))]
    return dict(rows)


def write_survey(connection: Connection, number: str, at: float) -> None:
    connection.execute(delete(surveys).where(surveys.c.number == number))
    connection.execute(insert(surveys).values(number=number, at=at))
