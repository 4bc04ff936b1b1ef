"""Black, white and VIP lists of the running switch: kept in memory, written behind, asked for each call."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from softswitch.lists.index import ListIndex
from softswitch.lists.model import Direction, Entry, ListKind
from softswitch.lists.order import Facts, Rule, Verdict, first_rule
from softswitch.lists.tables import add_hits, read_entries, remove_entry, write_entry
from softswitch.model.clock import Clock
from softswitch.model.errors import Forbidden, Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.store.database import Store
from softswitch.store.spool import Spool

HITS_SECONDS = 5.0
"""How often counted hits are written."""
_PATTERN = re.compile(r"\+?[0-9XN()\- ]+\*?|[\w.+#*-]+", re.ASCII)
"""Digits as people write them, with X and N, or one word: `anonymous`, the name of a SIP user, a service code."""


class Lists:
    """Owned by the loop. `load()` before the first question; `run()` writes the hit counts."""

    def __init__(
        self, *, store: Store, spool: Spool, journal: Callable[[Event], None], clock: Clock, token: Callable[[], str]
    ) -> None:
        self._store = store
        self._spool = spool
        self._journal = journal
        self._clock = clock
        self._token = token
        self._entries: dict[str, Entry] = {}
        self._index = ListIndex(())
        self._hits: Counter[str] = Counter()

    async def load(self) -> None:
        """Raises OSError or SQLAlchemyError."""
        self._entries = {entry.id: entry for entry in await self._store.read(read_entries)}
        self._index = ListIndex(self._entries.values())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(HITS_SECONDS)
            if self._hits:
                hits, self._hits = self._hits, Counter()
                self._spool.put(partial(add_hits, hits=dict(hits)))

    # questions

    def judge(self, number: str, direction: Direction) -> Verdict:
        """The first three rules for a number: the caller's inbound, the called one outbound. Changes no hit count."""
        at = self._clock.utc()
        white = self._index.find("white", number, direction, at)
        black = self._index.find("black", number, direction, at)
        return first_rule(Facts(number=number, at=at, white=white, black=black))

    def vip(self, number: str) -> Entry | None:
        """Importance and queue of a caller who is on the VIP list."""
        return self._index.find("vip", number, "in", self._clock.utc())

    def hit(self, entry: Entry) -> None:
        """Counts a call that an entry decided."""
        self._hits[entry.id] += 1
        if entry.id in self._entries:
            self._entries[entry.id] = replace(self._entries[entry.id], hits=self._entries[entry.id].hits + 1)

    def screened(self, number: str, direction: Direction) -> Verdict:
        """`judge`, counted."""
        verdict = self.judge(number, direction)
        if verdict.entry is not None:
            self.hit(verdict.entry)
        return verdict

    # entries

    def entries(self, kind: str = "") -> list[Entry]:
        return [entry for entry in self._entries.values() if kind in ("", entry.kind)]

    def entry(self, entry_id: str) -> Entry:
        """Raises NotFound."""
        found = self._entries.get(entry_id)
        if found is None:
            raise NotFound("there is no such entry")
        return found

    async def add(self, kind: ListKind, values: Mapping[str, Any], actor: str, *, approves: bool) -> Entry:
        """A new entry; by somebody who may not approve it waits for approval. Raises Invalid."""
        entry = Entry(
            id="n" + self._token(), kind=kind, **values, proposer=actor, approver=actor if approves else "",
            approved=approves, created=self._clock.utc(),
        )  # fmt: skip
        return await self._keep(entry, "create", actor)

    async def change(self, entry_id: str, values: Mapping[str, Any], actor: str, *, approves: bool) -> Entry:
        """Changes fields; by somebody who may not approve, that takes the approval back.

        Raises NotFound, Invalid, Forbidden.
        """
        entry = self.entry(entry_id)
        wanted = dict(values)
        approved = wanted.pop("approved", None)
        if approved and not approves:
            raise Forbidden("an entry is approved by a supervisor")
        entry = replace(entry, **wanted)
        if approved is not None:
            entry = replace(entry, approved=approved, approver=actor if approved else "")
        elif wanted:
            entry = replace(entry, approved=approves, approver=actor if approves else "")
        return await self._keep(entry, "change", actor)

    async def remove(self, entry_id: str, actor: str) -> None:
        """Raises NotFound."""
        entry = self.entry(entry_id)
        del self._entries[entry_id]
        self._index = ListIndex(self._entries.values())
        self._audit(entry, "delete", actor)
        await self._spool.write(partial(remove_entry, entry=entry_id))

    async def _keep(self, entry: Entry, action: str, actor: str) -> Entry:
        if not _PATTERN.fullmatch(entry.pattern.strip()):
            raise Invalid("pattern", "expected a number, a prefix such as 0755*, or anonymous")
        if not 0 <= entry.importance <= 100:
            raise Invalid("importance", "expected 0 to 100")
        if entry.kind == "black" and entry.action == "announcement" and not entry.announcement:
            entry = replace(entry, announcement="blocked")
        self._entries[entry.id] = entry
        self._index = ListIndex(self._entries.values())
        self._audit(entry, action, actor)
        await self._spool.write(partial(write_entry, entry=entry))
        return entry

    def _audit(self, entry: Entry, action: str, actor: str) -> None:
        detail = {"kind": entry.kind, "pattern": entry.pattern, "reason": entry.reason}
        self._journal(AdminChanged(object=f"list:{entry.id}", action=action, detail=detail, actor=actor, at=self._clock.utc()))


def refuses(verdict: Verdict) -> Entry | None:
    """The blacklist's entry when the call is to end at once or hear an announcement."""
    entry = verdict.entry
    return entry if verdict.rule is Rule.BLACKLIST and entry is not None and entry.action not in ("ivr", "lowest") else None
