"""The queueing formulas of planners: Erlang-B, -C and -A (call-centre.md §6.3). Pure; times in seconds, load in Erlang.

Sources: Erlang 1917; Palm 1957; Garnett, Mandelbaum, Reiman, M&SOM 2002; Mandelbaum and Zeltyn 2007.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_TAIL = 1e-15
"""Terms of a series below this share of its sum are left out."""


def erlang_b(channels: int, load: float) -> float:
    """Probability that a call finds all `channels` busy, when blocked calls are lost."""
    blocked = 1.0
    for n in range(1, channels + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


@dataclass(frozen=True, slots=True)
class ErlangC:
    """M/M/N with endless patience. `load` ≥ `agents` has no steady state: every figure is then that of an endless queue."""

    load: float
    aht: float
    agents: int

    @property
    def is_stable(self) -> bool:
        return self.load < self.agents

    @property
    def waiting(self) -> float:
        """Probability that a caller has to wait."""
        if not self.is_stable:
            return 1.0
        blocked = erlang_b(self.agents, self.load)
        return self.agents * blocked / (self.agents - self.load * (1 - blocked))

    @property
    def speed_of_answer(self) -> float:
        """Mean wait of all callers."""
        return self.waiting * self.aht / (self.agents - self.load) if self.is_stable else math.inf

    def longer_than(self, seconds: float) -> float:
        """Probability of a wait longer than this."""
        if not self.is_stable:
            return 1.0
        return self.waiting * math.exp(-(self.agents - self.load) * seconds / self.aht)

    def service_level(self, seconds: float) -> float:
        return 1.0 - self.longer_than(seconds)


@dataclass(frozen=True, slots=True)
class ErlangA:
    """M/M/N+M: callers give up after an exponential patience of mean `patience`."""

    load: float
    aht: float
    agents: int
    patience: float

    @property
    def arrivals(self) -> float:
        """Callers per second."""
        return self.load / self.aht

    def _beyond(self) -> list[float]:
        """p_(N+j) / p_N for j = 0, 1, … until the terms vanish."""
        found, term, total = [1.0], 1.0, 1.0
        j = 0
        while term > _TAIL * total or j < self.load:
            j += 1
            term *= self.arrivals / (self.agents / self.aht + j / self.patience)
            found.append(term)
            total += term
        return found

    def _scale(self) -> float:
        """p_N, from Erlang-B: the states below N sum to p_N / B."""
        blocked = erlang_b(self.agents, self.load)
        return 1.0 / (1.0 / blocked + sum(self._beyond()[1:])) if blocked else 0.0

    @property
    def waiting(self) -> float:
        return self._scale() * sum(self._beyond())

    @property
    def queue_length(self) -> float:
        return self._scale() * sum(j * share for j, share in enumerate(self._beyond()))

    @property
    def abandoning(self) -> float:
        """Share of callers who give up."""
        return self.queue_length / self.patience / self.arrivals

    @property
    def wait(self) -> float:
        """Mean wait of all callers, those who give up included (Little)."""
        return self.queue_length / self.arrivals

    def service_level(self, seconds: float) -> float:
        """Share of all callers who are answered within `seconds`."""
        rate, theta, drain = self.arrivals, 1.0 / self.patience, self.agents / self.aht

        def hazard(u: float) -> float:
            return math.exp(rate * (1.0 - math.exp(-theta * u)) / theta - drain * u)

        total = _integral(hazard, 0.0, self._horizon())
        fewer = erlang_b(self.agents - 1, self.load)
        scale = 1.0 / fewer + rate * total
        served = _integral(lambda u: hazard(u) * math.exp(-theta * u), 0.0, seconds)
        return 1.0 - rate * total / scale + rate * served / scale

    def _horizon(self) -> float:
        """Where the integrand of J has died out."""
        theta, drain = 1.0 / self.patience, self.agents / self.aht
        return (self.arrivals / theta + 40.0) / drain


def _integral(of: Callable[[float], float], start: float, end: float, steps: int = 4000) -> float:
    """Simpson's rule; the integrands are smooth."""
    width = (end - start) / steps
    odd = sum(of(start + width * n) for n in range(1, steps, 2))
    even = sum(of(start + width * n) for n in range(2, steps, 2))
    return width / 3.0 * (of(start) + of(end) + 4.0 * odd + 2.0 * even)
