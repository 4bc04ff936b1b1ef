"""Synthetic loads M/G/N+M with a share of important callers, and the true wait of each caller who had to wait.

A caller who gives up goes on as a ghost: its wait is when it would have been served, which is what a prediction is about.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

IMPORTANT = 40  # points; ordinary callers have 0
HEAD_START = 160.0  # seconds: (0.8 / 0.2) × 40 points (call-centre.md §5.3)


@dataclass(slots=True)
class Waiter:
    arrived: float
    important: bool
    patience: float
    key: float
    seen: Seen
    gone: bool = False
    predicted: dict[str, tuple[float, float]] = field(default_factory=dict)  # estimator → mean, P80
    wait: float = math.nan
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What an estimator may know when a caller enters a full house."""

    at: float
    important: bool
    ahead: int
    important_waiting: int
    ordinary_waiting: int
    elapsed: tuple[float, ...]
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Load:
    agents: int
    intensity: float  # offered load / agents
    service: float = 180.0
    patience: float = 240.0
    variation: float = 1.0  # of service times: 1 exponential, else lognormal
    important: float = 0.2

    @property
    def arrivals(self) -> float:
        return self.intensity * self.agents / self.service


class Watcher:
    """Told what a switch would notice; a base that ignores it."""

    def arrived(self, important: bool, at: float) -> None: ...
    def left(self, waited: float, gave_up: bool, at: float) -> None: ...
    def taken(self, agent: str, at: float) -> None: ...
    def freed(self, agent: str, at: float) -> None: ...
    def ask(self, seen: Seen) -> dict[str, tuple[float, float]]:
        return {}


def run(load: Load, waits: int, seed: int, watcher: Watcher) -> list[Waiter]:
    """Simulates until `waits` callers have been served who waited (the first 300 warm up)."""
    dice = random.Random(seed)
    draw = _service(load, dice)
    house = tuple(f"a{number}" for number in range(load.agents))
    idle = list(house)
    busy: list[tuple[float, float, str]] = []  # (free at, taken at, agent)
    line: list[tuple[float, int, Waiter]] = []
    ghosts: list[Waiter] = []
    done: list[Waiter] = []
    number = 0
    for now in _arrivals(load, dice):
        while busy and busy[0][0] <= now:
            _free(busy, idle, line, ghosts, done, draw, watcher)
        _give_up(line, ghosts, now, watcher)
        important = dice.random() < load.important
        watcher.arrived(important, now)
        if idle:
            agent = idle.pop(0)
            heapq.heappush(busy, (now + draw(), now, agent))
            watcher.taken(agent, now)
            watcher.left(0.0, False, now)
            continue
        key = now - (HEAD_START if important else 0.0)
        waiting = [w for _, _, w in line if not w.gone]
        seen = Seen(
            now, important, sum(w.key < key for w in waiting), sum(w.important for w in waiting),
            sum(not w.important for w in waiting), tuple(now - taken for _, taken, _ in busy), house,
        )  # fmt: skip
        waiter = Waiter(now, important, dice.expovariate(1 / load.patience), key, seen)
        waiter.predicted = watcher.ask(seen) if len(done) >= 300 else {}
        number += 1
        heapq.heappush(line, (key, number, waiter))
        if len(done) >= waits + 300:
            return done[300:]
    raise AssertionError("arrivals never end")


def _free(busy, idle, line, ghosts, done, draw, watcher) -> None:  # type: ignore[no-untyped-def]
    at, _, agent = heapq.heappop(busy)
    watcher.freed(agent, at)
    _give_up(line, ghosts, at, watcher)
    served = None
    while line and served is None:
        _, _, waiter = heapq.heappop(line)
        served = None if waiter.gone else waiter
    for ghost in [g for g in ghosts if served is None or g.key < served.key]:
        ghost.wait = at - ghost.arrived
        ghosts.remove(ghost)
        done.append(ghost)
    if served is not None:
        served.wait, served.answered = at - served.arrived, True
        watcher.left(served.wait, False, at)
        done.append(served)
        watcher.taken(agent, at)
        heapq.heappush(busy, (at + draw(), at, agent))
    else:
        idle.append(agent)


def _give_up(line, ghosts, now, watcher) -> None:  # type: ignore[no-untyped-def]
    for _, _, waiter in line:
        if not waiter.gone and waiter.arrived + waiter.patience <= now:
            waiter.gone = True
            ghosts.append(waiter)
            watcher.left(waiter.patience, True, waiter.arrived + waiter.patience)


def _arrivals(load: Load, dice: random.Random) -> Iterator[float]:
    now = 0.0
    while True:
        now += dice.expovariate(load.arrivals)
        yield now


def _service(load: Load, dice: random.Random) -> Callable[[], float]:
    if load.variation == 1.0:
        return lambda: dice.expovariate(1 / load.service)
    sigma = math.sqrt(math.log(1 + load.variation**2))
    mu = math.log(load.service) - sigma * sigma / 2
    return lambda: dice.lognormvariate(mu, sigma)


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of call-centre.md §6.2, relative to the mean wait."""

    mean: float
    bias: float
    error: float
    covered: float


def score(waiters: list[Waiter], estimator: str) -> Score:
    pairs = [(w.wait, *w.predicted[estimator]) for w in waiters if estimator in w.predicted]
    mean = sum(wait for wait, _, _ in pairs) / len(pairs)
    return Score(
        mean,
        sum(predicted - wait for wait, predicted, _ in pairs) / len(pairs) / mean,
        sum(abs(predicted - wait) for wait, predicted, _ in pairs) / len(pairs) / mean,
        sum(wait <= p80 for wait, _, p80 in pairs) / len(pairs),
    )
