"""Today's counts."""

from __future__ import annotations

from datetime import datetime, timedelta

from softswitch.acd.counters import Today, midnight
from softswitch.model.events import OfferAnswered, QueueEntered, QueueLeft
from softswitch.reports.facts import Visit

NOON = datetime(2024, 5, 6, 12).astimezone().timestamp()


def _left(result: str, wait_ms: int, at: float = NOON) -> QueueLeft:
    return QueueLeft(at=at, queue="sales", visit="v", result=result, wait_ms=wait_ms)


def test_service_level_is_the_share_answered_in_time_of_those_who_left() -> None:
    today = Today()
    for event in (_left("answered", 5_000), _left("answered", 25_000), _left("abandoned", 3_000), _left("overflow", 60_000)):
        today.count(QueueEntered(at=NOON, queue="sales", visit="v", position=1))
        today.count(event)
    count = today.queue("sales")
    assert (count.offered, count.answered, count.abandoned) == (4, 2, 1)
    assert count.service_level == 1 / 3


def test_nobody_yet_is_no_service_level() -> None:
    assert Today().queue("sales").service_level is None


def test_a_caller_who_returns_to_the_line_is_a_visit_more_as_in_reports() -> None:
    today = Today()
    today.count(QueueEntered(at=NOON, queue="sales", visit="v1", position=1))
    today.count(_left("answered", 40_000))
    today.count(QueueEntered(at=NOON, queue="sales", visit="v2", position=1, waited_ms=40_000))
    today.count(_left("abandoned", 9_000))
    count = today.queue("sales")
    assert count.offered == sum(count.exits.values()) == 2


def test_midnight_begins_a_new_day() -> None:
    today = Today()
    today.count(OfferAnswered(at=NOON, agent="li", offer="o1"))
    assert today.agents["li"] == 1
    tomorrow = midnight(NOON) + timedelta(days=1).total_seconds()
    today.turn(tomorrow - 1)
    assert today.agents["li"] == 1
    today.turn(tomorrow)
    assert today.agents["li"] == 0


def _visit(result: str, wait_ms: int, agent: str = "", channel: str = "voice") -> Visit:
    return Visit("c1", f"v{result}", "sales", channel, NOON, NOON, result, wait_ms, True, agent, 1, 0, -1, -1)


def test_restart_counts_the_visits_of_today() -> None:
    today = Today()
    visits = [_visit("answered", 5_000, "li"), _visit("abandoned", 4_000), _visit("overflow", 60_000),
              _visit("answered", 9_000, "li", channel="callback")]  # fmt: skip
    today.restore(visits, NOON)
    count = today.queue("sales")
    assert (count.offered, count.answered, count.abandoned, count.short_abandoned, today.agents["li"]) == (3, 1, 1, 1, 2)
    assert count.exits == {"answered": 1, "abandoned": 1, "overflow": 1}
