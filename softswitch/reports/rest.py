"""What the interval tables do not have: the edges of a range that cut a quarter of an hour, and calls that go on.

Both are counted from facts, by the ledger that made the interval tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, select

from softswitch.model.events import CallCreated, Event
from softswitch.reports.call_facts import FOLDED, facts_of
from softswitch.reports.facts import Contact, Ended, Seizure, Span, Visit
from softswitch.reports.ledger import Ledger
from softswitch.reports.spans import Standing
from softswitch.store import fact_tables as t
from softswitch.store import tables
from softswitch.store.rows import event_of

LOOK_BACK = 7 * 86_400.0
"""A call longer than this is not found at the edge of a range that does not begin at a quarter of an hour."""


def timelines(connection: Connection, calls: ColumnElement[bool]) -> Iterator[list[Event]]:
    """The timelines of the calls, only with the events that make facts."""
    rows = select(tables.journal).where(calls, tables.journal.c.type.in_(FOLDED))
    together: list[Event] = []
    for row in connection.execute(rows.order_by(tables.journal.c.call, tables.journal.c.id)):
        if together and together[0].call != row.call:
            yield together
            together = []
        together.append(event_of(row))
    if together:
        yield together


def add_edge(connection: Connection, ledger: Ledger, since: float, until: float) -> None:
    """The stored facts of a part of a quarter; `ledger` is limited to it."""
    for row in _within(connection, t.visits, t.visits.c.entered, since, until):
        ledger.visit(Visit(*row))
    for row in _within(connection, t.contacts, t.contacts.c.began, since, until):
        ledger.contact(Contact(*row))
    for row in _overlapping(connection, t.seizures, LOOK_BACK, since, until):
        ledger.seizure(Seizure(*row))
    for row in _overlapping(connection, t.spans, t.SPAN_SECONDS, since, until):
        ledger.span(Span(*row))
    c = tables.cdr.c
    records = select(c.created_at, c.direction, c.result, c.wait_ms, c.talk_ms, c.duration_ms)
    for row in connection.execute(records.where(c.created_at >= since, c.created_at < until)):
        ledger.call(Ended(*row))
    # Nodes of flows are stored as sums only, so the calls of that time tell them once more.
    calls = select(c.id).where(c.created_at >= since - LOOK_BACK, c.created_at < until, c.ended_at >= since)
    for timeline in timelines(connection, tables.journal.c.call.in_(calls)):
        for step in facts_of(timeline).steps:
            ledger.step(step)


def add_live(connection: Connection, ledger: Ledger, until: float, now: float) -> None:
    """Calls and states that go on, as they stand `now`."""
    live = select(tables.live_calls.c.call).where(tables.live_calls.c.created_at < until)
    for timeline in timelines(connection, tables.journal.c.call.in_(live)):
        if not isinstance(timeline[0], CallCreated):
            continue
        ledger.facts(facts_of(timeline, max(now, timeline[-1].at)))
    for row in connection.execute(select(t.standing).where(t.standing.c.since < until)):
        if (span := Standing(*row).until(now)) is not None:
            ledger.span(span)


def _within(connection: Connection, table: Table, at: ColumnElement[Any], since: float, until: float) -> Any:
    return connection.execute(select(table).where(at >= since, at < until))


def _overlapping(connection: Connection, table: Table, longest: float, since: float, until: float) -> Any:
    c = table.c
    return connection.execute(select(table).where(and_(c.began >= since - longest, c.began < until, c.ended > since)))
