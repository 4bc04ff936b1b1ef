"""How fast calls go to a peer that says it has too many: half as fast for each 503, a tenth faster each ten calm seconds."""

from __future__ import annotations

from collections import deque

STEP = 10.0
LEAST = 5.0  # calls a second; slower is no relief to anybody


class Pace:
    """One per peer. Without a 503 nothing is limited."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque(maxlen=10_000)
        self._limit = 0.0  # calls a second, 0: none
        self._usual = 0.0  # what went when the limit began
        self._changed = 0.0

    def limit(self, now: float) -> float:
        """Calls a second that may go now; 0 for no limit."""
        if self._limit:
            steps = int((now - self._changed) / STEP)
            self._limit *= 1.1**steps
            self._changed += steps * STEP
            if self._limit > self._usual:
                self._limit = 0.0
        return self._limit

    def may(self, now: float) -> bool:
        """Whether one call more may go in this second."""
        limit = self.limit(now)
        return not limit or self._rate(now, 1.0) < limit

    def sent(self, now: float) -> None:
        self._sent.append(now)

    def refused(self, now: float) -> None:
        """The peer has too many. Refusals of calls that left before the last change say nothing new."""
        if self.limit(now) and now - self._changed < STEP:
            return
        rate = max(self._rate(now, STEP) / STEP, self._rate(now, 1.0))
        self._usual = max(self._usual if self._limit else 0.0, rate, LEAST)
        self._limit = max((self._limit or rate) / 2, LEAST)
        self._changed = now

    def _rate(self, now: float, seconds: float) -> float:
        return sum(1 for at in reversed(self._sent) if at > now - seconds) if self._sent else 0
