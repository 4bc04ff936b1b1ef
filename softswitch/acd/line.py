"""Who waits, in order: `Line` with order statistics for positions, `Heap` for the first one alone. All in O(log n)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from sortedcontainers import SortedList  # type: ignore[import-untyped]

Place = tuple[int, float, float, str]
"""(0 at the head of the line, else 1; key, smallest first; first entry; id)."""


class Placed(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def place(self) -> Place: ...


V = TypeVar("V", bound=Placed)


class Line(Generic[V]):
    """Visits by place. A visit keeps the place it was added with until it is removed."""

    __slots__ = ("_found", "_places")

    def __init__(self) -> None:
        self._places = SortedList()
        self._found: dict[str, tuple[Place, V]] = {}

    def add(self, visit: V) -> None:
        place = visit.place
        self._places.add(place)
        self._found[visit.id] = (place, visit)

    def remove(self, visit_id: str) -> None:
        place, _ = self._found.pop(visit_id)
        self._places.remove(place)

    def position(self, visit: V) -> int:
        """From 1, also of a visit that is not in the line: where it would be."""
        found = self._found.get(visit.id)
        return int(self._places.bisect_left(found[0] if found else visit.place)) + 1

    def first(self) -> V | None:
        return self._found[self._places[0][3]][1] if self._found else None

    def __contains__(self, visit_id: str) -> bool:
        return visit_id in self._found

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[V]:
        """In order; a snapshot, so the line may change meanwhile."""
        return iter([self._found[place[3]][1] for place in self._places])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Line) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Line({[place[3] for place in self._places]})"


class Heap(Generic[V]):
    """Callers of whom only the first is asked for. Who leaves stays in the heap until it comes up (lazy deletion)."""

    __slots__ = ("_found", "_heap")

    def __init__(self) -> None:
        self._heap: list[Place] = []
        self._found: dict[str, tuple[Place, V]] = {}

    def add(self, visit: V) -> None:
        place = visit.place
        heapq.heappush(self._heap, place)
        self._found[visit.id] = (place, visit)

    def remove(self, visit_id: str) -> None:
        del self._found[visit_id]
        if len(self._heap) > 2 * len(self._found) + 64:
            self._heap = [place for place, _ in self._found.values()]
            heapq.heapify(self._heap)

    def first(self) -> V | None:
        heap, found = self._heap, self._found
        while heap:
            entry = found.get(heap[0][3])
            if entry is not None and entry[0] == heap[0]:
                return entry[1]
            heapq.heappop(heap)
        return None

    def __contains__(self, visit_id: str) -> bool:
        return visit_id in self._found

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[V]:
        """In order, by sorting."""
        return iter([visit for _, visit in sorted(self._found.values(), key=lambda entry: entry[0])])
