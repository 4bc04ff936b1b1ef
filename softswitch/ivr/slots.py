"""Emergency announcements: recorded words put on the air at the slots of flows, always with an end (call-centre.md §8)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from media.prepare import BadSound, Preparer
from softswitch.ivr.desk import Announcement
from softswitch.ivr.tables import announcements
from softswitch.model.clock import Clock
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.store.database import Store
from softswitch.store.spool import Spool

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
LONGEST_SOUND = 120
"""Seconds of one announcement."""
LONGEST = 31 * 86_400.0
"""Seconds that an announcement may be on the air."""


class Studio:
    """Sounds of announcements among the operator's own prompts: `announcement-SLOT` in each language."""

    def __init__(self, prompts: Path, forget: Callable[[str, str], None], preparer: Preparer) -> None:
        self._prompts = prompts
        self._forget = forget
        self._preparer = preparer

    async def keep(self, slot: str, language: str, audio: bytes) -> str:
        """Raises Invalid for names that cannot be files, and for what is no sound of at most two minutes."""
        for field, text in (("slot", slot), ("language", language)):
            if not _PLAIN.fullmatch(text):
                raise Invalid(field, "expected letters, digits, - and _")
        name = f"announcement-{slot}"
        try:
            await self._preparer.keep(audio, self._prompts / language / f"{name}.wav", LONGEST_SOUND * 1000)
        except BadSound as fault:
            raise Invalid("audio", f"{fault.word}: {fault}") from fault
        self._forget(name, language)
        return name


@dataclass(frozen=True, slots=True)
class OnAir:
    """An announcement, who put it there, and how many heard it (`left`: hung up while it played)."""

    what: Announcement
    by: str
    at: float
    heard: int = 0
    left: int = 0


class AnnouncementBook:
    """`desk.Slots`; kept in memory, written behind."""

    def __init__(self, store: Store, spool: Spool, clock: Clock, journal: Callable[[Event], None], studio: Studio) -> None:
        self._studio = studio
        self._store = store
        self._spool = spool
        self._clock = clock
        self._journal = journal
        self._slots: dict[str, OnAir] = {}

    async def load(self) -> None:
        self._slots = {entry.what.slot: entry for entry in await self._store.read(_read)}

    def on_air(self, slot: str) -> Announcement | None:
        found = self._slots.get(slot)
        return found.what if found is not None and self._clock.utc() < found.what.until else None

    def all(self) -> list[OnAir]:
        """Those whose time is over too, with their figures, until they are replaced or removed."""
        return list(self._slots.values())

    def heard(self, slot: str, *, left: bool) -> None:
        if slot in self._slots:
            entry = self._slots[slot]
            self._put(replace(entry, heard=entry.heard + 1, left=entry.left + left))

    def set(self, slot: str, prompts: Sequence[str], until: float, called: Sequence[str], actor: str) -> OnAir:
        """From the next caller on. Raises Invalid."""
        now = self._clock.utc()
        if not prompts:
            raise Invalid("prompts", "expected at least one prompt")
        if not now < until <= now + LONGEST:
            raise Invalid("until", "expected a time within the next 31 days")
        entry = OnAir(Announcement(slot, tuple(prompts), until, tuple(called)), actor, now)
        self._put(entry)
        self._audit(slot, "put", actor)
        return entry

    async def record(self, slot: str, language: str, audio: bytes, actor: str) -> str:
        """Keeps a sound for a slot; returns the name of the prompt that it is from now on. Raises Invalid."""
        name = await self._studio.keep(slot, language, audio)
        self._audit(slot, "record", actor)
        return name

    def remove(self, slot: str, actor: str) -> None:
        """Raises NotFound."""
        if self._slots.pop(slot, None) is None:
            raise NotFound("nothing is on the air there")
        self._spool.put(partial(_remove, slot=slot))
        self._audit(slot, "delete", actor)

    def _put(self, entry: OnAir) -> None:
        self._slots[entry.what.slot] = entry
        self._spool.put(partial(_write, entry=entry))

    def _audit(self, slot: str, action: str, actor: str) -> None:
        self._journal(AdminChanged(object=f"announcement:{slot}", action=action, actor=actor, at=self._clock.utc()))


def _read(connection: Connection) -> list[OnAir]:
    return [
        OnAir(
            Announcement(row.slot, tuple(json.loads(row.prompts)), row.until, tuple(json.loads(row.called))),
            row.by, row.at, row.heard, row.left,
        )
        for row in connection.execute(select(announcements))
    ]  # fmt: skip


def _remove(connection: Connection, slot: str) -> None:
    connection.execute(delete(announcements).where(announcements.c.slot == slot))


def _write(connection: Connection, entry: OnAir) -> None:
    _remove(connection, entry.what.slot)
    connection.execute(
        insert(announcements).values(
            slot=entry.what.slot, prompts=json.dumps(entry.what.prompts), called=json.dumps(entry.what.called),
            until=entry.what.until, by=entry.by, at=entry.at, heard=entry.heard, left=entry.left,
        )
    )  # fmt: skip
