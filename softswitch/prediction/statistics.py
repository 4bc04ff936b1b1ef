"""What a queue has been like lately: service times, patience, arrivals by importance. Minute bins over the last half hour.

A half hour of little traffic says little, so it is blended with a prior (the same half hour of earlier weeks, or a default)
that weighs as much as `PRIOR_CONTACTS` contacts. Sans-IO: `at` is an argument, epoch seconds that only move forward.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

WINDOW = 1800.0
BIN = 60.0
PRIOR_CONTACTS = 10.0


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before anything was seen: seconds an agent is taken, seconds of patience, arrivals per second."""

    occupied: float = 180.0
    patience: float = 240.0
    arrivals: float = 0.0


@dataclass(slots=True)
class _Bin:
    start: float
    contacts: int = 0
    occupied: float = 0.0
    gave_up: int = 0
    waited: float = 0.0
    arrivals: Counter[int] = field(default_factory=Counter)


class QueueStatistics:
    """One queue's window. The sums are kept up to date, so asking costs nothing but the importances."""

    def __init__(self, prior: Prior | None = None, began: float = 0.0) -> None:
        self.prior = prior or Prior()
        self._began = began
        self._bins: deque[_Bin] = deque()
        self._total = _Bin(0.0)

    def arrived(self, importance: int, at: float) -> None:
        self._bin(at).arrivals[importance] += 1
        self._total.arrivals[importance] += 1

    def left(self, waited: float, *, gave_up: bool, at: float) -> None:
        """A stay in the line is over, whatever way; `waited` seconds."""
        for entry in (self._bin(at), self._total):
            entry.waited += waited
            entry.gave_up += gave_up

    def handled(self, occupied: float, at: float) -> None:
        """A contact of this queue has set its agent free again after so many seconds."""
        for entry in (self._bin(at), self._total):
            entry.contacts += 1
            entry.occupied += occupied

    def occupied(self, at: float) -> float:
        """Mean seconds an agent is taken by a contact."""
        self._expire(at)
        total = self._total
        return (total.occupied + self.prior.occupied * PRIOR_CONTACTS) / (total.contacts + PRIOR_CONTACTS)

    def giving_up(self, at: float) -> float:
        """Callers who give up per second of waiting; those who were answered count with the time they waited (censored)."""
        self._expire(at)
        return (self._total.gave_up + 1.0) / (self._total.waited + self.prior.patience)

    def arrivals_above(self, importance: float, at: float) -> float:
        """Arrivals per second of calls with more importance."""
        return self._rate(sum(count for points, count in self._total.arrivals.items() if points > importance), at)

    def arrivals(self, at: float) -> dict[int, float]:
        """Importance → arrivals per second."""
        self._expire(at)
        return {points: self._rate(count, at) for points, count in self._total.arrivals.items() if count}

    def importance_above(self, importance: float) -> float:
        """The mean importance of the arrivals that have more; the same number when there are none."""
        above = {points: count for points, count in self._total.arrivals.items() if points > importance and count}
        return sum(points * count for points, count in above.items()) / sum(above.values()) if above else importance

    def _rate(self, count: float, at: float) -> float:
        self._expire(at)
        return count / max(BIN, min(WINDOW, at - self._began))

    def _bin(self, at: float) -> _Bin:
        self._expire(at)
        start = at - at % BIN
        if not self._bins or self._bins[-1].start < start:
            self._began = self._began or at
            self._bins.append(_Bin(start))
        return self._bins[-1]

    def _expire(self, at: float) -> None:
        while self._bins and self._bins[0].start < at - WINDOW:
            gone = self._bins.popleft()
            self._total.contacts -= gone.contacts
            self._total.occupied -= gone.occupied
            self._total.gave_up -= gone.gave_up
            self._total.waited -= gone.waited
            self._total.arrivals -= gone.arrivals
