"""The editable table of days, and its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import cast, get_args

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, delete, insert, select

from softswitch.calendar.model import Day, DayKind
from softswitch.store.schema import Schema

metadata = MetaData()
calendar_days = Table(
    "calendar_days", metadata,
    Column("calendar", String, primary_key=True),
    Column("date", String, primary_key=True),  # YYYY-MM-DD
    Column("kind", String, nullable=False),
    Column("open", Text, nullable=False),  # JSON list
    Column("title", String, nullable=False),
)  # fmt: skip
SCHEMA = Schema("calendar", metadata)


def read_days(connection: Connection) -> dict[str, dict[date, Day]]:
    """All entered days by calendar."""
    found: dict[str, dict[date, Day]] = {}
    for row in connection.execute(select(calendar_days)):
        if row.kind in get_args(DayKind):
            day = date.fromisoformat(row.date)
            entered = Day(day, cast(DayKind, row.kind), tuple(json.loads(row.open)), row.title)
            found.setdefault(row.calendar, {})[day] = entered
    return found


def write_day(connection: Connection, calendar: str, day: Day) -> None:
    remove_day(connection, calendar, day.date)
    values: Mapping[str, str] = {
        "calendar": calendar, "date": day.date.isoformat(), "kind": day.kind, "open": json.dumps(day.open), "title": day.title,
    }  # fmt: skip
    connection.execute(insert(calendar_days).values(values))


def remove_day(connection: Connection, calendar: str, day: date) -> None:
    table = calendar_days.c
    connection.execute(delete(calendar_days).where(table.calendar == calendar, table.date == day.isoformat()))
