"""Reports of what came of calls: dispositions, satisfaction, callbacks."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select

from softswitch.reports.figures import Values, percent, quotient
from softswitch.reports.model import Asking, Row, Table
from softswitch.store.fact_tables import outcomes

_c = outcomes.c
SATISFIED = 4
"""Marks of 5 from which a vote counts as satisfied."""


def _asked(asking: Asking, *kinds: str) -> ColumnElement[bool]:
    query = asking.query
    conditions = [_c.kind.in_(kinds), _c.at >= asking.calendar.since, _c.at < asking.calendar.until]
    if query.queues:
        conditions.append(_c.queue.in_(query.queues))
    if query.agents:
        conditions.append(_c.agent.in_(query.agents))
    return and_(*conditions)


def disposition_report(asking: Asking) -> Table:
    counted = asking.connection.execute(
        select(_c.code, func.count()).where(_asked(asking, "disposition")).group_by(_c.code)
        .order_by(func.count().desc(), _c.code)
    ).all()  # fmt: skip
    total = asking.connection.execute(
        select(func.count(func.distinct(_c.call))).where(_asked(asking, "disposition"))
    ).scalar_one()
    rows = [
        Row(
            {"code": code, "title": asking.context.name("disposition", code), "contacts": count, "share": percent(count, total)}
        )
        for code, count in counted
    ]
    return Table(rows, {"code": "", "contacts": total, "share": percent(total, total)})


def survey_report(asking: Asking) -> Table:
    """Per agent and queue: how many were asked, answered, and how satisfied they were."""
    votes = func.sum(case((and_(_c.kind == "mark", _c.value >= SATISFIED), 1), else_=0))
    marks = func.sum(case((_c.kind == "mark", 1), else_=0))
    total = func.sum(case((_c.kind == "mark", _c.value), else_=0))
    states = [func.sum(case((and_(_c.kind == "survey", _c.code == code), 1), else_=0)) for code in _STATES]
    query = select(_c.agent, _c.queue, *states, marks, votes, total).where(_asked(asking, "survey", "mark"))
    rows, sums = [], Counter[int]()
    for agent, queue, *values in asking.connection.execute(query.group_by(_c.agent, _c.queue).order_by(_c.agent, _c.queue)):
        figures = [int(value or 0) for value in values]
        for place, value in enumerate(figures):
            sums[place] += value
        shown: Values = {"agent": agent, "name": asking.context.name("agent", agent), "queue": queue}
        rows.append(Row({**shown, **_survey(figures)}, asking.drill("contact", 0, agent=agent, queue=queue)))
    return Table(rows, _survey([sums[place] for place in range(6)]))


_STATES = ("invited", "answered", "skipped")


def _survey(sums: list[int]) -> Values:
    """`invited` is the state of those who have not answered yet: whoever did was invited too."""
    pending, answered, skipped, marks, votes, total = sums
    invited = pending + answered
    return {
        "invited": invited, "answered": answered, "skipped": skipped, "invitation_rate": percent(invited, invited + skipped),
        "response_rate": percent(answered, invited), "satisfaction": percent(votes, marks), "avg_mark": quotient(total, marks),
    }  # fmt: skip


def callback_report(asking: Asking) -> Table:
    found: dict[str, Counter[str]] = {}
    query = select(_c.queue, _c.kind, _c.code, func.count()).where(_asked(asking, "callback", "attempt"))
    for queue, kind, code, count in asking.connection.execute(query.group_by(_c.queue, _c.kind, _c.code)):
        found.setdefault(queue, Counter())["attempts" if kind == "attempt" else code] += count
    rows = [
        Row({"queue": asking.context.name("queue", queue), **_callbacks(counted)}) for queue, counted in sorted(found.items())
    ]
    return Table(rows, _callbacks(sum(found.values(), Counter())))


def _callbacks(counted: Counter[str]) -> Values:
    total = sum(count for name, count in counted.items() if name != "attempts")
    figures: dict[str, Any] = {
        name: counted[name] for name in ("waiting", "dialling", "done", "failed", "cancelled", "attempts")
    }
    return {"created": total, **figures, "done_rate": percent(counted["done"], total)}
