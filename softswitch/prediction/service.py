"""The predictor of the node: listens to the timeline, answers how long a caller will wait, keeps the error report.

Sans-IO: times come with events and questions. The acd asks; a task refreshes simulations off the call path.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from softswitch.model.events import AgentStateChanged, Event, QueueEntered, QueueLeft
from softswitch.model.events.queue import ENDLESS_MS
from softswitch.model.states import AgentState
from softswitch.prediction.contacts import Contacts
from softswitch.prediction.errors import ErrorBook, Report
from softswitch.prediction.forward import Caller, Seat, Traffic, simulate
from softswitch.prediction.recursion import NOW, Line, Prediction, predict
from softswitch.prediction.statistics import Prior, QueueStatistics

STALE = 15.0
"""Seconds after which a simulation no longer counts."""
SMALL_TEAM = 5
REGULAR = 0.5
"""Variation of contacts below which their elapsed times tell more than their mean."""
_SHORTEST_LOOK = 10.0
_TAKEN = frozenset({
    AgentState.RESERVED, AgentState.RINGING, AgentState.DIALLING, AgentState.TALKING, AgentState.HOLDING,
    AgentState.CONSULTING, AgentState.CONFERENCE, AgentState.WRAP_UP, AgentState.OFFLINE,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A caller who stands, or would stand, in a queue. `ahead`: callers before it. `serving`: agents on duty who may take it,
    `free`: whether one of them is free. Priority as in call-centre.md §5.3: weights of importance and of waiting, its unit."""

    queue: str
    ahead: int
    serving: Sequence[str]
    free: bool = False
    importance: float = 0.0
    weight_importance: float = 0.8
    weight_waited: float = 0.2
    wait_unit: float = 1.0
    shared: bool = False
    """Its agents also serve other queues, or other sites take part."""

    def head_start(self, more: float) -> float:
        """Seconds by which a caller with `more` importance may come later and still go first."""
        return self.weight_importance / self.weight_waited * (more - self.importance) * self.wait_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Queues that share agents, as they are now: what the forward simulation needs of the floor.

    `callers` by place in line per queue; `newcomer`: the key a caller without extra importance would have. Keys are relative
    to now: a caller who has waited longer has a greater one.
    """

    seats: Mapping[str, frozenset[str]]  # login → queues
    leaves: Mapping[str, float]
    callers: Mapping[str, Sequence[float]]  # queue → keys
    weights: Mapping[str, tuple[float, float, float]]  # queue → L1, L2, u


class Predictor:
    """Owned by the loop. `day_of(at)` numbers local days."""

    def __init__(
        self,
        *,
        day_of: Callable[[float], int] = lambda at: int(at // 86400),
    ) -> None:
        self._priors: Mapping[str, Prior] = {}
        self._day_of = day_of
        self._statistics: dict[str, QueueStatistics] = {}
        self._contacts: dict[str, Contacts] = {}
        self._errors: dict[str, ErrorBook] = {}
        self._entered: dict[str, tuple[float, float]] = {}  # visit → what was predicted
        self._taken: dict[str, tuple[float, str]] = {}  # agent → since, queue
        self._simulated: dict[str, tuple[float, list[Prediction]]] = {}

    # what happens

    def handle(self, event: Event) -> None:
        """One event of the timeline, in the order in which they happened."""
        match event:
            case QueueEntered():
                self._of(event.queue, event.at).arrived(event.importance, event.at)
                if 0 <= event.predicted_ms < ENDLESS_MS:
                    self._entered[event.visit] = (event.predicted_ms / 1000, event.p80_ms / 1000)
            case QueueLeft():
                waited = event.wait_ms / 1000
                self._of(event.queue, event.at).left(waited, gave_up=event.result == "abandoned", at=event.at)
                predicted = self._entered.pop(event.visit, None)
                if predicted is not None and event.result == "answered":
                    book = self._errors.setdefault(event.queue, ErrorBook())
                    book.add(*predicted, waited, event.at, self._day_of(event.at))
            case AgentStateChanged():
                self._agent(event)
            case _:
                pass

    def _agent(self, event: AgentStateChanged) -> None:
        taken = self._taken.get(event.agent)
        if event.new in _TAKEN:
            if taken is None or (event.queue and not taken[1]):
                self._taken[event.agent] = (taken[0] if taken else event.at, event.queue)
        elif taken is not None:
            del self._taken[event.agent]
            since, queue = taken
            if queue and event.at > since and event.old not in (AgentState.RESERVED, AgentState.RINGING):
                self._of(queue, event.at).handled(event.at - since, event.at)
                self._contacts.setdefault(queue, Contacts()).add(event.at - since)

    def _of(self, queue: str, at: float) -> QueueStatistics:
        found = self._statistics.get(queue)
        if found is None:
            found = self._statistics[queue] = QueueStatistics(self._priors.get(queue), at)
        return found

    def believe(self, priors: Mapping[str, Prior]) -> None:
        """What earlier weeks say of each queue, from now on; the default of those that are not there."""
        self._priors = dict(priors)
        for queue, statistics in self._statistics.items():
            statistics.prior = self._priors.get(queue, Prior())

    # what is asked

    def predict(self, question: Question, at: float) -> Prediction:
        """How long until an agent answers, from now. Endless when nobody serves the queue."""
        if question.free and not question.ahead:
            return NOW
        simulated = self._simulated.get(question.queue)
        if simulated is not None and at - simulated[0] <= STALE and self.wants_simulation(question):
            return self._from(simulated[1], question, at)
        return self._by_recursion(question, at)

    def _from(self, rows: Sequence[Prediction], question: Question, at: float) -> Prediction:
        """A simulated place; behind the last of them, that one and what the recursion thinks of the places between."""
        if question.ahead < len(rows):
            return rows[question.ahead]
        last = rows[-1]
        near = self._by_recursion(replace(question, ahead=len(rows) - 1), at)
        far = self._by_recursion(question, at)
        if math.isinf(far.mean):
            return far
        more = (max(0.0, b - a) for a, b in ((near.mean, far.mean), (near.p50, far.p50), (near.p80, far.p80)))
        return Prediction(last.mean + next(more), last.p50 + next(more), last.p80 + next(more), "simulation")

    def _by_recursion(self, question: Question, at: float) -> Prediction:
        statistics = self._of(question.queue, at)
        more = statistics.importance_above(question.importance)
        occupied = statistics.occupied(at)
        line = Line(
            agents=len(question.serving), occupied=occupied, giving_up=statistics.giving_up(at),
            overtaking=statistics.arrivals_above(question.importance, at), head_start=question.head_start(more),
        )  # fmt: skip
        first = predict(question.ahead, line)
        contacts = self._contacts.get(question.queue)
        elapsed = [at - self._taken[login][0] for login in question.serving if login in self._taken]
        if contacts is None or not elapsed:
            return first
        agents = contacts.freeing(elapsed, line.agents, occupied, max(first.mean, _SHORTEST_LOOK))
        return predict(question.ahead, Line(
            agents=agents, occupied=occupied, giving_up=line.giving_up, overtaking=line.overtaking, head_start=line.head_start
        ))  # fmt: skip

    def wants_simulation(self, question: Question) -> bool:
        """Whether the recursion's assumptions do not hold (call-centre.md §6.2 B)."""
        contacts = self._contacts.get(question.queue)
        regular = contacts is not None and contacts.variation < REGULAR
        return question.shared or regular or len(question.serving) < SMALL_TEAM

    def simulate(self, pool: Pool, at: float, dice: random.Random) -> dict[str, list[Prediction]]:
        """Plays a pool forward; per queue the waits by place in line, one place more than callers wait. Takes milliseconds:
        meant for a thread, reads only."""
        seats = [self._seat(login, queues, pool, at) for login, queues in pool.seats.items()]
        callers, traffic = [], {}
        for queue, keys in pool.callers.items():
            callers += [Caller(queue=queue, key=key) for key in (*keys, min([*keys, 0.0]))]
            traffic[queue] = self._traffic(queue, pool.weights[queue], at)
        rows = iter(simulate(seats, callers, traffic, dice))
        return {queue: [next(rows) for _ in range(len(keys) + 1)] for queue, keys in pool.callers.items()}

    def take(self, simulated: Mapping[str, list[Prediction]], at: float) -> None:
        """Results of `simulate` that hold from now on."""
        self._simulated.update({queue: (at, rows) for queue, rows in simulated.items()})

    def _seat(self, login: str, queues: frozenset[str], pool: Pool, at: float) -> Seat:
        since, contact = self._taken.get(login, (None, ""))
        return Seat(
            queues=queues, elapsed=None if since is None else at - since, contact=contact,
            leaves=pool.leaves.get(login, float("inf")),
        )  # fmt: skip

    def _traffic(self, queue: str, weights: tuple[float, float, float], at: float) -> Traffic:
        statistics = self._of(queue, at)
        importance, waited, unit = weights
        arrivals = [(importance * points, rate) for points, rate in statistics.arrivals(at).items()]
        return Traffic(
            occupied=statistics.occupied(at), giving_up=statistics.giving_up(at),
            contacts=self._contacts.get(queue, Contacts()), arrivals=arrivals, key_slope=waited / unit,
        )  # fmt: skip

    # how good it was

    def report(self, queue: str) -> Report:
        """Today's error of a queue's predictions."""
        return self._errors.get(queue, ErrorBook()).report()

    def in_bands(self, queue: str, at: float) -> bool:
        """Whether the queue's figures must not be announced as seconds now."""
        book = self._errors.get(queue)
        return book is not None and book.in_bands(at)

    def queues_in_bands(self, at: float) -> Iterable[str]:
        return [queue for queue, book in self._errors.items() if book.in_bands(at)]
