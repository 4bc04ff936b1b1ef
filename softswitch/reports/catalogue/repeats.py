"""Repeated calls: callers who ring the same queue again within days, by what came of the call before (product.md §4, BI-01)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Subquery, and_, case, func, select

from softswitch.model.events import rfc3339
from softswitch.reports.figures import Values, percent
from softswitch.reports.model import Asking, Row, Table
from softswitch.store.fact_tables import outcomes
from softswitch.store.tables import cdr

DAYS = 3
NOBODY = ("", "anonymous")
"""Callers who cannot be told apart."""


def repeat_report(asking: Asking) -> Table:
    calls = _calls(asking)
    c = calls.c
    again = func.count(func.distinct(case((c.again, c.caller))))
    query = select(c.queue, c.code, func.count(), func.count(func.distinct(c.caller)), again).group_by(c.queue, c.code)
    rows, whole = [], {"by": "call", "from": rfc3339(asking.query.since), "to": rfc3339(asking.query.until)}
    for queue, code, count, callers, repeaters in asking.connection.execute(query.order_by(c.queue, c.code)):
        shown = {"queue": asking.context.name("queue", queue), "code": asking.context.name("disposition", code) if code else ""}
        rows.append(Row({**shown, **_figures(count, callers, repeaters)}, {**whole, "queue": queue}))
    people = select(
        c.queue, c.caller, func.count().label("calls"), func.max(case((c.again, 1), else_=0)).label("again")
    ).group_by(c.queue, c.caller).subquery()  # fmt: skip
    totals = select(func.count(), func.sum(people.c.calls), func.sum(people.c.again))
    callers, count, repeaters = asking.connection.execute(totals).one()
    return Table(rows, _figures(int(count or 0), callers, int(repeaters or 0)))


def _calls(asking: Asking) -> Subquery:
    """The calls of the range with the first result code of each and whether the caller rang `again` in time."""
    c, since, until = cdr.c, asking.calendar.since, asking.calendar.until
    following = func.lead(c.created_at).over(partition_by=(c.queue, c.caller), order_by=c.created_at)
    every = select(c.id, c.queue, c.caller, c.created_at, (following - c.created_at).label("later")).where(
        _within(asking, since, until + DAYS * 86_400)
    ).subquery()  # fmt: skip
    o = outcomes.c
    first = and_(o.kind == "disposition", o.name == "1", o.at >= since)
    said = select(o.call, func.min(o.code).label("code")).where(first).group_by(o.call).subquery()
    return (
        select(
            every.c.queue, every.c.caller, func.coalesce(said.c.code, "").label("code"),
            and_(every.c.later.is_not(None), every.c.later <= DAYS * 86_400).label("again"),
        )
        .select_from(every.outerjoin(said, said.c.call == every.c.id))
        .where(every.c.created_at < until)
        .subquery()
    )  # fmt: skip


def _within(asking: Asking, since: float, until: float) -> ColumnElement[bool]:
    c, queues = cdr.c, asking.query.queues
    chosen = c.queue.in_(queues) if queues else c.queue != ""
    return and_(c.created_at >= since, c.created_at < until, c.direction == "in", c.caller.not_in(NOBODY), chosen)


def _figures(calls: int, callers: int, repeaters: int) -> Values:
    return {"calls": calls, "callers": callers, "repeaters": repeaters, "repeat_rate": percent(repeaters, callers)}
