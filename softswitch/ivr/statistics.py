"""How callers go through flows: visits, results, drop-off and time per node, from the journal.

The counters are folded from the journal in the order of its rows; how far the fold has come is written in the same transaction,
so no row counts twice and none is lost, whatever happens between.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from softswitch.ivr.tables import counters
from softswitch.model.events import IvrNode
from softswitch.store.database import Store
from softswitch.store.facts import fact, set_fact
from softswitch.store.tables import journal

log = structlog.get_logger("ivr")

HOUR = 3600
FOLD_SECONDS = 15.0
ROWS = 20_000
"""Journal ids of one transaction."""
_PROGRESS = "ivr.counted"
_DROPPED = "hangup"


@dataclass(slots=True)
class NodeFigures:
    """One node in a span of time. `dropped`: callers who hung up there; `mean_ms`: how long a visit took."""

    node: str
    visits: int = 0
    dropped: int = 0
    ms: int = 0
    results: dict[str, int] = field(default_factory=dict)

    @property
    def drop_off(self) -> float:
        """Share of the visits that ended with the caller hanging up, 0 to 1."""
        return self.dropped / self.visits if self.visits else 0.0

    @property
    def mean_ms(self) -> int:
        return round(self.ms / self.visits) if self.visits else 0


class FlowStatistics:
    """Owned by the loop; `run()` is its task."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folding = asyncio.Lock()

    async def run(self) -> None:
        while True:
            try:
                await self.catch_up()
            except (SQLAlchemyError, OSError) as fault:  # the journal raises the alarm
                log.warning("! flows not counted", error=str(fault))
            await asyncio.sleep(FOLD_SECONDS)

    async def catch_up(self) -> None:
        """Counts everything the journal has."""
        async with self._folding:
            while await self._store.write(fold):
                pass

    async def figures(self, flow: str, since: float, until: float) -> list[NodeFigures]:
        """Per node, most visited first; whole hours that begin in the span."""
        await self.catch_up()
        return await self._store.read(partial(figures, flow=flow, since=since, until=until))


def fold(connection: Connection) -> bool:
    """Counts the next rows of the journal; True when there may be more."""
    last = int(fact(connection, _PROGRESS) or 0)
    newest = int(connection.execute(select(func.max(journal.c.id))).scalar() or 0)
    if newest <= last:
        return False
    upto = min(last + ROWS, newest)
    wanted = (journal.c.id > last) & (journal.c.id <= upto) & (journal.c.type == IvrNode.type)
    rows = connection.execute(select(journal.c.at, journal.c.data).where(wanted))
    sums: dict[tuple[int, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        data = json.loads(row.data)
        entry = sums[int(row.at // HOUR), data["flow"], data["node"], data["result"]]
        entry[0] += 1
        entry[1] += data["ms"]
    for key, (visits, ms) in sums.items():
        _add(connection, key, visits, ms)
    set_fact(connection, _PROGRESS, str(upto))
    return upto < newest


def _add(connection: Connection, key: tuple[int, str, str, str], visits: int, ms: int) -> None:
    hour, flow, node, result = key
    c = counters.c
    wanted = (c.hour == hour) & (c.flow == flow) & (c.node == node) & (c.result == result)
    done = connection.execute(update(counters).where(wanted).values(visits=c.visits + visits, ms=c.ms + ms))
    if not done.rowcount:
        values = {"hour": hour, "flow": flow, "node": node, "result": result, "visits": visits, "ms": ms}
        connection.execute(insert(counters).values(values))


def figures(connection: Connection, flow: str, since: float, until: float) -> list[NodeFigures]:
    rows = connection.execute(
        select(counters).where(counters.c.flow == flow, counters.c.hour >= int(since // HOUR), counters.c.hour * HOUR < until)
    )
    return _gathered(rows)


def _gathered(rows: Iterable[Row[Any]]) -> list[NodeFigures]:
    found: dict[str, NodeFigures] = {}
    for row in rows:
        entry = found.setdefault(row.node, NodeFigures(row.node))
        entry.visits += row.visits
        entry.ms += row.ms
        entry.dropped += row.visits if row.result == _DROPPED else 0
        entry.results[row.result] = entry.results.get(row.result, 0) + row.visits
    return sorted(found.values(), key=lambda entry: (-entry.visits, entry.node))
