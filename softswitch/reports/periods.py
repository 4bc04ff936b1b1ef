"""Times of reports: a range in a time zone, cut into intervals. Safe at the change to and from summer time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from softswitch.model.errors import Invalid

Interval = Literal["", "15", "30", "60", "day", "month", "year"]
"""Minutes, or a unit of the calendar; "" is the range as one."""
INTERVALS: tuple[str, ...] = get_args(Interval)
MOST_PERIODS = 20_000


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until), UTC epoch seconds."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Calendar:
    """The periods of a range, without gaps. `step` is their common length in seconds, 0 when they differ."""

    periods: tuple[Period, ...]
    zone: ZoneInfo
    interval: Interval
    step: int = 0
    origin: int = 0
    """Where the first period would begin if the range did not cut it."""

    @property
    def since(self) -> float:
        return self.periods[0].since

    @property
    def until(self) -> float:
        return self.periods[-1].until

    def index(self, at: float) -> int:
        """The period of a time within the range."""
        return max(0, bisect_right(self.periods, at, key=lambda period: period.since) - 1)

    def label(self, index: int) -> str:
        """Begin in local time, as exact as the interval."""
        local = datetime.fromtimestamp(self.periods[index].since, self.zone)
        return local.strftime(_FORMATS.get(self.interval, "%Y-%m-%d %H:%M"))


_FORMATS = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}


def calendar(since: float, until: float, zone: str, interval: Interval = "") -> Calendar:
    """Raises Invalid for an empty range, an unknown zone, or more than 20,000 periods."""
    place = zone_of(zone)
    if not since < until:
        raise Invalid("to", "expected a time after `from`")
    if interval == "":
        return Calendar((Period(since, until),), place, interval)
    if interval in ("15", "30", "60"):
        return _regular(since, until, place, interval)
    borders = [since]
    at = _next_border(since, place, interval)
    while at < until:
        borders.append(at)
        at = _next_border(at, place, interval)
        _limit(len(borders))
    return Calendar(_between([*borders, until]), place, interval)


def _regular(since: float, until: float, zone: ZoneInfo, interval: Interval) -> Calendar:
    step = int(interval) * 60
    offset = datetime.fromtimestamp(since, zone).utcoffset() or timedelta()
    shift = int(offset.total_seconds())
    origin = int((since + shift) // step) * step - shift
    _limit((until - origin) / step)
    borders = [since, *(float(at) for at in range(origin + step, -int(-until // 1), step) if since < at < until), until]
    return Calendar(_between(borders), zone, interval, step, origin)


def _limit(count: float) -> None:
    if count > MOST_PERIODS:
        raise Invalid("interval", f"expected at most {MOST_PERIODS} periods; take a longer interval or a shorter range")


def _between(borders: Sequence[float]) -> tuple[Period, ...]:
    return tuple(Period(a, b) for a, b in pairwise(borders))


def zone_of(name: str) -> ZoneInfo:
    """Raises Invalid for a zone that the database of time zones does not have."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise Invalid("zone", f"there is no time zone {name!r}") from error


def _next_border(at: float, zone: ZoneInfo, interval: Interval) -> float:
    local = datetime.fromtimestamp(at, zone)
    match interval:
        case "day":
            ahead = datetime(local.year, local.month, local.day) + timedelta(days=1)
        case "month":
            ahead = datetime(local.year + local.month // 12, local.month % 12 + 1, 1)
        case _:
            ahead = datetime(local.year + 1, 1, 1)
    return ahead.replace(tzinfo=zone).timestamp()


def midnight(at: float, zone: ZoneInfo, days: int = 0) -> float:
    """Begin of the local day of `at`, or of one some days away."""
    local = datetime.fromtimestamp(at, zone)
    return (datetime(local.year, local.month, local.day) + timedelta(days=days)).replace(tzinfo=zone).timestamp()


def days_between(since: float, until: float, zone: ZoneInfo) -> int:
    """Calendar days that the time touches."""
    first, last = (datetime.fromtimestamp(at, zone).date() for at in (since, until - 0.001))
    return (last - first).days + 1
