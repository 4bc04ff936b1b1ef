"""Answers of DNS with their time to live, and what still serves when no server answers (sip.md §3)."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from signalling.location.values import Query, Record

LEAST, MOST = 5.0, 3600.0
NEGATIVE = 30.0
STALE = 3600.0
_TABLE = 10_000


class Answer(NamedTuple):
    records: tuple[Record, ...]  # none: there is no such record
    ttl: float


class Memory:
    """Time is handed in. A negative answer is one as well, it only lives shorter."""

    def __init__(self) -> None:
        self._known: OrderedDict[Query, tuple[float, tuple[Record, ...]]] = OrderedDict()

    def put(self, query: Query, answer: Answer, now: float) -> None:
        life = min(max(answer.ttl, LEAST), MOST) if answer.records else NEGATIVE
        self._known.pop(query, None)
        self._known[query] = (now + life, answer.records)
        if len(self._known) > _TABLE:
            self._known.popitem(last=False)

    def fresh(self, query: Query, now: float) -> tuple[Record, ...] | None:
        """The answer while it lives; None when DNS has to be asked."""
        found = self._known.get(query)
        return found[1] if found is not None and found[0] > now else None

    def stale(self, query: Query, now: float) -> tuple[Record, ...] | None:
        """The last answer for an hour after its life, for when no server answers."""
        found = self._known.get(query)
        return found[1] if found is not None and found[0] + STALE > now else None
