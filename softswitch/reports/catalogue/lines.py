"""The line report: calls per trunk and channel, busy and idle time, occupancy, all lines busy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from softswitch.reports.figures import Values, percent, quotient
from softswitch.reports.model import Asking, Row, Series, Table
from softswitch.reports.spans import FULL
from softswitch.store.fact_tables import interval_lines, interval_states

OUT_OF_SERVICE = frozenset({"down", "failed", "rejected", "unregistered"})


def line_report(asking: Asking) -> Table:
    keys = ["trunk", "channel"] if asking.query.by_channel else ["trunk"]
    sums = asking.reader.sums(interval_lines, keys, {"trunk": asking.query.trunks})
    down = _times(asking, "trunk", OUT_OF_SERVICE)
    full = _times(asking, "lines", frozenset({FULL}))
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


def _times(asking: Asking, kind: str, states: frozenset[str]) -> dict[tuple[int, str], int]:
    """Ms per period that a trunk was in one of the states."""
    found: dict[tuple[int, str], int] = {}
    sums = asking.reader.sums(interval_states, ["name", "state"], {"kind": (kind,), "name": asking.query.trunks})
    for (period, trunk, state), (ms, _times) in sums.items():
        if state in states:
            found[period, trunk] = found.get((period, trunk), 0) + ms
    return found
