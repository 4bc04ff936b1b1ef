"""What the endpoint still takes on when its loop runs late (sip.md §3, overload in). Measurements in, a level out."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

FULL_LAG = 0.150
BUSY_PART, CALM_PART = 1 / 3, 1 / 5  # of FULL_LAG: 50 and 30 ms
LATE_TIME = 1.0  # a single pause, as at the start, is no overload
CALM_TIME = 5.0
WINDOW = 1.0


class Load(IntEnum):
    CALM = 0
    BUSY = 1  # nothing for sources that are not identified
    FULL = 2  # no new calls either


class Overload:
    """The level by the 95th percentile of the lateness of the last second.

    It rises when that stays high for a second, and falls after five calm ones. `full` is the lateness from which new calls
    are refused, in seconds; 0: never.
    """

    def __init__(self, full: float = FULL_LAG) -> None:
        self.level = Load.CALM
        self._full = full
        self._seen: deque[tuple[float, float]] = deque()
        self._calm_since = 0.0
        self._late_since: dict[Load, float] = {}

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
        calm = self._full * CALM_PART
        if not self._full or (self.level is Load.CALM and lag <= calm and not self._late_since):
            return  # the usual case costs no sorting
        late = self.lag
        for level, limit in ((Load.BUSY, self._full * BUSY_PART), (Load.FULL, self._full)):
            if late <= limit:
                self._late_since.pop(level, None)
            elif now - self._late_since.setdefault(level, now) >= LATE_TIME:
                self.level = max(self.level, level)
        if late >= calm:
            self._calm_since = now
        elif now - self._calm_since >= CALM_TIME:
            self.level = Load.CALM
