"""What call distribution reads from the database when the switch starts. Functions for `Store.read`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from softswitch.acd.core import RECOVERED
from softswitch.model.events import AgentStateChanged, Event, QueueEntered, QueueLeft
from softswitch.reports.facts import Visit
from softswitch.store.calls import CallFilter, page_of_calls
from softswitch.store.fact_tables import visits
from softswitch.store.rows import CdrRow, event_of
from softswitch.store.tables import journal

_TYPES = tuple(event.type for event in RECOVERED)
_ROWS = 500_000
"""How far back in the journal agents' states are looked for; whoever has not changed since then signs in again."""
_PAGE = 1000
LEARNED = (QueueEntered.type, QueueLeft.type, AgentStateChanged.type)


def agent_history(connection: Connection) -> Sequence[Event]:
    """The newest events of agents, in order."""
    newest = connection.execute(select(func.max(journal.c.id))).scalar_one_or_none() or 0
    rows = select(journal).where(journal.c.id > newest - _ROWS, journal.c.type.in_(_TYPES)).order_by(journal.c.id)
    return [event_of(row) for row in connection.execute(rows)]


def recent_events(connection: Connection, since: float) -> Sequence[Event]:
    """What predictions learn from: arrivals, exits and agents' changes since then, in order."""
    newest = connection.execute(select(func.max(journal.c.id))).scalar_one_or_none() or 0
    rows = (
        select(journal)
        .where(journal.c.id > newest - _ROWS, journal.c.at > since, journal.c.type.in_(LEARNED))
        .order_by(journal.c.id)
    )
    return [event_of(row) for row in connection.execute(rows)]


def visits_since(connection: Connection, since: float) -> list[Visit]:
    """The visits that entered since then and are over."""
    return [Visit(*row) for row in connection.execute(select(visits).where(visits.c.entered >= since))]


def calls_since(connection: Connection, since: float) -> list[CdrRow]:
    """The records of ended calls that went through a queue."""
    found: list[CdrRow] = []
    cursor: str | None = None
    while True:
        page = page_of_calls(connection, CallFilter(since=since), limit=_PAGE, cursor=cursor)
        found += [row for row in page.items if row.queue]
        if page.next is None:
            return found
        cursor = page.next
