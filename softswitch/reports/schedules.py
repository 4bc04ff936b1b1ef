"""Reports that are mailed: each of its due times once, also when the switch was down at that time.

The mail and the mark that the due time is done are written in one transaction. What fails is tried again until the next due
time. A schedule that is new does not make up for the past.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from softswitch.directory.centre import Schedule
from softswitch.directory.snapshot import Snapshot
from softswitch.mail.service import Attachment, Mailer
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, NotFound, SwitchError
from softswitch.reports.formats import TYPES
from softswitch.reports.model import Query
from softswitch.reports.periods import INTERVALS, midnight, zone_of
from softswitch.reports.service import Reports
from softswitch.store.database import Store
from softswitch.store.facts import fact, set_fact

log = structlog.get_logger("reports")

LOOK_SECONDS = 30.0
RETRY_SECONDS = 300.0
FAULTS = (SwitchError, SQLAlchemyError, OSError, ValueError)


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    reports: Reports
    store: Store
    directory: Callable[[], Snapshot]
    clock: Clock
    mailer: Mailer
    alarms: AlarmSink


class Schedules:
    """`run` is its task."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._retry_at: dict[str, float] = {}
        self._faults: dict[str, str] = {}

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Mails what is due."""
        now = self._parts.clock.utc()
        for schedule in list(self._parts.directory().schedules.values()):
            if now >= self._retry_at.get(schedule.name, 0.0):
                try:
                    await self._look_at(schedule, now)
                except FAULTS as error:
                    self._failed(schedule, error, now)

    async def _look_at(self, schedule: Schedule, now: float) -> None:
        due = last_due(schedule, now)
        done = await self._parts.store.read(lambda connection: fact(connection, _fact(schedule.name)))
        if done is not None and float(done) >= due:
            return
        queued = await self._mail(schedule, due) if done is not None else None

        def write(connection: Connection) -> None:
            if queued is not None:
                queued(connection)
            set_fact(connection, _fact(schedule.name), repr(due))

        await self._parts.store.write(write)
        if queued is not None:
            log.info("= report mailed", schedule=schedule.name, report=schedule.report)
        self._retry_at.pop(schedule.name, None)
        if self._faults.pop(schedule.name, None) is not None:
            self._parts.alarms.clear("report_not_sent", schedule.name)

    def _failed(self, schedule: Schedule, error: Exception, now: float) -> None:
        log.error("! report not mailed", schedule=schedule.name, error=str(error))
        self._retry_at[schedule.name] = now + RETRY_SECONDS
        self._faults[schedule.name] = str(error)
        self._parts.alarms.raise_("report_not_sent", "minor", f"A scheduled report cannot be mailed: {error}", schedule.name)

    async def send_now(self, name: str) -> None:
        """Beside its times. Raises NotFound, Conflict when no mail server is set up, Invalid, OSError."""
        schedule = self._parts.directory().schedules.get(name)
        if schedule is None:
            raise NotFound(f"there is no schedule {name}")
        await self._parts.store.write(await self._mail(schedule, last_due(schedule, self._parts.clock.utc())))

    async def _mail(self, schedule: Schedule, due: float) -> Callable[[Connection], None]:
        """The report as a mail, to be queued in a transaction."""
        mailer = self._parts.mailer
        if not mailer.configured:
            raise Conflict("No mail server is set up (mail.server)")
        query = query_of(schedule, due)
        path = await self._parts.reports.export(schedule.report, query, schedule.format)
        try:
            content = await asyncio.to_thread(path.read_bytes)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        title = self._parts.reports.named(schedule.report).title.say(query.language)
        since, until = (datetime.fromtimestamp(at, zone_of(schedule.zone)) for at in (query.since, query.until - 1))
        span = f"{since:%Y-%m-%d}" if since.date() == until.date() else f"{since:%Y-%m-%d} – {until:%Y-%m-%d}"
        name = f"{schedule.report}-{since:%Y%m%d}.{schedule.format}"
        attachment = Attachment(name, TYPES[schedule.format].partition(";")[0], content)
        texts = f"{title} {span}", f"{title}\n{span}\n"
        return await asyncio.to_thread(mailer.queued, list(schedule.mail), *texts, attachments=[attachment])

    async def all(self) -> list[Mapping[str, Any]]:
        """For the page: {name, report, every, at, zone, format, mail, next, last, fault}; times as epoch seconds."""
        schedules = list(self._parts.directory().schedules.values())

        def marks(connection: Connection) -> dict[str, str | None]:
            return {schedule.name: fact(connection, _fact(schedule.name)) for schedule in schedules}

        done, now = await self._parts.store.read(marks), self._parts.clock.utc()
        return [
            {"name": s.name, "report": s.report, "every": s.every, "at": s.at, "zone": s.zone, "format": s.format,
             "mail": list(s.mail), "next": next_due(s, now), "last": float(done[s.name] or 0) or None,
             "fault": self._faults.get(s.name, "")}
            for s in schedules
        ]  # fmt: skip


def _fact(name: str) -> str:
    return f"schedule.{name}"


def last_due(schedule: Schedule, now: float) -> float:
    """The newest due time that is not in the future."""
    days = 0
    while (at := _due_on(schedule, now, days)) is None or at > now:
        days -= 1
    return at


def next_due(schedule: Schedule, now: float) -> float:
    days = 0
    while (at := _due_on(schedule, now, days)) is None or at <= now:
        days += 1
    return at


def _due_on(schedule: Schedule, now: float, days: int) -> float | None:
    """The due time on the local day so many days from `now`'s, None when there is none: weeks begin on Monday."""
    zone = zone_of(schedule.zone)
    day = datetime.fromtimestamp(now, zone).date() + timedelta(days=days)
    if (schedule.every == "week" and day.weekday() != 0) or (schedule.every == "month" and day.day != 1):
        return None
    hour, _, minute = schedule.at.partition(":")
    return datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=zone).timestamp()


def query_of(schedule: Schedule, due: float) -> Query:
    """The whole day, week or month before the due time. Raises ValueError for parameters that no report has."""
    zone = zone_of(schedule.zone)
    until = midnight(due, zone)
    if schedule.every == "month":
        first = datetime.fromtimestamp(until - 1, zone).replace(day=1)
        since = datetime(first.year, first.month, 1, tzinfo=zone).timestamp()
    else:
        since = midnight(until - 1, zone, days=-6 if schedule.every == "week" else 0)
    values = dict(schedule.parameters)
    interval, language = values.pop("interval", ""), values.pop("language", "zh-CN")
    if interval not in INTERVALS:
        raise ValueError(f"schedule {schedule.name}: there is no interval {interval!r}")
    lists = {"queue": "queues", "agent": "agents", "trunk": "trunks", "flow": "flows"}
    unknown = values.keys() - lists.keys() - {"by_channel", "direction", "number", "result"}
    if unknown:
        raise ValueError(f"schedule {schedule.name}: reports have no parameter {' '.join(sorted(unknown))}")
    several: dict[str, Any] = {lists[name]: tuple(text.split(",")) for name, text in values.items() if name in lists}
    single: dict[str, Any] = {name: values[name] for name in ("direction", "number", "result") if name in values}
    return Query(
        since=since, until=until, zone=schedule.zone, interval=interval,  # type: ignore[arg-type]
        language="en" if language == "en" else "zh-CN", by_channel=values.get("by_channel") == "true", **several, **single,
    )  # fmt: skip
