"""Time as a value that is handed in: nothing below the composition root asks the system for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """The implementation that reads the system's clocks is `softswitch.observe.clock.SystemClock`."""

    def now(self) -> float:
        """Monotonic seconds: for deadlines and durations."""

    def utc(self) -> float:
        """UTC as seconds since 1970: for everything that is stored or shown."""


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only when it is told to; for tests and simulations."""

    at: float = 1_700_000_000.0
    monotonic: float = 1_000.0

    def now(self) -> float:
        return self.monotonic

    def utc(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds
        self.monotonic += seconds
