"""The audit for people: who did what, and whether the trail is as it was written.

Every day the head of the chain is noted outside of the database: in the log and in `data_dir/audit-anchors`. Whoever rewrites
the trail in the database cannot make it fit them; keep a copy of either elsewhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import SQLAlchemyError

from softswitch.model.clock import Clock
from softswitch.model.events import Event
from softswitch.store.database import Store
from softswitch.store.rows import event_of
from softswitch.store.tables import audit
from softswitch.store.trail import Head, Verdict, head_of, verify

log = structlog.get_logger("audit")
ANCHORS = "audit-anchors"
ANCHOR_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Empty fields do not filter. Times are UTC epoch seconds; `object` may end with `:` for a kind (`queue:`)."""

    since: float | None = None
    until: float | None = None
    actor: str = ""
    object: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    hash: str
    actor: str
    object: str
    event: Event


class Audit:
    """Stateless over store and anchor file."""

    def __init__(self, store: Store, clock: Clock, data_dir: Path) -> None:
        self._store = store
        self._clock = clock
        self._file = data_dir / ANCHORS

    async def page(self, wanted: AuditFilter, *, limit: int = 50, before: int = 0) -> tuple[list[Entry], int]:
        """Entries newest first, from those with a number below `before`; and where the next page begins, 0 when nowhere."""
        rows = await self._store.read(lambda connection: _page(connection, wanted, limit + 1, before))
        entries = [Entry(row.id, row.hash, row.actor, row.object, event_of(row)) for row in rows[:limit]]
        return entries, entries[-1].number if len(rows) > limit else 0

    async def verify(self) -> Verdict:
        """Walks the whole trail; a million rows take some ten seconds of a reader's thread."""
        anchors = await asyncio.to_thread(read_anchors, self._file)
        return await self._store.read(lambda connection: verify(connection, anchors))

    async def anchor(self) -> Head:
        """Notes the head outside of the database. Raises OSError."""
        head = await self._store.read(head_of)
        if head.number:
            await asyncio.to_thread(_note, self._file, self._clock.utc(), head)
            log.info("= audit anchor", number=head.number, hash=head.hash)
        return head

    async def keep_anchoring(self, failed: Callable[[str], None] = lambda _: None) -> None:
        """Task: once at the start and every day. What goes wrong is told and tried again an hour later."""
        while True:
            try:
                await self.anchor()
                await asyncio.sleep(ANCHOR_SECONDS)
            except (OSError, SQLAlchemyError) as error:
                log.error("! audit anchor", error=str(error))
                failed(str(error))
                await asyncio.sleep(3600)


def _page(connection: Connection, wanted: AuditFilter, limit: int, before: int) -> list[Row[Any]]:
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before:
        query = query.where(audit.c.id < before)
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.at < wanted.until)
    if wanted.actor:
        query = query.where(audit.c.actor == wanted.actor)
    if wanted.object.endswith(":"):
        query = query.where(audit.c.object.startswith(wanted.object, autoescape=True))
    elif wanted.object:
        query = query.where(audit.c.object == wanted.object)
    if wanted.type:
        query = query.where(audit.c.type == wanted.type)
    return list(connection.execute(query).all())


def read_anchors(file: Path) -> Mapping[int, str]:
    """Number → hash. Raises OSError, but not when nothing was noted yet."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found: dict[int, str] = {}
    for line in lines:
        _, _, written = line.partition(" ")
        number, _, digest = written.partition(":")
        if number.isdecimal():
            found.setdefault(int(number), digest)  # the first that was noted counts
    return found


def _note(file: Path, at: float, head: Head) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{at:.0f} {head}\n")
        stream.flush()
        os.fsync(stream.fileno())
