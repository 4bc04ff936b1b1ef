"""Moves finished recordings into the store. While it is away they stay on this machine, and an alarm says so."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.model.clock import Clock
from softswitch.recordings import questions
from softswitch.recordings.depot import Away, Depot
from softswitch.recordings.keeper import AlarmSink, Keeper
from softswitch.recordings.sound import MANIFEST
from softswitch.store.database import Store
from softswitch.store.rows import RecordingRow

log = structlog.get_logger("recordings")

PAUSE = 10.0
"""Between two looks for what is finished; doubled with each failure."""
LONGEST_PAUSE = 300.0
AT_ONCE = 4
ALARM = "recording_store_away"


class Mover:
    """Owned by the composition root; `run` is its task. Needs a keeper with a depot."""

    def __init__(self, store: Store, keeper: Keeper, depot: Depot, clock: Clock, alarms: AlarmSink) -> None:
        self._store = store
        self._keeper = keeper
        self._depot = depot
        self._clock = clock
        self._alarms = alarms
        self._lost: set[str] = set()
        """Recordings without a file here: the nightly check tells of them."""

    async def run(self) -> None:
        """Moves what is finished, until cancelled."""
        pause = PAUSE
        while True:
            try:
                await self.move()
                pause = PAUSE
                self._alarms.clear(ALARM)
            except (Away, OSError, SQLAlchemyError) as fault:
                pause = min(2 * pause, LONGEST_PAUSE)
                log.error("! recordings not moved", store=self._depot.name, error=str(fault))
                text = f"Recordings stay on this machine, {self._depot.name} does not take them: {fault}"
                self._alarms.raise_(ALARM, "major", text)
            await asyncio.sleep(pause)

    async def move(self) -> int:
        """Moves everything that is finished; how many. Raises Away, OSError at the first that cannot be moved."""
        count = 0
        while True:
            rows = await self._store.read(partial(questions.to_move, limit=AT_ONCE + len(self._lost)))
            rows = [row for row in rows if row.id not in self._lost][:AT_ONCE]
            if not rows:
                return count
            done = await asyncio.gather(*(self._move(row) for row in rows), return_exceptions=True)
            for outcome in done:
                if isinstance(outcome, BaseException):
                    raise outcome
            count += sum(map(bool, done))

    async def _move(self, row: RecordingRow) -> bool:
        """The file and what was noted beside it; gone from here only when the store has it and the row says so."""
        path, name = self._keeper.whereabouts(row.file), self._keeper.object_name(row.file)
        if not path.is_file():
            self._lost.add(row.id)
            return False
        manifest = path.with_name(path.name + MANIFEST)
        await self._depot.put(name, path)
        if manifest.is_file():
            await self._depot.put(name + MANIFEST, manifest)
        if (size := await self._depot.size(name)) != row.bytes:
            raise Away(f"{name} has {size} octets there instead of {row.bytes}")
        if await self._store.write(partial(questions.moved, identity=row.id, at=self._clock.utc())):
            await asyncio.to_thread(self._keeper.unlink, row.file)
            return True
        await self._depot.delete(name)  # it was removed meanwhile
        await self._depot.delete(name + MANIFEST)
        return False
