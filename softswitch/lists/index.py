"""Finding the entry that fits a number: numbers by a table, prefixes and patterns by trial. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from softswitch.directory.snapshot import best_match
from softswitch.lists.model import Entry, ListKind
from softswitch.model.number import canonical

_SIGNS = frozenset("XN*")


class ListIndex:
    """Built anew when entries change."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._exact: dict[tuple[ListKind, str], list[Entry]] = {}
        self._patterns: dict[ListKind, dict[str, list[Entry]]] = {"black": {}, "white": {}, "vip": {}}
        for entry in entries:
            if _SIGNS.isdisjoint(entry.pattern):
                self._exact.setdefault((entry.kind, canonical(entry.pattern)), []).append(entry)
            else:
                self._patterns[entry.kind].setdefault(entry.pattern, []).append(entry)

    def find(self, kind: ListKind, number: str, direction: str, at: float) -> Entry | None:
        """The entry that fits best now: the number itself, else the longest pattern."""
        key = canonical(number)
        for entry in self._exact.get((kind, key), ()):
            if entry.applies(direction, at):
                return entry
        if not self._patterns[kind]:
            return None
        patterns: Mapping[str, Entry] = {
            text: entry
            for text, entries in self._patterns[kind].items()
            for entry in entries
            if entry.applies(direction, at)
        }  # fmt: skip
        for form in dict.fromkeys((number, key)):
            if (found := best_match(form, patterns)) is not None:
                return patterns[found]
        return None
