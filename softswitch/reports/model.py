"""What a report is: columns with their formulas, what may be asked for, and the table that comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from softswitch.model.events import rfc3339
from softswitch.reports.figures import Values
from softswitch.reports.ledger import Targets, default_targets
from softswitch.reports.periods import Calendar, Interval, calendar
from softswitch.reports.sums import Reader

Language = Literal["zh-CN", "en"]
Shown = Literal["text", "time", "count", "ms", "percent", "number", "period"]


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    zh: str
    en: str

    def say(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Column:
    """`formula` is shown on hover. Times are RFC 3339 in rows, `ms` durations, `percent` 0–100 with two decimals."""

    id: str
    title: Words
    kind: Shown
    formula: Words = Words("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What somebody asks a report. Empty filters take everything that the scope allows."""

    since: float
    until: float
    zone: str = "Asia/Shanghai"
    interval: Interval = ""
    queues: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    direction: str = ""
    number: str = ""
    result: str = ""
    by_channel: bool = False
    target_ms: int = 0
    """Another service time than that of each queue; 0: the queue's."""
    language: Language = "zh-CN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What figures need beside facts; all from the directory and the clock, so that a test can be without them."""

    now: float
    targets: Targets = default_targets
    names: Mapping[str, str] = field(default_factory=dict)
    """"agent:li", "queue:sales", "team:one", "reason:lunch", "disposition:sold" → what people call it."""
    teams: Mapping[str, str] = field(default_factory=dict)  # agent → team
    channels: Callable[[str], int] = lambda _trunk: 0
    """Channels of a trunk, 0: no limit known."""
    open_seconds: Callable[[str, float, float], float] = lambda _queue, since, until: until - since

    def name(self, kind: str, identity: str) -> str:
        return self.names.get(f"{kind}:{identity}", identity)


@dataclass(frozen=True, slots=True)
class Row:
    values: Values
    drill: Mapping[str, str] | None = None
    """The query of `GET /calls` that lists the calls behind this row."""


@dataclass(frozen=True, slots=True)
class Series:
    """A curve: one value per period. It is called what its column is called."""

    id: str
    points: tuple[float | int | None, ...]


def curve(name: str, figures: Sequence[Values]) -> Series:
    """One figure of each period."""
    points = [entry[name] for entry in figures]
    return Series(name, tuple(point if isinstance(point, int | float) else None for point in points))


@dataclass(frozen=True, slots=True)
class Table:
    rows: Sequence[Row]
    totals: Values = field(default_factory=dict)
    periods: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()


@dataclass(slots=True)
class Asking:
    """One report being made: the query, what it needs, and the reader of sums."""

    connection: Connection
    query: Query
    context: Context
    calendar: Calendar = field(init=False)
    reader: Reader = field(init=False)
    _labels: tuple[str, ...] = field(init=False)
    _spans: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        query, targets = self.query, self.context.targets
        if query.target_ms:
            targets = _retargeted(targets, query.target_ms)
        self.calendar = calendar(query.since, query.until, query.zone, query.interval)
        self.reader = Reader(self.connection, self.calendar, self.context.now, targets)
        self._labels = tuple(self.calendar.label(index) for index in range(len(self.calendar.periods)))
        self._spans = [(rfc3339(span.since), rfc3339(span.until)) for span in self.calendar.periods]

    def drill(self, by: str, period: int, **filters: str) -> dict[str, str]:
        """A query of `GET /calls` for what one row counts."""
        since, until = self._spans[period]
        found = {"by": by, "from": since, "to": until}
        for name, value in filters.items():
            if value:
                found[name] = value
        return found

    def period(self, index: int) -> dict[str, Any]:
        return {"period": self._labels[index]}

    def labels(self) -> tuple[str, ...]:
        """What the periods are called."""
        return self._labels


def _retargeted(targets: Targets, target_ms: int) -> Targets:
    return lambda queue: (target_ms, targets(queue)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    id: str
    title: Words
    columns: tuple[Column, ...]
    parameters: tuple[str, ...]
    """Filters beside `from`, `to`, `zone`."""
    make: Callable[[Asking], Table]
    chart: Literal["bars", "lines", "none"] = "bars"
    restricted: bool = False
    """Of the operation itself, for administrators and auditors."""
