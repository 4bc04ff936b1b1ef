"""Versions of flows: drafts, publishing, rolling back. The directory holds the published version, this table all of them.

An apply file that changes a flow publishes a version like anybody else: `follow` writes down what the directory has.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from softswitch.directory.model import Flow as DirectoryFlow
from softswitch.directory.model import FlowFault, Kind
from softswitch.directory.service import Directory
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.store import Action, Change
from softswitch.ivr.flow import validate_flow
from softswitch.ivr.tables import versions
from softswitch.model.clock import Clock
from softswitch.model.errors import NotFound, SwitchError
from softswitch.prompts import LANGUAGES
from softswitch.store.database import Store

log = structlog.get_logger("ivr")
APPLIED = "apply"
"""Who made a version that came with an apply file: the audit log has the name."""


class FaultyFlow(SwitchError):
    """The tree has mistakes; `faults` names each with its path."""

    code = "faulty_flow"

    def __init__(self, faults: list[FlowFault]) -> None:
        super().__init__(faults[0].text)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Version:
    name: str
    version: int
    tree: Mapping[str, Any] = field(repr=False)
    at: float
    by: str
    note: str = ""
    published: float = 0.0


def plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A tree in the one form in which it is kept: what the directory's flow has, numbered nodes as texts."""
    return {
        "name": str(tree.get("name", "")),
        "languages": list(tree.get("languages", LANGUAGES)),
        "start": str(tree.get("start", "")),
        "nodes": {str(name): node for name, node in tree.get("nodes", {}).items()},
    }


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return json.dumps(plain(one), sort_keys=True) == json.dumps(plain(other), sort_keys=True)


class FlowVersions:
    """Owned by the loop. `open()` before use; then it follows the directory."""

    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self.on_publish: Callable[[Mapping[str, Any]], object] = lambda _tree: None
        """Told of the tree that new calls get."""
        self._store = store
        self._directory = directory
        self._clock = clock
        self._writing = asyncio.Lock()
        self._changed = asyncio.Event()

    async def open(self) -> None:
        await self._follow(self._directory.current())
        self._directory.on_change(lambda _snapshot: self._changed.set())

    async def run(self) -> None:
        """Task: writes down versions that come with changes of the directory."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._follow(self._directory.current())
            except (SQLAlchemyError, OSError) as fault:  # the journal raises the alarm
                log.warning("! versions of flows not written", error=str(fault))
                await asyncio.sleep(5.0)
                self._changed.set()

    # questions

    async def newest(self) -> dict[str, int]:
        """The newest version of every flow, by name."""
        found = await self._store.read(
            lambda db: db.execute(select(versions.c.name, func.max(versions.c.version)).group_by(versions.c.name)).all()
        )
        return dict(sorted((str(name), int(number)) for name, number in found))

    async def versions(self, name: str) -> list[Version]:
        """Newest first. Raises NotFound when there is no such flow."""
        found = await self._store.read(partial(_versions_of, name=name))
        if not found:
            raise NotFound(f"there is no flow {name}")
        return found

    async def version(self, name: str, number: int) -> Version:
        """Raises NotFound."""
        found = await self._store.read(partial(_version, name=name, number=number))
        if found is None:
            raise NotFound(f"flow {name} has no version {number}")
        return found

    def published(self, name: str) -> int:
        """The version that new calls get; 0 when none is published."""
        found = self._directory.current().flows.get(name)
        return found.version if found else 0

    # changes

    async def save(self, name: str, tree: Mapping[str, Any], by: str, note: str = "") -> Version:
        """A new version that nobody hears yet. Raises FaultyFlow."""
        self._checked(name, tree)
        async with self._writing:
            return await self._insert(name, plain({**tree, "name": name}), by, note)

    async def publish(self, name: str, number: int, by: str) -> Version:
        """New calls get this version, an older one too; calls in the flow keep theirs. Raises NotFound, FaultyFlow."""
        async with self._writing:
            found = await self.version(name, number)
            self._checked(name, found.tree)
            now = self._directory.current().flows.get(name)
            if now is None or now.version != number or not _same(now.tree(), found.tree):
                await self._directory.change([_change(found, exists=now is not None)], by)
            await self._store.write(partial(_note_published, name=name, number=number, at=self._clock.utc()))
            self.on_publish(found.tree)
        return await self.version(name, number)

    def _checked(self, name: str, tree: Mapping[str, Any]) -> None:
        faults = validate_flow({**tree, "name": name}, self._directory.current())
        if faults:
            raise FaultyFlow(faults)

    async def _insert(self, name: str, tree: Mapping[str, Any], by: str, note: str, least: int = 1) -> Version:
        return await self._store.write(
            partial(_insert, name=name, tree=tree, by=by, note=note, at=self._clock.utc(), least=least)
        )

    async def _follow(self, snapshot: Snapshot) -> None:
        """Each flow of the directory is one of the versions; a number that a draft has already is replaced by the next."""
        async with self._writing:
            for name, flow in snapshot.flows.items():
                tree = plain(flow.tree())
                known = await self._store.read(partial(_version, name=name, number=flow.version))
                if known is None or not _same(known.tree, tree):
                    known = await self._insert(name, tree, APPLIED, "", least=flow.version)
                if known.version != flow.version:
                    await self._directory.change([_change(known, exists=True)], APPLIED)
                if not known.published:
                    at = self._clock.utc()
                    await self._store.write(partial(_note_published, name=name, number=known.version, at=at))


def _change(version: Version, *, exists: bool) -> Change:
    tree = version.tree
    item = DirectoryFlow(
        name=version.name, languages=tuple(tree["languages"]), start=tree["start"], nodes=tree["nodes"], version=version.version
    )
    fields = ("languages", "start", "nodes") if exists else ()
    return Change(Action.UPDATE if exists else Action.CREATE, Kind.FLOW, version.name, item, fields)


def _row(row: Row[Any]) -> Version:
    return Version(row.name, row.version, json.loads(row.tree), row.at, row.by, row.note, row.published)


def _versions_of(connection: Connection, name: str) -> list[Version]:
    rows = connection.execute(select(versions).where(versions.c.name == name).order_by(versions.c.version.desc()))
    return [_row(row) for row in rows]


def _version(connection: Connection, name: str, number: int) -> Version | None:
    row = connection.execute(select(versions).where(versions.c.name == name, versions.c.version == number)).first()
    return _row(row) if row else None


def _insert(connection: Connection, name: str, tree: Mapping[str, Any], by: str, note: str, at: float, least: int) -> Version:
    newest = connection.execute(select(func.max(versions.c.version)).where(versions.c.name == name)).scalar() or 0
    number = max(newest + 1, least)
    text = json.dumps(tree, ensure_ascii=False, sort_keys=False)
    connection.execute(insert(versions).values(name=name, version=number, tree=text, at=at, by=by, note=note, published=0.0))
    return Version(name, number, tree, at, by, note)


def _note_published(connection: Connection, name: str, number: int, at: float) -> None:
    wanted = (versions.c.name == name) & (versions.c.version == number)
    connection.execute(update(versions).where(wanted).values(published=at))
