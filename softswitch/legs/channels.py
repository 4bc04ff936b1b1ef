"""The channels of trunks: each leg on a trunk occupies one, so that lines can be counted as on an E1. Pure.

A gateway does not say which time slot it uses; the lowest free number stands for it, as hunting from the first line does.
"""

from __future__ import annotations

import heapq
from collections import defaultdict


class Channels:
    """Numbers from 1, without an upper end: how many a trunk may have is admission's business."""

    def __init__(self) -> None:
        self._used: dict[str, set[int]] = defaultdict(set)
        self._free: dict[str, list[int]] = defaultdict(list)

    def seize(self, trunk: str) -> int:
        """The lowest channel that is free."""
        used, free = self._used[trunk], self._free[trunk]
        channel = heapq.heappop(free) if free else len(used) + 1
        used.add(channel)
        return channel

    def release(self, trunk: str, channel: int) -> None:
        self._used[trunk].remove(channel)
        heapq.heappush(self._free[trunk], channel)

    def used(self, trunk: str) -> int:
        return len(self._used[trunk])
