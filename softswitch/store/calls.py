"""Ended calls: lists with filters, page by page, and one call with its timeline. All are functions for `Store.read`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, exists, or_, select

from softswitch.model.events import Event
from softswitch.store.cursor import Page, newest_first, page_of
from softswitch.store.fact_tables import contacts, seizures, visits
from softswitch.store.rows import CdrRow, event_of
from softswitch.store.tables import audit, cdr, journal

By = Literal["call", "visit", "contact", "seizure"]
MISSED = "missed"
"""As `result` of contacts: all that count in the agent's total and were not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Empty fields do not filter. Times are UTC epoch seconds of the begin: `since` included, `until` excluded."""

    since: float | None = None
    until: float | None = None
    number: str = ""  # caller or called
    queue: str = ""
    agent: str = ""
    result: str = ""
    trunk: str = ""
    direction: str = ""
    queues: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    by: By = "call"
    """What times, queue, agent, trunk, direction and result are of: the call, or one of its visits, contacts, seizures."""
    channel: int = 0  # of a seizure
    where: tuple[ColumnElement[bool], ...] = ()
    """More conditions on `cdr`, as the asker's scope."""


def page_of_calls(connection: Connection, wanted: CallFilter, *, limit: int = 50, cursor: str | None = None) -> Page[CdrRow]:
    """Ended calls, newest first. Raises ForeignCursor."""
    query = newest_first(select(cdr).where(*_conditions(wanted)), cdr.c.created_at, cdr.c.id, limit=limit, cursor=cursor)
    rows = [_row(row) for row in connection.execute(query)]
    return page_of(rows, limit, lambda row: (row.created_at, row.id))


def call_record(connection: Connection, call: str) -> CdrRow | None:
    row = connection.execute(select(cdr).where(cdr.c.id == call)).first()
    return _row(row) if row else None


def timeline_of(connection: Connection, call: str) -> list[Event]:
    """Every journaled event of a call, in order; recording and audit events that came after the end are last."""
    rows = select(journal).where(journal.c.call == call).order_by(journal.c.id)
    events = [event_of(row) for row in connection.execute(rows)]
    return sorted(events, key=lambda event: event.seq or len(events) + 1)


def audit_trail(connection: Connection, types: Sequence[str] = (), *, since: float = 0.0, limit: int = 200) -> list[Event]:
    """Who did what, newest first; `types` narrows it to some of `rows.AUDITED`."""
    rows = select(audit).where(audit.c.at >= since).order_by(audit.c.at.desc(), audit.c.id.desc())
    if types:
        rows = rows.where(audit.c.type.in_(types))
    return [event_of(row) for row in connection.execute(rows.limit(limit))]


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.number:
        found.append(or_(cdr.c.caller == wanted.number, cdr.c.called == wanted.number))
    if wanted.by != "call":
        return [*found, cdr.c.id.in_(_facts(wanted))]
    found += _limits(cdr, cdr.c.created_at, wanted)
    for name, several, single in (("queue", wanted.queues, wanted.queue), ("trunk", wanted.trunks, wanted.trunk)):
        if values := (*several, *((single,) if single else ())):
            found.append(cdr.c[name].in_(values))
    if agents := (*wanted.agents, *((wanted.agent,) if wanted.agent else ())):
        took_part = exists().where(contacts.c.call == cdr.c.id, contacts.c.agent.in_(agents), contacts.c.outcome == "answered")
        found.append(or_(cdr.c.agent.in_(agents), took_part))
    return found


def _limits(table: Table, at: ColumnElement[Any], wanted: CallFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(at >= wanted.since)
    if wanted.until is not None:
        found.append(at < wanted.until)
    for name in ("direction", "result"):
        if name in table.c and (value := getattr(wanted, name)):
            found.append(table.c[name] == value)
    return found


def _facts(wanted: CallFilter) -> Select[Any]:
    """The calls of the visits, contacts or seizures that are wanted."""
    table, at, names = {
        "visit": (visits, visits.c.entered, ("queue", "agent")), "contact": (contacts, contacts.c.began, ("queue", "agent")),
        "seizure": (seizures, seizures.c.began, ("trunk", "channel")),
    }[wanted.by]  # fmt: skip
    found = _limits(table, at, wanted) + [table.c[name] == getattr(wanted, name) for name in names if getattr(wanted, name)]
    if table is contacts and wanted.result == MISSED:
        found += [contacts.c.counted, contacts.c.outcome != "answered"]
    elif table is contacts and wanted.result:
        found.append(contacts.c.outcome == wanted.result)
    return select(table.c.call).where(*found)


def _row(row: Row[Any]) -> CdrRow:
    return CdrRow(**{**row._mapping, "context": json.loads(row.context)})
