"""Reports of queues: the queue report with service level and abandonment in their variants, service quality, prediction."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.reports.figures import Values, added, handling_figures, queue_figures, quotient
from softswitch.reports.model import Asking, Row, Series, Table, curve
from softswitch.reports.periods import days_between
from softswitch.reports.sums import Sums
from softswitch.store.fact_tables import CONTACT_SUMS, QUEUE_SUMS, interval_handled, interval_queues

_LONGEST = len(QUEUE_SUMS)
_IDLE = [0] * len(CONTACT_SUMS)
_NONE = [0] * (_LONGEST + 2)


def queue_report(asking: Asking) -> Table:
    sums = asking.reader.sums(interval_queues, ["queue"], {"queue": asking.query.queues})
    handled = _handled(asking)
    rows = []
    for period, queue in sorted(sums.keys() | handled.keys()):
        figures = queue_figures(sums.get((period, queue), _NONE))
        figures.update(handling_figures(handled.get((period, queue), _IDLE)))
        rows.append(_row(asking, period, queue, figures))
    totals = _totals(sums, list(handled.values()))
    return Table(rows, totals, asking.labels(), _curves(asking, sums, "off", "ans", "abd"))


def _row(asking: Asking, period: int, queue: str, figures: Values) -> Row:
    named = {**asking.period(period), "queue": asking.context.name("queue", queue), **figures}
    return Row(named, asking.drill("visit", period, queue=queue))


def _handled(asking: Asking) -> Sums:
    """What agents did for the queues: inbound contacts."""
    queues = asking.query.queues
    found = asking.reader.sums(interval_handled, ["queue"], {"queue": queues, "direction": ("in",)})
    return {key: values for key, values in found.items() if key[1]}


def _totals(sums: Sums, handled: Sequence[Sequence[int]]) -> Values:
    together = added(list(sums.values()), _LONGEST) if sums else _NONE
    return {**queue_figures(together), **handling_figures(added(handled) if handled else _IDLE)}


def _curves(asking: Asking, sums: Sums, *ids: str) -> tuple[Series, ...]:
    """One curve per figure over the periods, all queues together."""
    by_period: dict[int, list[Sequence[int]]] = {}
    for key, values in sums.items():
        by_period.setdefault(key[0], []).append(values)
    figures = [
        queue_figures(added(by_period.get(period, [_NONE]), _LONGEST)) for period in range(len(asking.calendar.periods))
    ]  # fmt: skip
    return tuple(curve(name, figures) for name in ids)


def service_report(asking: Asking) -> Table:
    """Waiting calls per hour of opening and per day, waits, and who left while waiting."""
    sums = asking.reader.sums(interval_queues, ["queue"], {"queue": asking.query.queues})
    rows = []
    for (period, queue), values in sorted(sums.items()):
        span = asking.calendar.periods[period]
        until = min(span.until, max(asking.context.now, span.since))
        open_seconds = asking.context.open_seconds(queue, span.since, until)
        figures = queue_figures(values)
        rows.append(
            _row(asking, period, queue, {**figures, **_per_time(figures, open_seconds, _days(asking, span.since, until))})
        )
    totals = _totals(sums, [])
    hours = sum(
        asking.context.open_seconds(queue, asking.calendar.since, min(asking.calendar.until, asking.context.now))
        for queue in {key[1] for key in sums}
    )  # fmt: skip
    since, until = asking.calendar.since, min(asking.calendar.until, asking.context.now)
    totals |= _per_time(totals, hours, _days(asking, since, until))
    return Table(rows, totals, asking.labels(), _curves(asking, sums, "wtd", "left"))


def _per_time(figures: Values, open_seconds: float, days: float) -> Values:
    waiting = figures["wtd"]
    assert isinstance(waiting, int)
    return {"wtd_hour": quotient(waiting * 3600, open_seconds), "wtd_day": quotient(waiting, days)}


def _days(asking: Asking, since: float, until: float) -> int:
    return days_between(since, max(until, since + 1), asking.calendar.zone)


def prediction_report(asking: Asking) -> Table:
    sums = asking.reader.sums(interval_queues, ["queue"], {"queue": asking.query.queues})
    found = {key: values for key, values in sums.items() if queue_figures(values)["predicted"]}
    rows = [_row(asking, period, queue, queue_figures(values)) for (period, queue), values in sorted(found.items())]
    return Table(rows, _totals(found, []), asking.labels(), _curves(asking, found, "bias_ms", "mae_ms"))
