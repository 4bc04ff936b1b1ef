"""What callers are told: never less than somebody who stands before, whatever method answers and whenever it is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from softswitch.acd.forecast import Forecast
from softswitch.directory.model import Queue
from softswitch.prediction.errors import ErrorBook, Report
from softswitch.prediction.recursion import Prediction
from softswitch.prediction.service import Question

SALES = Queue(name="sales")


class Oracle:
    """Says what it is given, by place."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[int] = []

    def predict(self, question: Question, at: float) -> Prediction:
        self.asked.append(question.ahead)
        mean = self.seconds[f"ahead{question.ahead}"]
        return Prediction(mean, mean, 2 * mean, "recursion")

    def report(self, queue: str) -> Report:
        return ErrorBook().report()


def forecast(oracle: Oracle) -> Forecast:
    core: Any = SimpleNamespace(state=SimpleNamespace(agents={}))
    made = Forecast(core, lambda _queue: (), lambda _queue: False)
    made.oracle = oracle
    return made


def test_a_later_place_is_never_told_less() -> None:
    made = forecast(Oracle(ahead0=30.0, ahead1=20.0, ahead2=50.0))
    assert made.wait(SALES, 0, 100.0) == (30_000, 60_000)
    assert made.wait(SALES, 2, 100.5) == (50_000, 100_000)
    assert made.wait(SALES, 1, 100.9) == (30_000, 60_000), "not less than the place before"


def test_an_earlier_place_is_never_told_more() -> None:
    made = forecast(Oracle(ahead1=20.0, ahead4=10.0))
    assert made.wait(SALES, 4, 100.0)[0] == 10_000
    assert made.wait(SALES, 1, 100.0)[0] == 10_000


def test_after_a_second_everybody_is_predicted_anew() -> None:
    oracle = Oracle(ahead0=30.0, ahead1=20.0)
    made = forecast(oracle)
    made.wait(SALES, 0, 100.0)
    made.wait(SALES, 0, 100.9)
    assert made.wait(SALES, 1, 101.0)[0] == 20_000
    assert oracle.asked == [0, 1]


def test_importance_is_a_line_of_its_own() -> None:
    made = forecast(Oracle(ahead0=30.0, ahead1=20.0))
    made.wait(SALES, 0, 100.0)
    assert made.wait(SALES, 1, 100.0, importance=50)[0] == 20_000
