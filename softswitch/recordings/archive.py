"""The archive of recordings: lists, legal holds, removal by order. Each change is audited in its own transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy import Connection

from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.recordings import questions
from softswitch.recordings.depot import Away
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.questions import Found, RecordingFilter
from softswitch.recordings.watch import Watch
from softswitch.store.commit import append_audited
from softswitch.store.cursor import Page
from softswitch.store.database import Store

log = structlog.get_logger("recordings")


class Archive:
    """One per node. `publish` shows what was audited on the bus."""

    def __init__(self, store: Store, keeper: Keeper, clock: Clock, publish: Callable[[Event], None], watch: Watch) -> None:
        self.keeper = keeper
        self.watch = watch
        self._store = store
        self._clock = clock
        self._publish = publish

    async def page(self, wanted: RecordingFilter, *, limit: int = 50, cursor: str = "") -> Page[Found]:
        """Newest first. Raises ForeignCursor."""
        return await self._store.read(partial(questions.page, wanted=wanted, limit=limit, cursor=cursor))

    async def one(self, identity: str) -> Found:
        """Raises NotFound."""
        found = await self._store.read(partial(questions.one, identity=identity))
        if found is None:
            raise NotFound(f"there is no recording {identity}")
        return found

    async def set_hold(self, identity: str, *, on: bool, reason: str, actor: str) -> Found:
        """Legal hold: nothing removes the recording until it is released. Raises NotFound, Invalid without a reason."""
        if on and not reason:
            raise Invalid("reason", "a hold needs its reason")
        at = self._clock.utc()

        def change(connection: Connection) -> Event:
            found = _existing(connection, identity)
            if on:
                questions.hold(connection, identity, reason, actor, at)
            else:
                questions.release(connection, identity)
            return self._audited(connection, found, "hold" if on else "release", actor, reason=reason)

        self._publish(await self._store.write(change))
        return await self.one(identity)

    async def keep_until(self, identity: str, until: float | None, *, actor: str) -> Found:
        """How long the recording stays; None: for ever. Raises NotFound, Invalid for the past, Conflict while it is made."""
        if until is not None and until <= self._clock.utc():
            raise Invalid("keep_until", "expected a time to come; to remove a recording, delete it")

        def change(connection: Connection) -> Event:
            found = _existing(connection, identity)
            questions.keep_until(connection, identity, until)
            return self._audited(connection, found, "keep", actor, until="" if until is None else repr(until))

        self._publish(await self._store.write(change))
        return await self.one(identity)

    async def remove(self, identity: str, *, reason: str, actor: str) -> None:
        """Removes row and file for good. The audit trail is committed before the file goes.

        Raises NotFound, Invalid without a reason, Conflict for what is held or still being recorded.
        """
        if not reason:
            raise Invalid("reason", "removing a recording needs its reason")

        def change(connection: Connection) -> tuple[Event, str]:
            found = _existing(connection, identity)
            if found.legal_hold:
                raise Conflict("the recording is under legal hold")
            questions.begin_removal(connection, found.row, self._clock.utc())
            said = self._audited(
                connection, found, "delete", actor, reason=reason, sha256=found.row.sha256, file=found.row.file
            )
            return said, found.row.file

        said, file = await self._store.write(change)
        self._publish(said)
        await self._finish(identity, file)

    async def finish_removals(self) -> int:
        """At the start: what a crash interrupted between the row and the file. Returns how many."""
        left = await self._store.read(questions.unfinished_removals)
        for identity, file in left:
            await self._finish(identity, file)
        return len(left)

    async def _finish(self, identity: str, file: str) -> None:
        try:
            await self.keeper.remove(file)
        except (OSError, ValueError, Away) as fault:  # it stays listed and is tried again at the next start
            log.error("! recording not removed", file=file, error=str(fault))
            return
        await self._store.write(partial(questions.end_removal, identity=identity))

    def _audited(self, connection: Connection, found: Found, action: str, actor: str, **detail: str) -> Event:
        event = AdminChanged(
            call=found.row.call, at=self._clock.utc(), actor=actor, object=f"recording:{found.row.id}", action=action,
            detail={name: value for name, value in detail.items() if value},
        )  # fmt: skip
        append_audited(connection, [event])
        return event


def _existing(connection: Connection, identity: str) -> Found:
    """Raises NotFound, Conflict while the file is being written."""
    found = questions.one(connection, identity)
    if found is None:
        raise NotFound(f"there is no recording {identity}")
    if found.row.status == questions.LIVE:
        raise Conflict("the recording is still being made")
    return found
