"""Method B: the present played forward many times (call-centre.md §6.2). For agents shared between queues, small teams, regular
contacts and breaks that are near. Pure; the dice are an argument.

The rule of who is served is the matcher's: a freed agent takes, of the callers it may serve, the one with the greatest key. It
is written out here because a replication must cost tenths of a millisecond; a test compares the two.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from softswitch.prediction.contacts import Contacts
from softswitch.prediction.recursion import Prediction

RUNS = 200
_FAR = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An agent on duty. `elapsed` seconds of the contact it is in, None when free; `leaves`: seconds until a planned break."""

    queues: frozenset[str]
    elapsed: float | None = None
    contact: str = ""  # queue of that contact
    leaves: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody in line; a greater key goes first (call-centre.md §5.3)."""

    queue: str
    key: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is known of a queue. `arrivals`: (key a caller arriving now would have, callers per second)."""

    occupied: float
    giving_up: float
    contacts: Contacts = field(default_factory=Contacts)
    arrivals: Sequence[tuple[float, float]] = ()
    key_slope: float = 1.0
    """How much later arrivals' keys are lower, per second: L2 / u."""


def simulate(
    seats: Sequence[Seat], callers: Sequence[Caller], traffic: Mapping[str, Traffic], dice: random.Random, runs: int = RUNS
) -> list[Prediction]:
    """The wait from now of each caller, were it to stay; in the order given, which also decides between equal keys."""
    waits: list[list[float]] = [[] for _ in callers]
    serves = [sorted(seat.queues & traffic.keys()) for seat in seats]  # a set's own order differs from process to process
    for _ in range(runs):
        for number, wait in enumerate(_Run(seats, serves, callers, traffic, dice).play()):
            waits[number].append(wait)
    return [_summary(sorted(row)) for row in waits]


def _summary(row: list[float]) -> Prediction:
    def at(share: float) -> float:
        return row[min(len(row) - 1, math.ceil(share * len(row)) - 1)]

    return Prediction(sum(row) / len(row), at(0.5), at(0.8), "simulation")


_Place = tuple[float, int]
"""(-key, number): who is before whom. Callers of one instant have one key, so the order in which they came decides."""
_LAST: _Place = (math.inf, 0)


class _Run:
    """One replication. Callers who give up go on as ghosts: when would they have been served?"""

    def __init__(
        self, seats: Sequence[Seat], serves: Sequence[Sequence[str]], callers: Sequence[Caller],
        traffic: Mapping[str, Traffic], dice: random.Random,
    ) -> None:  # fmt: skip
        self._seats = seats
        self._serves = serves
        self._traffic = traffic
        self._dice = dice
        self._served = [math.nan] * len(callers)
        self._open = len(callers)
        self._came = len(callers)
        self._line: dict[str, list[tuple[_Place, float]]] = {name: [] for name in traffic}  # (place, gives up at)
        self._ghosts: dict[str, list[_Place]] = {name: [] for name in traffic}
        for number, caller in enumerate(callers):
            place = (-caller.key, number)
            heapq.heappush(self._line[caller.queue], (place, self._patience(caller.queue, 0.0)))
            self._ghosts[caller.queue].append(place)
        self._coming = [self._next(name, index, 0.0) for name, queue in traffic.items() for index in range(len(queue.arrivals))]
        heapq.heapify(self._coming)
        self._freed = [(self._first_free(seat), number) for number, seat in enumerate(seats)]
        heapq.heapify(self._freed)

    def play(self) -> list[float]:
        while self._open and self._freed and self._freed[0][0] < _FAR:
            now, seat = heapq.heappop(self._freed)
            if now >= self._seats[seat].leaves:
                continue
            self._arrive(now)
            queue = self._serve(seat, now)
            if queue:
                heapq.heappush(
                    self._freed, (now + self._traffic[queue].contacts.whole(self._dice, self._occupied(queue)), seat)
                )
            else:  # nobody for this agent: it is free until the next caller comes
                heapq.heappush(self._freed, (max(self._coming[0][0] if self._coming else _FAR, now + 1e-6), seat))
        return [_FAR if math.isnan(wait) else wait for wait in self._served]

    def _serve(self, seat: int, now: float) -> str:
        """The agent takes the first of its callers: its queue, or "". Ghosts before it are served in passing."""
        best, first = "", _LAST
        for name in self._serves[seat]:
            line = self._line[name]
            while line and line[0][1] <= now:
                heapq.heappop(line)  # gave up before
            if line and line[0][0] < first:
                best, first = name, line[0][0]
        for name in self._serves[seat]:
            self._pass_ghosts(name, first, now)
        if best:
            heapq.heappop(self._line[best])
        return best

    def _pass_ghosts(self, name: str, served: _Place, now: float) -> None:
        """Everybody of the queue up to the place served now has, or would have, reached an agent."""
        ghosts = self._ghosts[name]
        for ghost in [ghost for ghost in ghosts if ghost <= served]:
            self._served[ghost[1]] = now
            self._open -= 1
            ghosts.remove(ghost)

    def _arrive(self, now: float) -> None:
        while self._coming and self._coming[0][0] <= now:
            at, name, index = heapq.heappop(self._coming)
            key = self._traffic[name].arrivals[index][0] - self._traffic[name].key_slope * at
            heapq.heappush(self._line[name], ((-key, self._came), self._patience(name, at)))
            self._came += 1
            heapq.heappush(self._coming, self._next(name, index, at))

    def _next(self, name: str, index: int, at: float) -> tuple[float, str, int]:
        rate = self._traffic[name].arrivals[index][1]
        return (at + self._dice.expovariate(rate) if rate > 0 else _FAR, name, index)

    def _patience(self, name: str, at: float) -> float:
        rate = self._traffic[name].giving_up
        return at + (self._dice.expovariate(rate) if rate > 0 else _FAR)

    def _occupied(self, name: str) -> float:
        return self._traffic[name].occupied

    def _first_free(self, seat: Seat) -> float:
        if seat.elapsed is None:
            return 0.0
        queue = self._traffic.get(seat.contact)
        if queue is None:  # a contact beside the queues simulated here
            rates = [one.occupied for one in self._traffic.values()]
            return self._dice.expovariate(len(rates) / sum(rates))
        return queue.contacts.rest(seat.elapsed, self._dice, queue.occupied)
