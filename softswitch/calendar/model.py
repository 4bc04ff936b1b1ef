"""Days that differ from the week, and what a calendar says about a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

DayKind = Literal["holiday", "workday", "special"]
"""holiday: closed all day. workday: the hours of a working day, whatever weekday. special: the hours that the day names."""

Why = Literal["always", "hours", "holiday", "workday", "special"]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the table. `open` holds times without weekdays ("09:00-12:00"); a workday without any has the week's."""

    date: date
    kind: DayKind
    open: tuple[str, ...] = ()
    title: str = ""
    shipped: bool = False
    """From the shipped holidays and not entered by anybody."""


@dataclass(frozen=True, slots=True)
class CalendarState:
    """`until` is the epoch second of the next change, None when none is near. `why` names what decided."""

    open: bool
    until: float | None = None
    why: Why = "hours"
    title: str = ""

    def closes_within(self, minutes: float, at: float) -> bool:
        """Open now, and closed in so many minutes at the latest."""
        return self.open and self.until is not None and self.until - at <= minutes * 60


ALWAYS_OPEN = CalendarState(open=True, why="always")
