"""Sums of a range by period and key: whole quarters from the interval tables, the rest from facts and from live calls.

A caller who waits and an agent who talks are counted as they stand `now`, by the same fold as everything that is over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Table,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)

from softswitch.reports.ledger import Ledger, Targets, default_targets
from softswitch.reports.periods import Calendar
from softswitch.reports.rest import add_edge, add_live
from softswitch.store import fact_tables as t

_LIMITS = len(t.QUEUE_SUMS) + 2
"""Behind the sums, the longest wait and the open visits: least and greatest of the service time and of a short abandonment."""
Group = tuple[Any, ...]
Sums = dict[Group, list[int]]
"""(period, *key) → sums, in the order of the table's columns behind the key."""
_RETARGETED = tuple(t.QUEUE_SUMS.index(name) for name in ("sab", "in_time", "abd_in_time"))


class Reader:
    """The sums of one range. Made for one report; all its reads are of one transaction."""

    def __init__(self, connection: Connection, calendar: Calendar, now: float, targets: Targets = default_targets) -> None:
        self.connection = connection
        self.calendar = calendar
        self.now = now
        self.targets = targets
        self._rest: Ledger | None = None
        width = t.BUCKET_SECONDS
        first = math.ceil(calendar.since / width) * width
        # The bucket that runs now holds nothing of the future, so it counts as a whole one.
        last = (math.ceil if calendar.until >= now else math.floor)(calendar.until / width) * width
        self._whole = first, max(first, last)

    def sums(self, table: Table, keys: Sequence[str], where: Mapping[str, Sequence[str]] | None = None) -> Sums:
        """The sums of the range by period and some of the key's columns, of queues always by queue; `where`: column → the
        values that count."""
        wanted = {name: frozenset(values) for name, values in (where or {}).items() if values}
        found = self._stored(table, keys, wanted)
        if table is t.interval_queues:
            self._retarget(found, keys)
        names = [column.name for column in table.primary_key.columns]
        for key, values in self._unstored().sums[table].items():
            entry = dict(zip(names, key, strict=True))
            if all(entry[name] in allowed for name, allowed in wanted.items()):
                period = self.calendar.index(max(entry["bucket"], self.calendar.since))
                _merge(found, (period, *(entry[name] for name in keys)), values, table)
        return found

    def _unstored(self) -> Ledger:
        if self._rest is None:
            since, until = self.calendar.since, self.calendar.until
            self._rest = Ledger(self.targets, since, until)
            first, last = self._whole
            for start, end in ((since, min(first, until)), (max(last, since), until)):
                if start < end:
                    edge = Ledger(self.targets, start, end)
                    add_edge(self.connection, edge, start, end)
                    self._rest.merge(edge)
            add_live(self.connection, self._rest, until, self.now)
        return self._rest

    # ------------------------------------------------------------------ what is stored

    def _stored(self, table: Table, keys: Sequence[str], wanted: Mapping[str, frozenset[str]]) -> Sums:
        named = [column for column in table.columns if not column.primary_key]
        values = [func.max(column) if column.name == "max_wait_ms" else self._sum(column) for column in named]
        if table is t.interval_queues:
            values.append(literal_column("0", Integer))  # open visits
            values += [limit(column) for column in (table.c.target_ms, table.c.short_ms) for limit in (func.min, func.max)]
        condition = and_(true(), *(table.c[name].in_(sorted(allowed)) for name, allowed in wanted.items()))
        return self._grouped(table.c.bucket, [table.c[name] for name in keys], values, condition)

    def _grouped(
        self, at: ColumnElement[Any], keys: Sequence[ColumnElement[Any]], values: Sequence[Any], condition: ColumnElement[bool]
    ) -> Sums:
        found: Sums = {}
        width = 1 + len(keys)
        for number, since, until in self._slices():
            if number is None:  # periods of one length: the database numbers them
                period: Any = (at - self.calendar.origin).op("/", precedence=8)(literal_column(str(self.calendar.step)))
                period = period.label("period")
                # A quarter is a bucket: in the order of the primary key, nothing has to be sorted.
                by = at if self.calendar.step == t.BUCKET_SECONDS and at.key == "bucket" else period
                query = select(period, *keys, *values).group_by(by, *keys)
            else:
                query = select(literal_column(str(number), Integer), *keys, *values).group_by(*keys)
            for row in self.connection.execute(query.where(at >= since, at < until, condition)).all():
                if row[width] is not None:  # a sum over nothing
                    found[row[:width]] = list(row[width:])
        return found

    def _slices(self) -> Iterator[tuple[int | None, int, int]]:
        """(period, since, until) of whole buckets; without a number for all periods at once."""
        first, last = self._whole
        periods = self.calendar.periods
        if self.calendar.step:
            if first < last:
                yield None, first, last
            return
        for number, period in enumerate(periods):
            since = max(first, math.ceil(period.since))
            until = last if number + 1 == len(periods) else min(last, math.ceil(period.until))
            if since < until:
                yield number, since, until

    # ------------------------------------------------------------------ another service time than the stored one

    def _retarget(self, found: Sums, keys: Sequence[str]) -> None:
        """Where another service time was in force than is asked for, the three sums that depend on it are counted again."""
        stored, at = t.interval_queues.c, 1 + keys.index("queue")
        stale: dict[tuple[int, int], set[str]] = {}
        targets: dict[str, tuple[int, int]] = {}
        for key, values in found.items():
            limits, queue = values[_LIMITS:], key[at]
            del values[_LIMITS:]
            if (asked := targets.get(queue)) is None:
                asked = targets[queue] = self.targets(queue)
            if limits != [asked[0], asked[0], asked[1], asked[1]]:
                stale.setdefault(asked, set()).add(queue)
        for (target, short), queues in stale.items():
            was = [self._sum(stored[t.QUEUE_SUMS[place]]) for place in _RETARGETED]
            old = self._grouped(stored.bucket, [stored[name] for name in keys], was, stored.queue.in_(sorted(queues)))
            new = self._counted(keys, sorted(queues), target, short)
            for key in old.keys() | new.keys():
                for place, before, after in zip(_RETARGETED, old.get(key, _NONE), new.get(key, _NONE), strict=True):
                    found[key][place] += after - before

    def _counted(self, keys: Sequence[str], queues: Sequence[str], target: int, short: int) -> Sums:
        c = t.visits.c
        limits = {"sab": ("abandoned", short), "in_time": ("answered", target), "abd_in_time": ("abandoned", target)}
        values = []
        for result, limit in (limits[t.QUEUE_SUMS[place]] for place in _RETARGETED):
            values.append(self._sum(case((and_(c.result == result, c.wait_ms <= limit), 1), else_=0)))
        second = c.entered if self.connection.dialect.name == "sqlite" else func.floor(c.entered)  # a cast rounds, or cuts
        first, last = self._whole
        condition = and_(c.queue.in_(queues), c.channel == "voice", c.entered >= first, c.entered < last)
        return self._grouped(cast(second, BigInteger), [c[name] for name in keys], values, condition)

    def _sum(self, column: ColumnElement[Any]) -> ColumnElement[int]:
        """PostgreSQL adds whole numbers up in 128 bits and hands out a decimal one, which doubles the cost of the query.

        Its floating numbers are exact up to 2⁵³: ms of 285,000 years.
        """
        if self.connection.dialect.name == "sqlite":
            return func.sum(column)
        return cast(func.sum(cast(column, Double)), BigInteger)


_NONE = [0, 0, 0]


def _merge(found: Sums, key: Group, values: Sequence[int], table: Table) -> None:
    row = found.setdefault(key, [0] * len(values))
    longest = len(t.QUEUE_SUMS) if table is t.interval_queues else -1
    for place, value in enumerate(values):
        row[place] = max(row[place], value) if place == longest else row[place] + value
