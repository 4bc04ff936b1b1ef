"""The record is a pure fold of the timeline: a table of timelines and what each means."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.calls.cdr import fold
from softswitch.model import events as ev
from softswitch.model.cause import Cause

CREATED = ev.CallCreated(direction="in", caller="139", called="4008", trunk="carrier")


def ended(who: str = "caller", cause: Cause = Cause.NORMAL, status: int = 200) -> ev.CallEnded:
    return ev.CallEnded(who=who, cause=cause.word, q850=cause.q850, sip_status=status)


def timeline(*steps: tuple[float, ev.Event]) -> list[ev.Event]:
    return [ev.stamped(event, call="c1", seq=number, at=at) for number, (at, event) in enumerate(steps, 1)]


ANSWER = ev.CallAnswered()
TRY = ev.LegStarted(leg="l2", target="extension:1001")
CONNECT = ev.CallConnected(other="extension:1001")
ENTER = ev.QueueEntered(visit="v1", position=1, queue="sales")
OFFER = ev.OfferMade(offer="o1", visit="v1", agent="li", queue="sales")


def left(result: str, wait_ms: int) -> ev.QueueLeft:
    return ev.QueueLeft(visit="v1", result=result, wait_ms=wait_ms, queue="sales")


TABLE: list[tuple[str, list[tuple[float, ev.Event]], dict[str, Any]]] = [
    (
        "a plain call",
        [(0, CREATED), (1, TRY), (4, ANSWER), (4, CONNECT), (64, ended())],
        {"result": "answered", "ring_ms": 3000, "talk_ms": 60_000, "duration_ms": 64_000, "answered_at": 4, "connected_at": 4},
    ),
    (
        "what is said between the agent's answer and the conversation is no ringing",
        [
            (0, CREATED),
            (5, ENTER),
            (10, OFFER),
            (12, ev.OfferAnswered(offer="o1", agent="li", queue="sales")),
            (12, left("answered", 7_000)),
            (12, ev.LegStarted(leg="l2", target="agent:li")),
            (16, ev.CallConnected(other="agent:li", agent="li", queue="sales")),
            (20, ended()),
        ],
        {"ring_ms": 2000, "talk_ms": 4000, "wait_ms": 7000},
    ),
    (
        "hold is part of talk and told apart",
        [(0, CREATED), (1, CONNECT), (11, ev.CallHeld()), (31, ev.CallResumed()), (41, ended())],
        {"talk_ms": 40_000, "hold_ms": 20_000},
    ),
    (
        "the end comes during a hold",
        [(0, CREATED), (0, CONNECT), (10, ev.CallHeld()), (40, ended())],
        {"talk_ms": 40_000, "hold_ms": 30_000},
    ),
    (
        "through a queue",
        [
            (0, CREATED),
            (0, ANSWER),
            (5, ENTER),
            (10, OFFER),
            (15, left("answered", 10_000)),
            (15, ev.CallConnected(other="agent:li", agent="li", queue="sales")),
            (75, ended("agent")),
        ],
        {
            "result": "answered",
            "queue": "sales",
            "agent": "li",
            "wait_ms": 10_000,
            "ring_ms": 5000,
            "talk_ms": 60_000,
            "who": "agent",
        },
    ),
    (
        "given up in the queue",
        [(0, CREATED), (0, ANSWER), (5, ENTER), (25, left("abandoned", 20_000)), (25, ended())],
        {"result": "abandoned", "wait_ms": 20_000, "talk_ms": 0, "agent": ""},
    ),
    (
        "nobody in the queue in time",
        [(0, CREATED), (0, ANSWER), (0, ENTER), (30, left("timeout", 30_000)), (31, ended("system"))],
        {"result": "no_answer", "wait_ms": 30_000},
    ),
    (
        "crash while waiting",
        [(0, CREATED), (0, ANSWER), (0, ENTER), (9, ended("system", Cause.NODE_LOST, 500))],
        {"result": "interrupted", "cause": "NODE_LOST", "wait_ms": 9000},
    ),
    (
        "crash while talking",
        [(0, CREATED), (1, CONNECT), (9, ended("system", Cause.NODE_LOST, 500))],
        {"result": "interrupted"},
    ),
    ("a service", [(0, CREATED), (0, ANSWER), (9, ended())], {"result": "answered", "talk_ms": 0}),
    ("a room", [(0, CREATED), (0, ANSWER), (0, ev.ConferenceJoined(member="139")), (9, ended())], {"result": "answered"}),
    (
        "cancelled",
        [(0, CREATED), (1, TRY), (6, ended("caller", Cause.CANCELLED, 487))],
        {"result": "abandoned", "ring_ms": 5000},
    ),
    (
        "busy",
        [(0, CREATED), (1, TRY), (2, ended("system", Cause.BUSY, 486))],
        {"result": "busy", "q850": 17, "sip_status": 486},
    ),
    ("no answer", [(0, CREATED), (1, TRY), (21, ended("system", Cause.NO_ANSWER, 480))], {"result": "no_answer"}),
    ("refused", [(0, CREATED), (1, TRY), (2, ended("system", Cause.REJECTED, 603))], {"result": "rejected"}),
    ("no route", [(0, CREATED), (2, ended("system", Cause.NO_ROUTE, 404))], {"result": "failed"}),
    (
        "the trunk of an outbound call",
        [
            (0, ev.CallCreated(direction="out", caller="1001", called="0123")),
            (1, ev.LegStarted(leg="l2", target="x", trunk="t")),
            (2, CONNECT),
            (3, ended()),
        ],
        {"trunk": "t", "direction": "out"},
    ),
    (
        "a dialling agent",
        [
            (0, ev.CallCreated(direction="out", caller="li", called="0123", agent="li")),
            (3, ended("agent", Cause.CANCELLED, 487)),
        ],
        {"agent": "li"},
    ),
]


@pytest.mark.parametrize(("steps", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_fold(steps: list[tuple[float, ev.Event]], expected: dict[str, Any]) -> None:
    row = fold(timeline(*steps))
    assert row is not None
    assert {name: getattr(row, name) for name in expected} == expected
    assert row.wait_ms >= 0
    assert row.hold_ms <= row.talk_ms <= row.duration_ms


def test_a_call_that_goes_on_has_no_record() -> None:
    assert fold(timeline((0, CREATED), (1, CONNECT))) is None
    assert fold([]) is None
    assert fold(timeline((0, ended()))) is None


def test_recording_events_after_the_end_change_nothing() -> None:
    steps = [(0.0, CREATED), (1.0, CONNECT), (9.0, ended())]
    late = ev.RecordingFinished(recording="r1", file="f", status="complete", duration_ms=1, bytes=1, sha256="")
    assert fold(timeline(*steps, (12.0, late))) == fold(timeline(*steps))
