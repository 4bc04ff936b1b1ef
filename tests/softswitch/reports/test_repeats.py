"""Repeated calls: the same number, the same queue, within three days; also over the end of the range."""

from __future__ import annotations

from softswitch.model import events as ev
from softswitch.reports.catalogue import REPORTS
from softswitch.reports.model import Asking, Context, Query, Table
from softswitch.store.database import Store
from tests.softswitch.reports.calls import DAY
from tests.softswitch.reports.conftest import Fill

A_DAY = 86_400.0


def call(name: str, caller: str, queue: str, at: float, *codes: str) -> list[ev.Event]:
    """In the morning, so many days after the first."""
    at = DAY + at * A_DAY
    made: list[ev.Event] = [
        ev.CallCreated(direction="in", caller=caller, called="4008001000", trunk="carrier", at=at),
        ev.QueueEntered(queue=queue, visit=f"v-{name}", position=1, at=at + 1),
        ev.QueueLeft(queue=queue, visit=f"v-{name}", result="answered", agent="li", wait_ms=1000, at=at + 2),
        *([ev.CallDisposed(codes=codes, agent="li", at=at + 5)] if codes else []),
        ev.CallEnded(who="caller", cause="normal", q850=16, sip_status=200, at=at + 9),
    ]
    return [ev.stamped(event, call=name, seq=seq, at=event.at) for seq, event in enumerate(made, 1)]


async def table(store: Store, **asked: object) -> Table:
    query = Query(since=DAY, until=DAY + A_DAY, **asked)  # type: ignore[arg-type]
    return await store.study(lambda c: REPORTS["repeats"].make(Asking(c, query, Context(now=DAY + 9 * A_DAY))))


async def test_callers_who_ring_the_same_queue_again_within_three_days(fill: Fill) -> None:
    store = await fill([event for one in (
        call("c1", "138", "sales", 0.1, "unsolved", "late"), call("c2", "138", "sales", 0.2, "solved"),  # twice on the day
        call("c3", "139", "sales", 0.3, "unsolved"), call("c4", "139", "sales", 3.2),  # beyond the range, within three days
        call("c5", "137", "sales", 0.4, "solved"), call("c6", "137", "sales", 3.5),  # more than three days later
        call("c7", "136", "sales", 0.5), call("c8", "136", "repair", 0.6),  # another queue
        call("c9", "", "sales", 0.7), call("d1", "", "sales", 0.8),  # nobody knows who
    ) for event in one])  # fmt: skip
    found = await table(store)
    names = ("queue", "code", "calls", "callers", "repeaters", "repeat_rate")
    assert [tuple(row.values[name] for name in names) for row in found.rows] == [
        ("repair", "", 1, 1, 0, 0.0),
        ("sales", "", 1, 1, 0, 0.0),
        ("sales", "solved", 2, 2, 0, 0.0),
        ("sales", "unsolved", 2, 2, 2, 100.0),
    ]
    assert found.totals == {"calls": 6, "callers": 5, "repeaters": 2, "repeat_rate": 40.0}
    assert [row.values["queue"] for row in (await table(store, queues=("repair",))).rows] == ["repair"]


async def test_without_calls_there_is_no_rate(fill: Fill) -> None:
    assert (await table(await fill([]))).totals == {"calls": 0, "callers": 0, "repeaters": 0, "repeat_rate": None}
