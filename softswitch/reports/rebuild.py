"""Makes facts and sums again from the journal, in one transaction: after an update, or when somebody doubts them.

The journal does not know when a node died; the spans that began so ("node lost") are read before they go and kept their place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, select

from softswitch.model.events import AgentStateChanged, CallEnded, Event, TrunkStateChanged
from softswitch.reports.recorder import Recorder, Rows
from softswitch.reports.spans import NODE_LOST, Standing
from softswitch.store import fact_tables as t
from softswitch.store import tables
from softswitch.store.rows import CdrRow, event_of

PAGE = 5_000
Fold = Callable[[Sequence[Event]], CdrRow | None]
Losses = dict[tuple[str, str], deque[Standing]]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    events: int
    calls: int


def rebuild(connection: Connection, recorder: Recorder, fold: Fold) -> Rebuilt:
    """`recorder` is a new one. What goes on is left to the switch that has it: live calls, states that stand."""
    losses = _losses(connection)
    for table in t.FACTS:
        if table is not t.standing:
            connection.execute(delete(table))
    timelines: dict[str, list[Event]] = {}
    events = calls = 0
    for page in _pages(connection):
        found: list[Rows] = []
        for event in page:
            events += 1
            found += _lost_before(event, recorder, losses)
            if event.call and (event.type == "call.created" or event.call in timelines):
                timelines.setdefault(event.call, []).append(event)
            timeline = timelines.pop(event.call, []) if isinstance(event, CallEnded) else []
            calls += bool(timeline)
            rows = recorder.rows(event, timeline, fold(timeline) if timeline else None)
            found += [rows] if rows is not None else []
        _write(connection, recorder, found)
    rest = [recorder.turn(loss) for waiting in losses.values() for loss in waiting]
    _write(connection, recorder, [rows for rows in rest if rows is not None])
    return Rebuilt(events, calls)


def _write(connection: Connection, recorder: Recorder, found: Sequence[Rows]) -> None:
    recorder.write(connection, [replace(rows, standing=[]) for rows in found])


def _losses(connection: Connection) -> Losses:
    found: Losses = {}
    c, s = t.spans.c, t.standing.c
    over = select(c.kind, c.name, c.state, c.reason, c.queue, c.began).where(c.reason == NODE_LOST).order_by(c.began)
    for row in (*connection.execute(over), *connection.execute(select(t.standing).where(s.reason == NODE_LOST))):
        found.setdefault((row.kind, row.name), deque()).append(Standing(*row))
    return found


def _lost_before(event: Event, recorder: Recorder, losses: Losses) -> Iterator[Rows]:
    if isinstance(event, AgentStateChanged):
        waiting = losses.get(("agent", event.agent))
    elif isinstance(event, TrunkStateChanged):
        waiting = losses.get(("trunk", event.trunk))
    else:
        return
    while waiting and waiting[0].since <= event.at:
        rows = recorder.turn(waiting.popleft())
        if rows is not None:
            yield rows


def _pages(connection: Connection) -> Iterator[list[Event]]:
    last, c = 0, tables.journal.c
    while True:
        page = connection.execute(select(tables.journal).where(c.id > last).order_by(c.id).limit(PAGE)).all()
        if not page:
            return
        yield [event_of(row) for row in page]
        last = page[-1].id
