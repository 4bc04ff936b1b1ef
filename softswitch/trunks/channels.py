"""The channels of trunks: each leg on a trunk occupies one, so that lines can be counted as on an E1. Pure.

A gateway that does not say which time slot it uses gets the lowest free number, as hunting from the first line does.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

ANY = (1, 0)
"""Channels from 1 without an upper end."""


class LineView(NamedTuple):
    """One channel: whether a call is on it, how many were, and for how many seconds."""

    channel: int
    busy: bool
    seizures: int
    busy_seconds: float


@dataclass(slots=True)
class _Line:
    since: float = -1.0
    seizures: int = 0
    seconds: float = 0.0


class Channels:
    """Numbers from 1. How many a trunk may have is admission's business; a group of it has its own range."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, _Line]] = defaultdict(dict)
        self._free: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._next: dict[tuple[str, int], int] = {}
        self._used: dict[str, set[int]] = defaultdict(set)

    def seize(self, trunk: str, lines: tuple[int, int] = ANY, *, now: float = 0.0, slot: int = 0) -> int:
        """The channel of a time slot that is told and free, else the lowest free one of the range.

        A range that is full gives the number after its end: the call is there, whatever the count says.
        """
        channel = slot if slot and slot not in self._used[trunk] else self._lowest(trunk, lines)
        self._used[trunk].add(channel)
        line = self._lines[trunk].setdefault(channel, _Line())
        line.since, line.seizures = now, line.seizures + 1
        return channel

    def _lowest(self, trunk: str, lines: tuple[int, int]) -> int:
        used, key = self._used[trunk], (trunk, lines[0])
        free, channel = self._free[key], self._next.get(key, lines[0])
        while free and (free[0] in used or free[0] >= channel):  # a time slot that was told took it, or comes in its turn
            heapq.heappop(free)
        if free:
            return heapq.heappop(free)
        while channel in used:
            channel += 1
        self._next[key] = channel + 1
        return channel

    def release(self, trunk: str, channel: int, lines: tuple[int, int] = ANY, *, now: float = 0.0) -> None:
        self._used[trunk].remove(channel)
        line = self._lines[trunk][channel]
        line.seconds, line.since = line.seconds + now - line.since, -1.0
        heapq.heappush(self._free[trunk, lines[0]], channel)

    def used(self, trunk: str, lines: tuple[int, int] = ANY) -> int:
        """Channels in use, of a range alone when one is given."""
        used = self._used[trunk]
        return len(used) if lines == ANY else sum(lines[0] <= channel <= lines[1] for channel in used)

    def views(self, trunk: str, now: float) -> list[LineView]:
        """Every channel that was in use since the start, by number."""
        return [
            LineView(number, line.since >= 0, line.seizures, line.seconds + (now - line.since if line.since >= 0 else 0.0))
            for number, line in sorted(self._lines[trunk].items())
        ]
