"""Reports of the running switch: made beside calls, never in their way."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import Forbidden, NotFound
from softswitch.reports.catalogue import REPORTS
from softswitch.reports.catalogue.traffic import call_row, listed
from softswitch.reports.figures import Values
from softswitch.reports.formats import WRITERS, Document
from softswitch.reports.model import Asking, Context, Query, Report, Table
from softswitch.reports.periods import zone_of
from softswitch.reports.targets import targets_of
from softswitch.store.database import Store

T = TypeVar("T")
FOR_ALL = frozenset({"queue", "agent"})
"""Parameters by which a report can be limited to what somebody may see."""
HOUR = 3600.0


class Hours(Protocol):
    """softswitch.calendar.service.Calendars"""

    def state(self, name: str, at: float | None = None) -> State: ...


class State(Protocol):
    @property
    def open(self) -> bool: ...

    @property
    def until(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What somebody may see. None: everything."""

    agents: frozenset[str] | None = None
    queues: frozenset[str] | None = None
    restricted: bool = True
    """Reports of the operation itself too."""


EVERYTHING = Sight()


class Reports:
    """`channels(trunk)` are the channels that a trunk has, 0 for no limit. `hours` are the opening hours, if there are any.

    `settled()` returns when everything that has happened is stored: a report counts what was seen before it was asked for, also
    the agent who signed out a moment ago.
    """

    def __init__(
        self, store: Store, directory: Callable[[], Snapshot], clock: Clock, *,
        channels: Callable[[str], int] = lambda _trunk: 0, hours: Hours | None = None,
        settled: Callable[[], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._directory = directory
        self._clock = clock
        self._channels = channels
        self._hours = hours
        self._settled = settled

    def named(self, report: str) -> Report:
        """Raises NotFound."""
        try:
            return REPORTS[report]
        except KeyError:
            raise NotFound(f"there is no report {report}") from None

    def visible(self, sight: Sight) -> list[Report]:
        return [report for report in REPORTS.values() if _may_see(report, sight)]

    async def make(self, report: str, query: Query, sight: Sight = EVERYTHING) -> tuple[Report, Table]:
        """Raises NotFound, Forbidden, Invalid."""
        found, asked, context = self._prepared(report, query, sight)
        if asked is None:
            return found, Table([])
        return found, await self._study(lambda connection: found.make(Asking(connection, asked, context)))

    async def export(self, report: str, query: Query, format: str, sight: Sight = EVERYTHING) -> Path:
        """Writes a file, which the caller removes. Raises NotFound, Forbidden, Invalid, OSError."""
        found, asked, context = self._prepared(report, query, sight)
        with tempfile.NamedTemporaryFile(prefix=f"{report}-", suffix=f".{format}", delete=False) as file:
            path = Path(file.name)

        def write(connection: Connection) -> None:
            asking = Asking(connection, asked or query, context)
            WRITERS[format](_document(found, asking, format, empty=asked is None), path)

        try:
            await self._study(write)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        return path

    async def _study(self, work: Callable[[Connection], T]) -> T:
        if self._settled is not None:
            await self._settled()
        return await self._store.study(work)

    def _prepared(self, report: str, query: Query, sight: Sight) -> tuple[Report, Query | None, Context]:
        """The query is None when there is nothing that may be seen."""
        found = self.named(report)
        if not _may_see(found, sight):
            raise Forbidden(f"the report {report} is for those who may see everything")
        return found, _limited(found, query, sight), self.context()

    def context(self) -> Context:
        snapshot = self._directory()
        return Context(
            now=self._clock.utc(), targets=targets_of(self._directory), names=_names(snapshot),
            teams={login: agent.team for login, agent in snapshot.agents.items()}, channels=self._channels,
            open_seconds=self._open_seconds,
        )  # fmt: skip

    def _open_seconds(self, queue: str, since: float, until: float) -> float:
        found = self._directory().queues.get(queue)
        if found is None or not found.calendar or self._hours is None:
            return until - since
        total, at = 0.0, since
        while at < until:
            state = self._hours.state(found.calendar, at)
            end = min(until, state.until if state.until is not None and state.until > at else until)
            total += end - at if state.open else 0.0
            at = end
        return total


def _names(snapshot: Snapshot) -> Mapping[str, str]:
    return {
        **{f"agent:{login}": agent.name or login for login, agent in snapshot.agents.items()},
        **{f"queue:{name}": queue.title or name for name, queue in snapshot.queues.items()},
        **{f"team:{name}": team.title or name for name, team in snapshot.teams.items()},
        **{f"reason:{code}": reason.title or code for code, reason in snapshot.reasons.items()},
        **{f"disposition:{code}": entry.title or code for code, entry in snapshot.dispositions.items()},
    }  # fmt: skip


def _may_see(report: Report, sight: Sight) -> bool:
    if report.restricted and not sight.restricted:
        return False
    limited = sight.agents is not None or sight.queues is not None
    return not limited or bool(FOR_ALL & set(report.parameters))


def _limited(report: Report, query: Query, sight: Sight) -> Query | None:
    """The query within what may be seen: by agents where the report is of agents, else by queues."""
    by_agent = "agent" in report.parameters
    allowed, asked = (sight.agents, query.agents) if by_agent else (sight.queues, query.queues)
    if allowed is None:
        return query
    values = tuple(sorted(allowed & set(asked) if asked else allowed))
    if not values:
        return None
    return replace(query, agents=values) if by_agent else replace(query, queues=values)


def _document(report: Report, asking: Asking, format: str, *, empty: bool) -> Document:
    query, lazy = asking.query, report.id == "calls" and format != "pdf"
    table = Table([]) if empty or lazy else report.make(asking)
    rows: Iterator[Values] = (row.values for row in table.rows)
    if lazy and not empty:
        rows = (call_row(row, asking).values for row in listed(asking.connection, query))
    filters = {"queue": query.queues, "agent": query.agents, "trunk": query.trunks, "flow": query.flows}
    return Document(
        report=report, language=query.language, zone=zone_of(query.zone), since=query.since, until=query.until,
        made_at=asking.context.now, rows=rows, totals=table.totals, periods=table.periods, series=table.series,
        filters=" · ".join(f"{name}: {', '.join(values)}" for name, values in filters.items() if values),
    )  # fmt: skip
