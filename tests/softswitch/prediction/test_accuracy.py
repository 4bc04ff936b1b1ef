"""Predictions on synthetic loads keep within call-centre.md §6.2 and beat the simple estimators of the same run.

The estimators see only what a switch sees; rates are learned while the load runs.
"""

from __future__ import annotations

from collections import deque

import pytest

from softswitch.model.events import AgentStateChanged, QueueEntered, QueueLeft
from softswitch.prediction.baselines import average_hold, seed
from softswitch.prediction.service import Predictor, Question
from tests.softswitch.prediction.load import IMPORTANT, Load, Score, Seen, Watcher, run, score

WAITS = 3500


class Switch(Watcher):
    """Tells the predictor what the timeline would, and asks it and the simple estimators."""

    def __init__(self) -> None:
        self.predictor = Predictor()
        self.last: deque[float] = deque(maxlen=20)
        self._visits = 0

    def arrived(self, important: bool, at: float) -> None:
        self._visits += 1
        importance = IMPORTANT if important else 0
        self.predictor.handle(QueueEntered(queue="q", visit=str(self._visits), position=1, importance=importance, at=at))

    def left(self, waited: float, gave_up: bool, at: float) -> None:
        result = "abandoned" if gave_up else "answered"
        self.predictor.handle(QueueLeft(queue="q", visit="", result=result, wait_ms=round(waited * 1000), at=at))
        if waited and not gave_up:
            self.last.append(waited)

    def taken(self, agent: str, at: float) -> None:
        self.predictor.handle(AgentStateChanged(agent=agent, queue="q", old="ready", new="talking", at=at))

    def freed(self, agent: str, at: float) -> None:
        self.predictor.handle(AgentStateChanged(agent=agent, queue="q", old="talking", new="ready", at=at))

    def ask(self, seen: Seen) -> dict[str, tuple[float, float]]:
        importance = IMPORTANT if seen.important else 0
        question = Question(queue="q", ahead=seen.ahead, serving=seen.agents, importance=importance)
        found = self.predictor.predict(question, seen.at)
        statistics = self.predictor._statistics["q"]
        classic = seed(
            statistics.occupied(seen.at), seen.elapsed, seen.important_waiting, seen.ordinary_waiting,
            is_important=seen.important, important_rate=statistics.arrivals_above(0, seen.at),
        )  # fmt: skip
        held = average_hold(self.last)
        return {"predictor": (found.mean, found.p80), "seed": (classic, classic), "hold": (held, held)}


def scores(load: Load, dice: int) -> dict[str, Score]:
    switch = Switch()
    waiters = run(load, WAITS, dice, switch)
    assert len(waiters) >= 3000
    return {name: score(waiters, name) for name in ("predictor", "seed", "hold")}


@pytest.mark.parametrize("variation", [1.0, 0.8, 0.6])
@pytest.mark.parametrize("intensity", [0.9, 1.0, 1.15])
@pytest.mark.parametrize("agents", [10, 40])
def test_predictions_are_right(agents: int, intensity: float, variation: float) -> None:
    found = scores(Load(agents, intensity, variation=variation), dice=agents + round(100 * intensity))
    ours = found["predictor"]
    print(f"N={agents} load={intensity} variation={variation}: {found}")
    assert abs(ours.bias) <= (0.05 if variation == 1.0 else 0.12)
    assert 0.75 <= ours.covered <= 0.88
    assert ours.error <= (0.55 if agents == 10 else 0.45)
    assert ours.error < found["seed"].error
    assert ours.error < found["hold"].error
