"""What earlier weeks say of a queue in this half hour: the predictor's belief until today has said enough."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, or_, select

from softswitch.prediction.statistics import PRIOR_CONTACTS, Prior
from softswitch.store.fact_tables import interval_handled, interval_queues

WEEK, HALF_HOUR, WEEKS = 604_800, 1_800, 4
_USUAL = Prior()


def next_half_hour(now: float) -> float:
    return (now // HALF_HOUR + 1) * HALF_HOUR


def priors(connection: Connection, now: float) -> dict[str, Prior]:
    """Queue → the same half hour of the last four weeks, together. A queue without them is not there.

    Few contacts say little: they are blended with the default as today's are with this. The half hour is that of UTC, which is
    as good: the week is what repeats.
    """
    begins = [int(now // HALF_HOUR) * HALF_HOUR - week * WEEK for week in range(1, WEEKS + 1)]
    q, h = interval_queues.c, interval_handled.c
    waits = select(q.queue, func.sum(q.off), func.sum(q.abd), func.sum(q.wait_ms)).where(_within(q.bucket, begins))
    handled = select(h.queue, func.sum(h.answered), func.sum(h.ring_ms + h.talk_ms + h.wrap_ms)).where(
        _within(h.bucket, begins), h.direction == "in", h.queue != ""
    )
    times = {queue: (int(count), int(ms) / 1000) for queue, count, ms in connection.execute(handled.group_by(h.queue))}
    found = {}
    for queue, offered, abandoned, waited in connection.execute(waits.group_by(q.queue)):
        count, seconds = times.get(queue, (0, 0.0))
        found[queue] = Prior(
            occupied=(seconds + _USUAL.occupied * PRIOR_CONTACTS) / (count + PRIOR_CONTACTS),
            patience=(int(waited) / 1000 + _USUAL.patience) / (int(abandoned) + 1),
            arrivals=int(offered) / (WEEKS * HALF_HOUR),
        )
    return found


def _within(bucket: ColumnElement[int], begins: Sequence[int]) -> ColumnElement[bool]:
    return or_(*((bucket >= begin) & (bucket < begin + HALF_HOUR) for begin in begins))
