"""What watches over the files at night and over the disk by the hour.

Each night every recording's file must be there with its length; what was recorded since the last night, and one in thirty of
the others, is hashed too, so that each file is hashed at least once in 30 nights. Each fault is an alarm of its own.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from json import dumps, loads
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.model.clock import Clock
from softswitch.recordings import questions, wav
from softswitch.recordings.depot import Away, Depot
from softswitch.recordings.keeper import AlarmSink, Keeper
from softswitch.store.database import Store
from softswitch.store.facts import fact, set_fact
from softswitch.store.rows import RecordingRow

log = structlog.get_logger("recordings")

DAY = 86_400.0
HOUR = 3600.0
NIGHT_HOUR = 3
"""Local hour of the check."""
TURNS = 30
"""Nights in which every old file is hashed once."""
MOST_ALARMS = 100
"""Further faults of one night are counted, not raised one by one."""
REST = 3.0
"""Hashing leaves the disk alone for this many times as long as it took."""
WARN_DAYS, CALM_DAYS = 7.0, 8.0
_FACT = "recordings.check"


@dataclass(frozen=True, slots=True)
class Report:
    """What the last check found; `faults` is recording → why."""

    at: float
    files: int = 0
    hashed: int = 0
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Octets and days; `days` None: the disk does not fill up."""

    free: int
    per_day: int
    leaving_per_day: int
    days: float | None


def forecast(free: int, recorded: int, span_days: float, leaving: int) -> Forecast:
    """`recorded` octets came within `span_days`, `leaving` octets will be removed by age within the next 7 days."""
    per_day = int(recorded / max(span_days, 1 / 24))
    leaving_per_day = int(leaving / WARN_DAYS)
    growth = per_day - leaving_per_day
    return Forecast(free, per_day, leaving_per_day, free / growth if growth > 0 else None)


def is_due(now: float, last: float, zone_hour: Callable[[float], int]) -> bool:
    """Once a night; at once when a whole day has passed without one (the switch was down at night)."""
    return now - last >= DAY or (zone_hour(now) == NIGHT_HOUR and now - last >= 2 * HOUR)


def is_hashed(row: RecordingRow, now: float, last: float) -> bool:
    """New since the last check, or its turn has come."""
    return row.started_at >= last - HOUR or zlib.crc32(row.id.encode()) % TURNS == int(now // DAY) % TURNS


class Watch:
    """Owned by the composition root; `run` is its task."""

    def __init__(self, store: Store, keeper: Keeper, clock: Clock, alarms: AlarmSink) -> None:
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._alarms = alarms
        self._faulty: set[str] = set()
        self._checking = asyncio.Lock()
        self.forecast: Forecast | None = None

    async def last(self) -> Report | None:
        """The report of the last check; it outlives a restart."""
        text = await self._store.read(lambda connection: fact(connection, _FACT))
        return Report(**loads(text)) if text else None

    async def run(self) -> None:
        """Looks every hour, until cancelled."""
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as fault:
                log.error("! recordings not checked", error=str(fault))
            await asyncio.sleep(HOUR)

    async def look(self) -> None:
        """The forecast, and the night's check when it is due."""
        await self.measure()
        last = await self.last()
        if last is None:  # a new node: nothing to compare with before its first night
            await self._keep(Report(self._clock.utc()))
        elif is_due(self._clock.utc(), last.at, _local_hour):
            await self.check()

    async def measure(self) -> Forecast:
        """How long the disk lasts at the pace of the last 7 days; alarm below 7."""
        now = self._clock.utc()
        recorded, first, leaving = await self._store.read(
            partial(questions.volume, since=now - 7 * DAY, until=now + WARN_DAYS * DAY)
        )
        found = forecast(await asyncio.to_thread(self._keeper.disk_free), recorded, (now - first) / DAY, leaving)
        self.forecast = found
        if found.days is not None and found.days < WARN_DAYS:
            text = f"The recordings' disk is full in {found.days:.1f} days ({found.free / 2**30:.1f} GiB free)"
            self._alarms.raise_("disk_forecast", "major", text)
        elif found.days is None or found.days >= CALM_DAYS:
            self._alarms.clear("disk_forecast")
        return found

    async def check(self) -> Report:
        """Looks at every file. One check at a time: a second asker gets its own after the first."""
        async with self._checking:
            last = await self.last()
            now = self._clock.utc()
            report = Report(now)
            files = hashed = 0
            place = ""
            while rows := await self._store.read(partial(questions.finished_after, identity=place, limit=500)):
                away = await self._store.read(partial(questions.in_store, identities=[row.id for row in rows]))
                for row in rows:
                    with_hash = is_hashed(row, now, last.at if last else 0.0)
                    if fault := await self._examine(row, with_hash=with_hash, is_away=row.id in away):
                        report.faults[row.id] = fault
                        self._tell(row, fault, len(report.faults))
                    files, hashed = files + 1, hashed + with_hash
                place = rows[-1].id
            report = Report(now, files, hashed, report.faults)
            self._calm(report)
            await self._keep(report)
            log.info("= recordings checked", files=files, hashed=hashed, faults=len(report.faults))
            return report

    async def _examine(self, row: RecordingRow, *, with_hash: bool, is_away: bool) -> str:
        began = self._clock.now()
        if is_away and self._keeper.depot is not None:
            fault = await _fault_away(self._keeper.depot, self._keeper.object_name(row.file), row, with_hash=with_hash)
        else:
            fault = await asyncio.to_thread(_fault, self._keeper, row, with_hash=with_hash)
        if with_hash:
            await asyncio.sleep(min(5.0, REST * (self._clock.now() - began)))
        return fault

    def _tell(self, row: RecordingRow, fault: str, number: int) -> None:
        log.error("! recording damaged", recording=row.id, call=row.call, file=row.file, fault=fault)
        if number <= MOST_ALARMS:
            code = "recording_missing" if fault == "missing" else "recording_damaged"
            self._alarms.raise_(code, "critical", f"Recording of call {row.call}: {fault} ({row.file})", f"recording:{row.id}")
            self._faulty.add(row.id)

    def _calm(self, report: Report) -> None:
        """What is well again, or was removed, alarms nobody any more."""
        for identity in self._faulty - set(report.faults):
            for code in ("recording_missing", "recording_damaged"):
                self._alarms.clear(code, f"recording:{identity}")
        self._faulty &= set(report.faults)
        if len(report.faults) > MOST_ALARMS:
            text = f"{len(report.faults)} recordings are missing or damaged"
            self._alarms.raise_("recordings_faulty", "critical", text)
        else:
            self._alarms.clear("recordings_faulty")

    async def _keep(self, report: Report) -> None:
        text = dumps(asdict(report))
        await self._store.write(lambda connection: set_fact(connection, _FACT, text))


def _fault(keeper: Keeper, row: RecordingRow, *, with_hash: bool) -> str:
    """Why the file is not what it was when the recording ended; "" when it is. Blocks."""
    try:
        path: Path = keeper.whereabouts(row.file)
        size = path.stat().st_size
        if size != row.bytes:
            return f"length {size} instead of {row.bytes}"
        if with_hash and row.sha256 and wav.checksum(path) != row.sha256:
            return "checksum differs"
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as fault:
        return f"not readable: {fault}"
    return ""


async def _fault_away(depot: Depot, name: str, row: RecordingRow, *, with_hash: bool) -> str:
    """The same for a file in the store. A store that is away is no fault of the file; its own alarm tells of it."""
    try:
        size = await depot.size(name)
        if size is None:
            return "missing"
        if size != row.bytes:
            return f"length {size} instead of {row.bytes}"
        if with_hash and row.sha256 and await depot.checksum(name) != row.sha256:
            return "checksum differs"
    except FileNotFoundError:
        return "missing"
    except Away as fault:
        log.warning("! recording not checked", file=name, error=str(fault))
    return ""


def _local_hour(at: float) -> int:
    return datetime.fromtimestamp(at, UTC).astimezone().hour
