"""How well a trunk does of late, for routes that ask for a quality: answered share, length, time to ringing. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

WINDOW = 100
"""Calls that are looked at."""
ENOUGH = 20
"""Fewer say nothing."""


class Quality(NamedTuple):
    """`asr` per cent of calls that were answered, `acd` seconds of an answered one, `pdd` seconds until it rang."""

    asr: float
    acd: float
    pdd: float
    calls: int


class Measured:
    """The last calls of one trunk."""

    def __init__(self) -> None:
        self._answered: deque[bool] = deque(maxlen=WINDOW)
        self._lengths: deque[float] = deque(maxlen=WINDOW)
        self._waits: deque[float] = deque(maxlen=WINDOW)

    def tried(self, answered: bool, pdd: float) -> None:
        """One attempt is over or answered; `pdd` 0 when it never rang."""
        self._answered.append(answered)
        if pdd > 0:
            self._waits.append(pdd)

    def talked(self, seconds: float) -> None:
        self._lengths.append(seconds)

    def quality(self) -> Quality | None:
        """None while too few calls went to judge."""
        if len(self._answered) < ENOUGH:
            return None
        return Quality(
            100.0 * sum(self._answered) / len(self._answered), _mean(self._lengths), _mean(self._waits), len(self._answered)
        )


def _mean(values: deque[float]) -> float:
    return sum(values) / len(values) if values else 0.0
