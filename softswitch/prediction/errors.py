"""How good predictions were: today's figures per queue, and whether they can still be announced as seconds. Sans-IO."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WATCHED = 1800.0
FEWEST = 20
"""Answered callers below which coverage says nothing."""
LOWEST, HIGHEST = 0.65, 0.95


@dataclass(frozen=True, slots=True)
class Report:
    """Milliseconds; `coverage` is the share of waits that were not longer than the predicted P80. None without waits."""

    count: int
    bias_ms: int | None
    error_ms: int | None
    coverage: float | None


@dataclass(slots=True)
class ErrorBook:
    """One queue."""

    day: int = -1
    _count: int = 0
    _bias: float = 0.0
    _error: float = 0.0
    _covered: int = 0
    _recent: deque[tuple[float, bool]] = field(default_factory=deque)
    _wrong_since: float | None = None

    def add(self, predicted: float, p80: float, waited: float, at: float, day: int) -> None:
        """A caller who was answered; seconds. `day` numbers local days: a new one starts the figures anew."""
        if day != self.day:
            self.day, self._count, self._bias, self._error, self._covered = day, 0, 0.0, 0.0, 0
        self._count += 1
        self._bias += predicted - waited
        self._error += abs(predicted - waited)
        self._covered += waited <= p80
        self._recent.append((at, waited <= p80))
        self._judge(at)

    def _judge(self, at: float) -> None:
        while self._recent[0][0] < at - WATCHED:
            self._recent.popleft()
        share = sum(covered for _, covered in self._recent) / len(self._recent)
        if len(self._recent) < FEWEST or LOWEST <= share <= HIGHEST:
            self._wrong_since = None
        elif self._wrong_since is None:
            self._wrong_since = at

    def in_bands(self, at: float) -> bool:
        """Whether figures have been wrong for half an hour: callers are then told "a few minutes", and an alarm is due."""
        return self._wrong_since is not None and at - self._wrong_since >= WATCHED

    def report(self) -> Report:
        if not self._count:
            return Report(0, None, None, None)
        return Report(
            self._count, round(self._bias / self._count * 1000), round(self._error / self._count * 1000),
            self._covered / self._count,
        )  # fmt: skip
