"""Who waits, in order: places with order statistics, O(log n) for entering, leaving, first and position."""

from __future__ import annotations

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
