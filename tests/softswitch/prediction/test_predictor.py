"""The predictor of the node: learns from the timeline, answers questions, reports its error."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from softswitch.model.events import AgentStateChanged, QueueEntered, QueueLeft
from softswitch.model.events.queue import ENDLESS_MS
from softswitch.prediction.baselines import seed
from softswitch.prediction.service import Pool, Predictor, Question
from softswitch.prediction.statistics import WINDOW, Prior, QueueStatistics

HOUSE = tuple(f"a{number}" for number in range(10))


def question(**other: object) -> Question:
    return Question(**{"queue": "q", "ahead": 0, "serving": HOUSE, **other})  # type: ignore[arg-type]


def taken(predictor: Predictor, agent: str, since: float, until: float | None = None, queue: str = "q") -> None:
    predictor.handle(AgentStateChanged(agent=agent, queue=queue, old="reserved", new="talking", at=since))
    if until is not None:
        predictor.handle(AgentStateChanged(agent=agent, queue=queue, old="wrap_up", new="ready", at=until))


def test_nobody_waits_beside_a_free_agent() -> None:
    assert Predictor().predict(question(free=True), 100.0).mean == 0


def test_without_agents_the_wait_is_endless() -> None:
    assert Predictor().predict(question(serving=()), 100.0).mean == math.inf


def test_longer_contacts_make_longer_waits() -> None:
    slow = Predictor()
    for number in range(60):
        taken(slow, HOUSE[number % 10], 10.0 * number, 10.0 * number + 600)
    assert slow.predict(question(ahead=3), 700.0).mean > 2 * Predictor().predict(question(ahead=3), 700.0).mean


def test_offers_that_were_not_answered_say_nothing_of_contacts() -> None:
    predictor = Predictor()
    before = predictor.predict(question(), 0.0).mean
    predictor.handle(AgentStateChanged(agent="a1", queue="q", old="ready", new="reserved", at=1.0))
    predictor.handle(AgentStateChanged(agent="a1", queue="q", old="ringing", new="ready", at=21.0))
    assert predictor.predict(question(), 22.0).mean == pytest.approx(before)


def test_the_error_report_compares_what_was_told_with_what_came() -> None:
    predictor = Predictor()
    for number, (told, p80, waited) in enumerate([(30, 50, 20), (30, 50, 40), (30, 50, 60)]):
        visit = str(number)
        entered = QueueEntered(queue="q", visit=visit, position=1, predicted_ms=told * 1000, p80_ms=p80 * 1000, at=100.0)
        predictor.handle(entered)
        predictor.handle(QueueLeft(queue="q", visit=visit, result="answered", wait_ms=waited * 1000, at=100.0 + waited))
    report = predictor.report("q")
    assert (report.count, report.bias_ms, report.error_ms) == (3, -10_000, 16_667)
    assert report.coverage == pytest.approx(2 / 3)


def test_a_wait_without_an_end_is_no_error_of_minutes() -> None:
    predictor = Predictor()
    predictor.handle(QueueEntered(queue="q", visit="v", position=1, predicted_ms=ENDLESS_MS, p80_ms=ENDLESS_MS, at=100.0))
    predictor.handle(QueueLeft(queue="q", visit="v", result="answered", wait_ms=5000, at=105.0))
    assert predictor.report("q").count == 0


def test_figures_that_stay_wrong_are_announced_in_bands() -> None:
    predictor = Predictor()
    for minute in range(70):
        entered = QueueEntered(queue="q", visit=str(minute), position=1, predicted_ms=1000, p80_ms=2000, at=60.0 * minute)
        predictor.handle(entered)
        predictor.handle(QueueLeft(queue="q", visit=str(minute), result="answered", wait_ms=9000, at=60.0 * minute + 9))
        assert predictor.in_bands("q", 60.0 * minute + 9) == (minute >= 19 + 30)


def test_simulated_waits_are_used_for_small_teams_while_they_are_fresh() -> None:
    predictor = Predictor()
    for agent in ("a0", "a1"):
        taken(predictor, agent, 0.0)
    pool = Pool(
        seats={"a0": frozenset({"q"}), "a1": frozenset({"q"})}, leaves={}, callers={"q": [30.0, 10.0]},
        weights={"q": (0.8, 0.2, 1.0)},
    )  # fmt: skip
    rows = predictor.simulate(pool, 60.0, random.Random(1))
    assert [row.mean for row in rows["q"]] == sorted(row.mean for row in rows["q"])
    predictor.take(rows, 60.0)
    small = question(serving=("a0", "a1"), ahead=2)
    assert predictor.predict(small, 65.0).method == "simulation"
    assert predictor.predict(small, 90.0).method == "recursion"
    assert predictor.predict(question(ahead=2), 65.0).method == "recursion"


def test_places_behind_the_simulated_ones_go_on_where_those_end() -> None:
    predictor = Predictor()
    taken(predictor, "a0", 0.0)
    pool = Pool(seats={"a0": frozenset({"q"})}, leaves={}, callers={"q": [30.0, 10.0]}, weights={"q": (0.8, 0.2, 1.0)})
    predictor.take(
        {"q": [replace(row, mean=10 * row.mean) for row in predictor.simulate(pool, 60.0, random.Random(1))["q"]]}, 60.0
    )
    waits = [predictor.predict(question(serving=("a0",), ahead=ahead), 65.0).mean for ahead in range(6)]
    assert all(a < b for a, b in pairwise(waits)), "also where the simulation says more than the recursion"
    assert predictor.predict(question(serving=(), ahead=5), 65.0).mean == math.inf


def test_a_half_hour_later_everything_is_forgotten() -> None:
    statistics = QueueStatistics(Prior(occupied=100, patience=200), 0.0)
    statistics.arrived(40, 10.0)
    statistics.left(100.0, gave_up=True, at=10.0)
    statistics.handled(500.0, 10.0)
    assert statistics.occupied(20.0) > 100
    late = 10.0 + WINDOW + 120
    assert statistics.occupied(late) == pytest.approx(100)
    assert statistics.giving_up(late) == pytest.approx(1 / 200)
    assert statistics.arrivals(late) == {}


def test_the_classic_estimator_gives_the_published_examples() -> None:
    seats = (150, 100, 40)
    assert seed(180, seats, 0, 0, is_important=False, important_rate=1 / 60) == 30
    assert seed(180, seats, 1, 0, is_important=True, important_rate=1 / 60) == 80
    assert seed(180, seats, 0, 1, is_important=False, important_rate=1 / 60) == 140
