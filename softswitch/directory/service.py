"""The directory of the running switch: the newest snapshot, changes in one transaction, and who is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.directory.apply import ApplyFile, Plan
from softswitch.directory.model import Kind, Object
from softswitch.directory.secrets import Cipher
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.store import Change, read_snapshot, read_version, write_changes
from softswitch.directory.tables import SCHEMA
from softswitch.model.clock import Clock
from softswitch.model.events import AdminChanged, Event
from softswitch.store.commit import append_audited
from softswitch.store.database import Store

__all__ = ["SCHEMA", "Directory"]
log = structlog.get_logger("directory")
FOLLOW_SECONDS = 1.0
Subscriber = Callable[[Snapshot], None]


def _nobody(_event: Event) -> None:
    """For commands that have no bus; the audit rows are written all the same."""


class Directory:
    """Owned by the loop. `current()` is one value that never changes; a change makes a new one and calls the subscribers."""

    def __init__(
        self, store: Store, clock: Clock, cipher: Cipher, publish: Callable[[Event], None], snapshot: Snapshot
    ) -> None:
        self.store = store
        self._clock = clock
        self.cipher = cipher
        self._publish = publish
        self._snapshot = snapshot
        self._subscribers: tuple[Subscriber, ...] = ()

    @classmethod
    async def open(cls, store: Store, clock: Clock, data_dir: Path, publish: Callable[[Event], None] = _nobody) -> Directory:
        """Loads the directory. `store` was opened with `schemas=(directory.service.SCHEMA,)`.

        `publish` is the bus (the audit rows are written in the change's own transaction, not through the journal).
        Raises ValueError when the key file does not fit the database, OSError when it cannot be made.
        """
        cipher = await asyncio.to_thread(Cipher.of, data_dir)
        return cls(store, clock, cipher, publish, await store.read(lambda connection: read_snapshot(connection, cipher)))

    def current(self) -> Snapshot:
        return self._snapshot

    def on_change(self, subscriber: Subscriber) -> Callable[[], None]:
        """Calls `subscriber` with each new snapshot. Returns the function that ends it."""
        self._subscribers = (*self._subscribers, subscriber)

        def end() -> None:
            self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)

        return end

    async def apply(self, file: ApplyFile, plan: Plan, actor: str) -> dict[str, str]:
        """Carries out a plan in one transaction. Returns the secrets that were generated, label → secret, to be shown once.

        Raises Conflict when the directory changed after the plan was made.
        """
        await self.change(plan.changes, actor, based_on=plan.based_on)
        return dict(file.generated)

    async def change(self, changes: Sequence[Change], actor: str, based_on: int | None = None) -> None:
        """Makes changes with their audit trail. `based_on` None: on whatever is newest."""
        if not changes:
            return
        events = [change.audited(actor, self._clock.utc()) for change in changes]
        version = await self.store.write(
            lambda c: write_changes(c, changes, events, self.cipher, read_version(c) if based_on is None else based_on)
        )
        if version == self._snapshot.version + 1:
            self._take(self._snapshot.changed(*_sorted(changes), version))
        else:  # another process changed it in between
            await self.reload()
        for event in events:
            self._publish(event)

    async def note(self, events: Sequence[AdminChanged]) -> None:
        """Audits acts that change no object: invitations, ended sessions, exports."""
        await self.store.write(lambda c: append_audited(c, events))
        for event in events:
            self._publish(event)

    async def reload(self) -> Snapshot:
        """Reads the newest state; tells the subscribers when it is newer."""
        snapshot = await self.store.read(lambda connection: read_snapshot(connection, self.cipher))
        self._take(snapshot)
        return self._snapshot

    def _take(self, snapshot: Snapshot) -> None:
        if snapshot.version > self._snapshot.version:
            self._snapshot = snapshot
            log.info("= directory", version=snapshot.version)
            for subscriber in self._subscribers:
                subscriber(snapshot)

    async def follow(self) -> None:
        """Task: takes over what other processes change (`softswitch apply`, `user`, `token`) within about a second."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                if await self.store.read(read_version) > self._snapshot.version:
                    await self.reload()
            except (SQLAlchemyError, OSError) as error:  # the journal raises the alarm; here it is enough to try again
                log.warning("! directory not readable", error=str(error))


def _sorted(changes: Sequence[Change]) -> tuple[list[tuple[Kind, Object]], list[tuple[Kind, str]]]:
    """What is put in, and what is taken out. No change names an object twice."""
    items = [(change.kind, change.item) for change in changes if change.item is not None]
    return items, [(change.kind, change.identity) for change in changes if change.item is None]
