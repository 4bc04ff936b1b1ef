"""Addresses that failed: avoided for a while, longer each time, probed before a call is risked (sip.md §3, dead targets)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

FIRST = 30.0
MOST = 300.0
MISSED_PROBES = 2  # then a call is risked after all: some peers never answer OPTIONS

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Record:
    until: float
    failed_at: float
    failures: int = 1
    probing: bool = False
    missed: int = 0


class DeadTargets(Generic[K]):
    """The memory. An address that is not in here is alive."""

    def __init__(self) -> None:
        self._records: dict[K, _Record] = {}

    def failed(self, key: K, now: float, *, first: float = FIRST, retry_after: float = 0.0) -> None:
        """It did not answer or refused to work. `retry_after`: how long it asked to be left alone, at most 300 s."""
        known = self._records.get(key)
        failures = known.failures + 1 if known is not None else 1
        pause = min(retry_after, MOST) if retry_after else min(first * 2 ** min(failures - 1, 16), max(first, MOST))
        self._records[key] = _Record(now + pause, now, failures)

    def answered(self, key: K) -> bool:
        """It works; True when it was thought dead."""
        return self._records.pop(key, None) is not None

    def is_dead(self, key: K, now: float) -> bool:
        """Whether calls avoid it. Its time being over is not enough: a probe must have been answered."""
        known = self._records.get(key)
        return known is not None and (known.until > now or known.missed < MISSED_PROBES)

    def pick(self, keys: Iterable[K], now: float) -> list[K]:
        """Those that are alive, in their order; when none is, the one that failed longest ago."""
        ordered = list(dict.fromkeys(keys))
        alive = [key for key in ordered if not self.is_dead(key, now)]
        if alive or not ordered:
            return alive
        return [min(ordered, key=lambda key: self._records[key].failed_at)]

    def due(self, now: float) -> list[K]:
        """Addresses to probe now, each once until `probed` is told."""
        found = [key for key, known in self._records.items() if known.until <= now and not known.probing]
        for key in found:
            self._records[key].probing = True
        return found

    def probed(self, key: K, alive: bool, now: float, *, first: float = FIRST) -> bool:
        """What became of a probe; True when the address is alive again."""
        known = self._records.get(key)
        if known is None:
            return False
        if alive:
            del self._records[key]
            return True
        missed, failed_at = known.missed + 1, known.failed_at
        self.failed(key, now, first=first)
        self._records[key].missed, self._records[key].failed_at = missed, failed_at
        return False

    def keep(self, keys: Iterable[K]) -> None:
        """Forget all others: they are configured no more."""
        kept = set(keys)
        for key in [key for key in self._records if key not in kept]:
            del self._records[key]
