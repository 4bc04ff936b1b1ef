"""Whether a number can be a customer's at all, answered from memory: most callers are nobody's, and need no look-up."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from softswitch.model.number import canonical

_PARTS = 256


class NumberIndex:
    """Eight octets a number. "No" is certain; "yes" may be wrong: numbers of removed customers stay, and hashes may meet."""

    def __init__(self) -> None:
        self._parts: list[array[int]] = []
        self._late: set[int] = set()

    def load(self, stored: Iterable[str]) -> None:
        """Canonical numbers as the database has them; may run in another thread. Until it is done the answer is yes.

        In parts, so that no step keeps the threads of calls waiting, however many numbers there are.
        """
        parts = [array("q") for _ in range(_PARTS)]
        for number in stored:
            key = hash(number)
            parts[key % _PARTS].append(key)
        self._parts = [array("q", sorted(part)) for part in parts]

    def add(self, numbers: Iterable[str]) -> None:
        """Numbers as people write them, of a customer who is new or has changed."""
        self._late.update(hash(canonical(number)) for number in numbers)

    def may_have(self, number: str) -> bool:
        if not self._parts:
            return True
        key = hash(canonical(number))
        part = self._parts[key % _PARTS]
        place = bisect_left(part, key)
        return (place < len(part) and part[place] == key) or key in self._late
