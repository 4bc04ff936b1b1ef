"""How many calls a queue usually has in this hour of the week: the mean of the last four weeks that have any."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from softswitch.store.fact_tables import interval_queues

WEEK, HOUR, WEEKS = 604_800, 3_600, 4


def usual_calls(connection: Connection, queue: str, now: float) -> float | None:
    """Offered calls an hour; None without history. The hour is that of UTC, which is as good: the week is what repeats."""
    hour = int(now // HOUR) * HOUR
    found = []
    table = interval_queues.c
    for week in range(1, WEEKS + 1):
        begin = hour - week * WEEK
        total = select(func.sum(table.off)).where(table.queue == queue, table.bucket >= begin, table.bucket < begin + HOUR)
        if (calls := connection.execute(total).scalar()) is not None:
            found.append(float(calls))
    return sum(found) / len(found) if found else None
