"""The line report: calls per trunk and channel, busy and idle time, occupancy, all lines busy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from softswitch.reports.facts import Seizure
from softswitch.reports.figures import Values, percent, quotient
from softswitch.reports.model import Asking, Row, Series, Table
from softswitch.reports.rest import LOOK_BACK
from softswitch.store.fact_tables import interval_lines, interval_states, seizures

OUT_OF_SERVICE = frozenset({"down", "failed", "rejected", "unregistered"})


def line_report(asking: Asking) -> Table:
    keys = ["trunk", "channel"] if asking.query.by_channel else ["trunk"]
    sums = asking.reader.sums(interval_lines, keys, {"trunk": asking.query.trunks})
    down = _out_of_service(asking)
    full = _all_busy(asking, {key[1] for key in sums})
    rows = []
    for key, values in sorted(sums.items()):
        period, trunk = key[0], str(key[1])
        channel = int(key[2]) if asking.query.by_channel else 0
        lines = 1 if asking.query.by_channel else asking.context.channels(trunk)
        figures = _line(asking, period, values, down.get((period, trunk), 0), lines)
        figures["all_busy_ms"] = None if asking.query.by_channel or not lines else full.get((period, trunk), 0)
        shown: Values = {**asking.period(period), "trunk": trunk, "channel": str(channel) if channel else "", **figures}
        rows.append(Row(shown, asking.drill("seizure", period, trunk=trunk, channel=str(channel) if channel else "")))
    return Table(rows, _totals(asking, list(sums.values())), asking.labels(), _curves(asking, sums.items()))


def _line(asking: Asking, period: int, sums: Sequence[int], down_ms: int, lines: int) -> Values:
    span = asking.calendar.periods[period]
    seconds = max(0.0, min(span.until, asking.context.now) - span.since)
    calls_in, calls_out, busy = sums
    service = max(0, round(seconds * 1000) - down_ms) * lines
    return {
        "calls_in": calls_in, "calls_out": calls_out, "calls": calls_in + calls_out, "busy_ms": busy,
        "idle_ms": max(0, service - busy) if lines else None, "occupancy": percent(busy, service) if lines else None,
        "erlang": quotient(busy / 1000, seconds), "in_hour": quotient(calls_in * 3600, seconds),
        "in_day": quotient(calls_in * 86_400, seconds),
    }  # fmt: skip


def _totals(asking: Asking, sums: Sequence[Sequence[int]]) -> Values:
    calls_in, calls_out, busy = (sum(column) for column in zip(*sums, strict=True)) if sums else (0, 0, 0)
    seconds = max(0.0, min(asking.calendar.until, asking.context.now) - asking.calendar.since)
    return {
        "calls_in": calls_in, "calls_out": calls_out, "calls": calls_in + calls_out, "busy_ms": busy, "idle_ms": None,
        "occupancy": None, "erlang": quotient(busy / 1000, seconds), "in_hour": quotient(calls_in * 3600, seconds),
        "in_day": quotient(calls_in * 86_400, seconds), "all_busy_ms": None,
    }  # fmt: skip


def _curves(asking: Asking, sums: Iterable[tuple[tuple[object, ...], Sequence[int]]]) -> tuple[Series, ...]:
    count = len(asking.calendar.periods)
    came, went, busy = [0] * count, [0] * count, [0] * count
    for key, (calls_in, calls_out, busy_ms) in sums:
        period = key[0]
        assert isinstance(period, int)
        came[period] += calls_in
        went[period] += calls_out
        busy[period] += busy_ms
    erlang = tuple(quotient(ms / 1000, span.until - span.since) for ms, span in zip(busy, asking.calendar.periods, strict=True))
    return Series("calls_in", tuple(came)), Series("calls_out", tuple(went)), Series("erlang", erlang)


def _out_of_service(asking: Asking) -> dict[tuple[int, str], int]:
    """Ms per period for which a trunk was down."""
    found: dict[tuple[int, str], int] = {}
    sums = asking.reader.sums(interval_states, ["name", "state"], {"kind": ("trunk",), "name": asking.query.trunks})
    for (period, trunk, state), (ms, _times) in sums.items():
        if state in OUT_OF_SERVICE:
            found[period, trunk] = found.get((period, trunk), 0) + ms
    return found


def _all_busy(asking: Asking, trunks: Iterable[str]) -> dict[tuple[int, str], int]:
    """Ms per period for which no channel of a trunk was free; only of trunks whose channels are known."""
    found: dict[tuple[int, str], int] = {}
    for trunk in trunks:
        if limit := asking.context.channels(trunk):
            for since, until in _full(_seizures(asking, trunk), limit):
                _spread(asking, found, trunk, max(since, asking.calendar.since), min(until, asking.calendar.until))
    return found


def _seizures(asking: Asking, trunk: str) -> list[Seizure]:
    since, until = asking.calendar.since, asking.calendar.until
    c = seizures.c
    query = select(seizures).where(c.began >= since - LOOK_BACK, c.began < until, c.ended > since, c.trunk == trunk)
    return [Seizure(*row) for row in asking.connection.execute(query)]


def _full(taken: Sequence[Seizure], limit: int) -> Iterable[tuple[float, float]]:
    """The times in which at least `limit` of the seizures last. A release comes before a seizure of the same instant."""
    changes = sorted([(entry.began, 1) for entry in taken] + [(entry.ended, -1) for entry in taken])
    busy, since = 0, 0.0
    for at, change in changes:
        if change > 0 and busy + 1 == limit:
            since = at
        elif change < 0 and busy == limit and at > since:
            yield since, at
        busy += change


def _spread(asking: Asking, found: dict[tuple[int, str], int], trunk: str, since: float, until: float) -> None:
    calendar = asking.calendar
    while since < until:
        period = calendar.index(since)
        border = min(until, calendar.periods[period].until)
        found[period, trunk] = found.get((period, trunk), 0) + round((border - since) * 1000)
        since = border
