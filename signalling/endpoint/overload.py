"""What the endpoint still takes on when its loop runs late (sip.md §3, overload in). Measurements in, a level out."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

BUSY_LAG = 0.050
FULL_LAG = 0.150
CALM_LAG = 0.030
CALM_TIME = 5.0
WINDOW = 1.0


class Load(IntEnum):
    CALM = 0
    BUSY = 1  # nothing for sources that are not identified
    FULL = 2  # no new calls either


class Overload:
    """The level by the 95th percentile of the lateness of the last second. It rises at once, falls after 5 calm seconds."""

    def __init__(self) -> None:
        self.level = Load.CALM
        self._seen: deque[tuple[float, float]] = deque()
        self._calm_since = 0.0

    @property
    def lag(self) -> float:
        """Seconds, 95th percentile of the last second; 0 when nothing was measured."""
        ordered = sorted(lag for _, lag in self._seen)
        return ordered[-(-len(ordered) * 95 // 100) - 1] if ordered else 0.0

    def measure(self, lag: float, now: float) -> None:
        """One measurement: how many seconds late a timer was."""
        seen = self._seen
        seen.append((now, lag))
        while seen[0][0] <= now - WINDOW:
            seen.popleft()
        if self.level is Load.CALM and lag <= CALM_LAG:  # the usual case costs no sorting
            return
        late = self.lag
        if late > FULL_LAG:
            self.level = Load.FULL
        elif late > BUSY_LAG:
            self.level = max(self.level, Load.BUSY)
        if late >= CALM_LAG:
            self._calm_since = now
        elif now - self._calm_since >= CALM_TIME:
            self.level = Load.CALM
