"""Today's counts."""

from __future__ import annotations

from datetime import datetime, timedelta

from softswitch.acd.counters import Today, midnight
from softswitch.model.events import OfferAnswered, QueueEntered, QueueLeft
from softswitch.store.rows import CdrRow

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


def test_a_caller_who_returns_to_the_line_is_offered_once() -> None:
    today = Today()
    today.count(QueueEntered(at=NOON, queue="sales", visit="v1", position=1))
    today.count(QueueEntered(at=NOON, queue="sales", visit="v2", position=1, waited_ms=40_000))
    assert today.queue("sales").offered == 1


def test_midnight_begins_a_new_day() -> None:
    today = Today()
    today.count(OfferAnswered(at=NOON, agent="li", offer="o1"))
    assert today.agents["li"] == 1
    tomorrow = midnight(NOON) + timedelta(days=1).total_seconds()
    today.turn(tomorrow - 1)
    assert today.agents["li"] == 1
    today.turn(tomorrow)
    assert today.agents["li"] == 0


def _row(*, agent: str, result: str, connected_at: float | None) -> CdrRow:
    return CdrRow(
        id="c1", direction="in", caller="138", caller_name="", called="400", trunk="", source="sip", queue="sales", agent=agent,
        result=result, cause="normal", q850=16, sip_status=200, who="caller", created_at=NOON, answered_at=NOON,
        connected_at=connected_at, ended_at=NOON, wait_ms=5_000, ring_ms=0, talk_ms=0, hold_ms=0, duration_ms=0, sip_call_id="",
    )  # fmt: skip


def test_restart_counts_the_records_of_today() -> None:
    today = Today()
    rows = [
        _row(agent="li", result="answered", connected_at=NOON),
        _row(agent="", result="abandoned", connected_at=None),
    ]
    today.restore(rows, NOON)
    count = today.queue("sales")
    assert (count.offered, count.answered, count.abandoned, today.agents["li"]) == (2, 1, 1, 1)
