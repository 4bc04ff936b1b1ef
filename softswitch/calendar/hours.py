"""Weekly opening hours as written: `Mon-Fri 09:00-18:00`, `Sat,Sun 10:00-12:00`, `09:00-18:00` (every day). Pure.

The start is included and so is the whole last minute (call-centre.md §8). A segment that ends before it starts goes on over
midnight and belongs to the day on which it starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 24 * 60
_SEGMENT = re.compile(r"(?:(?P<days>[A-Za-z,-]+) )?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Segment:
    """`start` and `end` are minutes of the day, both included; `end` below `start`: until that minute of the next day."""

    days: frozenset[int]
    start: int
    end: int

    @property
    def minutes(self) -> tuple[int, int]:
        """Begin and end (not included) counted from the midnight before the begin."""
        return self.start, self.end + 1 + (DAY if self.end < self.start else 0)


def parse_segment(text: str) -> Segment:
    """Raises ValueError with a sentence that says what was expected."""
    found = _SEGMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'expected "Mon-Fri 09:00-18:00", got "{text}"')
    days = frozenset(day for part in found["days"].split(",") for day in _days(part)) if found["days"] else frozenset(range(7))
    return Segment(days, minute(found["start"]), minute(found["end"]))


def on_weekday(segments: Sequence[Segment], weekday: int) -> list[tuple[int, int]]:
    """The open minutes of a weekday (0 is Monday), begin and end from its midnight, joined where they meet."""
    return joined(segment.minutes for segment in segments if weekday in segment.days)


def joined(spans: Iterator[tuple[int, int]] | Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def minute(text: str) -> int:
    """`HH:MM` as minutes of the day; 24:00 is the last minute. Raises ValueError."""
    hours, minutes = int(text[:2]), int(text[3:])
    if (hours, minutes) == (24, 0):
        return DAY - 1
    if hours > 23 or minutes > 59:
        raise ValueError(f'expected a time from 00:00 to 23:59, got "{text}"')
    return hours * 60 + minutes


def _days(text: str) -> Iterator[int]:
    first, dash, last = text.partition("-")
    names = (first, last) if dash else (first, first)
    for name in names:
        if name.capitalize() not in WEEK:
            raise ValueError(f'expected one of {" ".join(WEEK)}, got "{name}"')
    start, end = (WEEK.index(name.capitalize()) for name in names)
    yield from ((start + step) % 7 for step in range((end - start) % 7 + 1))
