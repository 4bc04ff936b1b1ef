"""The predictor, asked in the words of the floor: how long somebody at a place in line will wait. Answers hold for a second."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from softswitch.acd.core import AcdCore
from softswitch.acd.machine import SIGNED_IN
from softswitch.directory.model import Queue
from softswitch.model.events import Event, QueueEntered, QueueLeft
from softswitch.model.events.queue import ENDLESS_MS
from softswitch.model.states import AgentState
from softswitch.prediction.errors import Report
from softswitch.prediction.recursion import Prediction
from softswitch.prediction.service import Question

UNKNOWN = (-1, -1)
KEPT_SECONDS = 1.0
MOST_KEPT = 10_000
_OFF_DUTY = frozenset({AgentState.LOGGED_OUT, AgentState.NOT_READY, AgentState.NOT_RESPONDING})


class Oracle(Protocol):
    """`prediction.service.Predictor`."""

    def predict(self, question: Question, at: float) -> Prediction: ...

    def report(self, queue: str) -> Report: ...


@dataclass(slots=True)
class _Told:
    """What was said of one queue within a second, by place. Two places are asked at different moments and may be predicted by
    different methods, yet nobody is told less than somebody who stands before."""

    at: float
    places: list[int] = field(default_factory=list)
    answers: dict[int, tuple[int, int]] = field(default_factory=dict)

    def fit(self, ahead: int, answer: tuple[int, int]) -> tuple[int, int]:
        """The answer, between those of the nearest places before and behind."""
        here = bisect_left(self.places, ahead)
        if here < len(self.places):
            behind = self.answers[self.places[here]]
            answer = (min(answer[0], behind[0]), min(answer[1], behind[1]))
        if here:
            before = self.answers[self.places[here - 1]]
            answer = (max(answer[0], before[0]), max(answer[1], before[1]))
        self.places.insert(here, ahead)
        self.answers[ahead] = answer
        return answer


class Forecast:
    """Without an oracle every wait is unknown."""

    def __init__(self, core: AcdCore, members: Callable[[str], Iterable[str]], shared: Callable[[str], bool]) -> None:
        self.oracle: Oracle | None = None
        self.off: frozenset[str] = frozenset()
        """Queues whose predictions are not said aloud now."""
        self._core = core
        self._members = members
        self._shared = shared
        self._duty: dict[str, tuple[float, tuple[str, ...], bool]] = {}
        self._kept: dict[tuple[str, int], _Told] = {}

    def wait(self, queue: Queue, ahead: int, now: float, *, importance: int = 0) -> tuple[int, int]:
        """Mean and 80th percentile, ms, of somebody with so many callers ahead; -1 = unknown."""
        if self.oracle is None:
            return UNKNOWN
        told = self._told(queue.name, importance, now)
        kept = told.answers.get(ahead)
        if kept is not None:
            return kept
        serving, free = self._on_duty(queue.name, now)
        found = self.oracle.predict(
            Question(
                queue=queue.name, ahead=ahead, serving=serving, free=free, importance=importance,
                weight_importance=queue.weight_importance, weight_waited=queue.weight_waited, wait_unit=queue.wait_unit,
                shared=self._shared(queue.name),
            ),
            now,
        )  # fmt: skip
        answer = (_ms(found.mean), _ms(found.p80))
        if answer[0] >= ENDLESS_MS:  # over as soon as somebody comes on duty
            return answer
        return told.fit(ahead, answer)

    def _told(self, queue: str, importance: int, now: float) -> _Told:
        told = self._kept.get((queue, importance))
        if told is None or not 0 <= now - told.at < KEPT_SECONDS or len(told.places) >= MOST_KEPT:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            told = self._kept[queue, importance] = _Told(now)
        return told

    def report(self, queue: str) -> Report | None:
        """Today's error of the predictions."""
        return self.oracle.report(queue) if self.oracle is not None else None

    def _on_duty(self, queue: str, now: float) -> tuple[tuple[str, ...], bool]:
        kept = self._duty.get(queue)
        if kept is None or not kept[1] or not 0 <= now - kept[0] < KEPT_SECONDS:
            agents = self._core.state.agents
            serving = tuple(
                login for login in self._members(queue) if login in agents and agents[login].lives in SIGNED_IN - _OFF_DUTY
            )
            kept = self._duty[queue] = (now, serving, any(agents[login].state is AgentState.READY for login in serving))
        return kept[1], kept[2]


def demand(learn: Callable[[Event], None]) -> Callable[[Event], None]:
    """The timeline for a predictor, without callers who were not admitted: they asked for no agent's time."""
    refused: set[str] = set()

    def hear(event: Event) -> None:
        if isinstance(event, QueueEntered) and event.position < 1:
            refused.add(event.visit)
        elif isinstance(event, QueueLeft) and event.visit in refused:
            refused.discard(event.visit)
        else:
            learn(event)

    return hear


def _ms(seconds: float) -> int:
    return ENDLESS_MS if seconds >= ENDLESS_MS / 1000 else round(seconds * 1000)
