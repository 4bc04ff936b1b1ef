"""Callbacks in the report: each counts once, whoever dialled it and however often."""

from __future__ import annotations

from softswitch.model import events as ev
from softswitch.reports.catalogue import REPORTS
from softswitch.reports.model import Asking, Context, Query
from tests.softswitch.reports.calls import DAY
from tests.softswitch.reports.conftest import Fill


async def test_a_callback_counts_once_with_all_its_attempts(fill: Fill) -> None:
    def created(name: str, at: float) -> ev.Event:
        return ev.CallbackCreated(queue="sales", callback=name, number="138", at=DAY + at)

    def attempt(name: str, number: int, agent: str, at: float, result: str = "") -> ev.Event:
        return ev.CallbackAttempt(queue="sales", callback=name, number="138", attempt=number, agent=agent, result=result,
                                  at=DAY + at)  # fmt: skip

    def done(name: str, result: str, at: float) -> ev.Event:
        return ev.CallbackDone(queue="sales", callback=name, result=result, actor="system", at=DAY + at)

    store = await fill([
        created("one", 1), attempt("one", 1, "li", 2), attempt("one", 1, "li", 3, "busy"), attempt("one", 2, "wen", 9),
        done("one", "answered", 10),
        created("two", 4), attempt("two", 1, "", 5), attempt("two", 1, "li", 6, "no_answer"),
        done("two", "failed: no_answer", 6),
        created("three", 7),
        created("four", 8), ev.CallbackCancelled(queue="sales", callback="four", why="page", actor="li", at=DAY + 12),
        created("five", 11), attempt("five", 1, "li", 12),
        created("six", 12), attempt("six", 1, "li", 13), attempt("six", 1, "li", 14, "busy"),
    ])  # fmt: skip
    asked = Query(since=DAY, until=DAY + 60)
    found = await store.study(lambda c: REPORTS["callbacks"].make(Asking(c, asked, Context(now=DAY + 60))))
    (row,) = found.rows
    assert row.values | {"queue": ""} == {
        "queue": "", "created": 6, "done": 1, "failed": 1, "cancelled": 1, "waiting": 2, "dialling": 1, "attempts": 5,
        "done_rate": 16.67,
    }  # fmt: skip
    assert {**found.totals} == {name: value for name, value in row.values.items() if name != "queue"}
