"""Timer values of RFC 3261 §17 and RFC 6026, and the heap of named deadlines. Time is monotonic seconds, handed in."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Protocol

T1 = 0.5
T2 = 4.0
T4 = 5.0
LONG = 64 * T1  # timers B, F, H, L, M, N
TIMER_D = 32.0
_FEW = 256
"""Cancelled deadlines that are not worth a look at the whole heap."""


class Owner(Protocol):
    """Whoever set a deadline is told its name when it has passed."""

    def fire(self, name: str, now: float) -> None: ...


class Deadline:
    """One pending deadline. Cancelling is a mark; the heap forgets it later."""

    __slots__ = ("_heap", "at", "name", "owner")

    def __init__(self, at: float, name: str, owner: Owner, heap: Deadlines) -> None:
        self.at = at
        self.name = name
        self.owner: Owner | None = owner
        self._heap = heap

    def cancel(self) -> None:
        if self.owner is not None:
            self.owner = None
            self._heap.cancelled()


class Deadlines:
    """All deadlines of one endpoint, earliest first; equal times fire in the order in which they were set.

    Most are cancelled long before their time (a call rings for seconds and might have for minutes), so the heap is rid of
    them as soon as they are more than half of it.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._order = 0
        self._cancelled = 0

    def set(self, owner: Owner, name: str, at: float) -> Deadline:
        deadline = Deadline(at, name, owner, self)
        self._order += 1
        heappush(self._heap, (at, self._order, deadline))
        return deadline

    def cancelled(self) -> None:
        """One of them was cancelled."""
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2].owner is not None]  # in place: `run` may be at it
            heapify(self._heap)
            self._cancelled = 0

    @property
    def next_at(self) -> float | None:
        """When `run` has to be called next, None when nothing is pending."""
        heap = self._heap
        while heap and heap[0][2].owner is None:
            heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def run(self, now: float) -> None:
        """Fire everything that is due, including what is set meanwhile for a time that has passed."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            deadline = heappop(heap)[2]
            owner = deadline.owner
            if owner is None:
                self._cancelled -= 1
            else:
                deadline.owner = None
                owner.fire(deadline.name, now)

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled


class Alarm:
    """An Owner that calls one function with `now`; for deadlines that need no object of their own."""

    __slots__ = ("_ring",)

    def __init__(self, ring: Callable[[float], None]) -> None:
        self._ring = ring

    def fire(self, name: str, now: float) -> None:
        self._ring(now)
