"""Writes that must not be lost and that nobody can wait for: kept in order and tried again until the database takes them.

For state that lives in memory and is only kept in the database (callbacks, lists, days of calendars, switches of queues).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from softswitch.store.database import Store, is_refusal
from softswitch.store.journal import RETRY_SECONDS

log = structlog.get_logger("spool")
Write = Callable[[Connection], object]

PATIENCE = 2.0
"""Seconds that `write` waits for the commit; after that the caller goes on and the write stays in the spool."""


@dataclass(slots=True)
class _Entry:
    work: Write
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Spool:
    """Owned by the loop. `run()` is its task; a write that the database calls wrong is dropped with a log line."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Entry] = deque()
        self._wake = asyncio.Event()

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def put(self, work: Write) -> asyncio.Future[None]:
        """Takes a write; the future is done once it is committed. One transaction each, in order."""
        entry = _Entry(work)
        self._waiting.append(entry)
        self._wake.set()
        return entry.done

    async def write(self, work: Write) -> None:
        """The same, and waits for the commit while the database answers."""
        await asyncio.wait([self.put(work)], timeout=PATIENCE)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._commit(self._waiting[0])
                self._waiting.popleft()

    async def flush(self) -> None:
        """Returns when everything taken so far is committed."""
        if self._waiting:
            await asyncio.wait([self._waiting[-1].done])

    async def close(self) -> None:
        """The switch goes down and `run` is over: what is left gets one more try each."""
        while self._waiting:
            entry = self._waiting.popleft()
            try:
                await self._store.write(entry.work)
            except (SQLAlchemyError, OSError) as fault:
                log.error("! write lost", error=str(fault))

    async def _commit(self, entry: _Entry) -> None:
        attempt = 0
        while True:
            try:
                await self._store.write(entry.work)
                break
            except (SQLAlchemyError, OSError, ValueError) as fault:
                if is_refusal(fault):
                    log.error("! write refused by the database", error=str(fault))
                    break
                delay = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                log.warning("! write waits for the database", error=str(fault), pending=len(self._waiting), again_in=delay)
                attempt += 1
                await asyncio.sleep(delay)
        if not entry.done.done():
            entry.done.set_result(None)
