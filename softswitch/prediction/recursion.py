"""Method A: the wait as a chain of passages, each one caller nearer to the head of the line (call-centre.md §6.2). Pure.

With `i` callers ahead the line shortens at the rate `N mu + i theta`: somebody is served, or somebody ahead gives up. Callers
of more importance join before us at the rate `W` until our head start is used up. The mean and the second moment of each
passage follow from the birth-death chain by one step of conditioning; passages are independent, so their variances add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BEYOND = 400
"""Levels above our place at which the backward recursion starts; far enough that the start value no longer matters."""
_Z80 = 0.8416212335729143


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds until an agent answers, if the caller stays."""

    mean: float
    p50: float
    p80: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the recursion needs. Rates per second.

    `agents`: able to serve this call and on duty. `occupied`: mean seconds an agent is taken by a contact (ring, talk, hold,
    wrap-up). `giving_up`: rate per waiting caller. `overtaking`: arrivals that would go before this call within `head_start`
    seconds.
    """

    agents: float
    occupied: float
    giving_up: float = 0.0
    overtaking: float = 0.0
    head_start: float = 0.0


NOW = Prediction(0.0, 0.0, 0.0, "now")


def predict(ahead: int, line: Line) -> Prediction:
    """The wait of a call with `ahead` callers before it and no free agent. Without agents it is endless."""
    if line.agents <= 0 or line.occupied <= 0:
        return Prediction(math.inf, math.inf, math.inf, "recursion")
    calm = _passages(ahead, line, 0.0)
    busy = _passages(ahead, line, line.overtaking) if line.overtaking > 0 and line.head_start > 0 else calm
    mean = variance = 0.0
    for i in range(ahead, -1, -1):
        first, second = (busy if mean < line.head_start else calm)[i]
        mean += first
        variance += max(0.0, second - first * first)
    return Prediction(mean, *quantiles(mean, variance), "recursion")


def _passages(ahead: int, line: Line, joining: float) -> list[tuple[float, float]]:
    """First and second moment of the passage from `i` to `i - 1` ahead, for i = 0 … ahead."""
    served = line.agents / line.occupied
    start = ahead + BEYOND
    found: list[tuple[float, float]] = [(0.0, 0.0)] * (ahead + 1)
    drain = served + (start + 1) * line.giving_up
    above = 1.0 / max(drain - joining, 1e-6)
    above_second = 2.0 * above * above
    for i in range(start, -1, -1):
        drain = served + i * line.giving_up
        rate = drain + joining
        first = (1.0 + joining * above) / drain
        detour = joining / rate
        second = (
            2.0 / (rate * rate) + 2.0 / rate * detour * (above + first) + detour * (above_second + 2.0 * above * first)
        ) * (rate / drain)
        if i <= ahead:
            found[i] = (first, second)
        above, above_second = first, second
    return found


def quantiles(mean: float, variance: float) -> tuple[float, float]:
    """P50 and P80 of a gamma distribution with these moments, by the cube-root transformation of Wilson and Hilferty.

    Its error is below 2 % of the mean for shapes ≥ 0.5; passages have shapes ≥ 1.
    """
    if mean <= 0:
        return 0.0, 0.0
    shape = mean * mean / max(variance, 1e-9 * mean * mean)
    spread = 1.0 / (9.0 * shape)

    def at(z: float) -> float:
        return mean * max(0.0, 1.0 - spread + z * math.sqrt(spread)) ** 3

    return at(0.0), at(_Z80)
