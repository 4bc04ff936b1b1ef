"""The journal: the way every event takes into the database and to the bus.

`append` never waits. A task commits what has gathered as one transaction (`commit.py`). Events marked `committed_only` reach
the bus after that commit, all others at once. What is committed survives `kill -9` (`database.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count as counting
from typing import Any, Protocol
from uuid import uuid4

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.events import CallCreated, CallEnded, Event
from softswitch.store import tables
from softswitch.store.commit import Fold, Follower, Group
from softswitch.store.database import Store, is_refusal
from softswitch.store.facts import fact
from softswitch.store.rows import CdrRow, event_of

log = structlog.get_logger("journal")

GROUP_SECONDS = 0.04  # an event is committed this long after it was appended, plus the commit itself: together below 50 ms
ALIVE_SECONDS = 5.0  # how exactly the end of interrupted calls is known after a crash
TIDY_ROWS = 200  # outbox rows that are removed together; after a crash at most so many events are shown a second time
SETTLE_SECONDS = 2.0  # how long a reader of figures waits for what has just happened
MOST_WAITING = 100_000  # events kept while the database refuses commits
GROUP_EVENTS = 2_000
FOLD_FAULTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a fold ends with when a timeline is not what it expects: that event goes without its rows, the others go on."""
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


class Journal:
    """Owned by the loop. Order of use: construct, `recover()`, `start()`, `append()` …, `close()`."""

    def __init__(
        self, store: Store, publish: Callable[[Event], None], clock: Clock, fold: Fold, *, keep_days: int = 31,
        followers: Sequence[Follower] = (),
    ) -> None:  # fmt: skip
        """`fold` makes the record of an ended call; `keep_days` is how long recordings stay (0: for ever)."""
        self._store = store
        self._publish = publish
        self._clock = clock
        self._fold = fold
        self._keep_seconds = keep_days * 86_400.0
        self._alarms: AlarmSink | None = None
        self._followers = followers
        self._waiting: deque[Event] = deque()
        self._followed: deque[list[tuple[Follower, Any]]] = deque()  # what followers made of the first of those
        self._timelines: dict[str, list[Event]] = {}
        self._published: list[int] = []  # outbox rows that may go
        self._next_outbox = 1
        self._appended = 0
        self._settled = 0
        self._life = uuid4().hex
        self._groups = 0
        self._full = False
        self._alive_at = float("-inf")
        self._wake = asyncio.Event()
        self._progress = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def watch(self, alarms: AlarmSink) -> None:
        """Where trouble is reported. Not in the constructor, because alarms are journaled too."""
        self._alarms = alarms

    @property
    def pending(self) -> int:
        """Events that are appended but not committed."""
        return len(self._waiting)

    @property
    def progress(self) -> tuple[int, int]:
        """How many events were appended since the start, and how many of them are committed (or given up)."""
        return self._appended, self._settled

    def timeline(self, call: str) -> tuple[Event, ...]:
        """The events so far of a call whose end is not committed; empty: ask `store.calls.timeline_of`."""
        return tuple(self._timelines.get(call, ()))

    def append(self, event: Event) -> None:
        """Journals the event and puts it on the bus: at once, or after the commit when it is `committed_only`."""
        if len(self._waiting) >= MOST_WAITING:
            self._lose(event)
        else:
            self._waiting.append(event)
            self._appended += 1
            if isinstance(event, CallCreated):
                self._timelines[event.call] = [event]
            elif (timeline := self._timelines.get(event.call)) is not None:
                timeline.append(event)
            self._wake.set()
        if not event.committed_only:
            self._publish(event)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="journal")
        self._task.add_done_callback(self._stopped)

    async def flush(self) -> None:
        """Returns when everything appended before is committed and published."""
        target = self._appended
        async with self._progress:
            await self._progress.wait_for(lambda: self._settled >= target)

    async def settled(self, seconds: float = SETTLE_SECONDS) -> None:
        """As `flush`, but no longer than this: while the database is away, what is stored is all that can be read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.flush()

    async def close(self) -> None:
        """Commits what is waiting and ends the task."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def recover(self) -> list[str]:
        """After a start: publishes what was committed but perhaps not shown, and closes the calls a crash interrupted.

        Runs before `start()`. Returns the ids of the closed calls; they end with `NODE_LOST` at the moment the node was last
        known to be alive, and that is committed and published when this returns.
        """
        unpublished, timelines, alive_at = await self._store.read(_left_behind)
        for follower in self._followers:
            await self._store.write(lambda connection, follower=follower: follower.recover(connection, alive_at))  # type: ignore[misc]
        self._next_outbox = 1 + max((row_id for row_id, _ in unpublished), default=0)
        for row_id, event in unpublished:
            self._publish(event)
            self._published.append(row_id)
        for call, timeline in timelines.items():
            self._timelines[call] = timeline
            ended_at = min(self._clock.utc(), max(alive_at, *(event.at for event in timeline)))
            self.append(_node_lost(call, seq=1 + max(event.seq for event in timeline), at=ended_at))
        while self._waiting or self._published:
            await self._commit()
        return list(timelines)

    async def _run(self) -> None:
        while not self._closing:
            await self._gather()
            if self._waiting or self._is_watched:
                await self._commit()
        last_sign = any(follower.is_watching for follower in self._followers)
        while self._waiting or self._published or last_sign:
            await self._commit()
            last_sign = False

    @property
    def _is_watched(self) -> bool:
        """The time of a crash would matter, or something is to be tidied."""
        return bool(self._published or self._timelines or any(follower.is_watching for follower in self._followers))

    async def _gather(self) -> None:
        """Waits for the first event, then a little for its companions; at most until the next sign of life is due."""
        if not self._waiting:
            self._wake.clear()
            try:
                async with asyncio.timeout(ALIVE_SECONDS if self._is_watched else None):
                    await self._wake.wait()
            except TimeoutError:
                return
        if not self._closing and len(self._waiting) < GROUP_EVENTS:
            await asyncio.sleep(GROUP_SECONDS)

    async def _commit(self) -> None:
        """Commits the oldest events, however long it takes; they stay in `_waiting` until then."""
        count = min(len(self._waiting), GROUP_EVENTS)
        group = self._group(count)
        if not await self._written(group) and count:
            for _ in range(count):  # one of them is poisoned: find it, keep the others
                single = self._group(1)
                if not await self._written(single):
                    single = await self._spared(single)
                await self._settle(single, 1)
        else:
            await self._settle(group, count)

    async def _spared(self, group: Group) -> Group:
        """What can be kept of one event that the database refuses: without the rows of its followers, or nothing."""
        self._refuse(self._waiting[0])
        if group.followed:
            group.followed = {}
            if await self._written(group):
                return group
        return Group()

    def _group(self, count: int) -> Group:
        tidy = not count or len(self._published) >= TIDY_ROWS
        group = Group(shown=list(self._published) if tidy else [], keep_seconds=self._keep_seconds)
        self._groups += 1
        group.mark = f"{self._life}-{self._groups}" if self._store.is_remote else ""
        for index in range(count):
            event, record, rows = self._waiting[index], None, len(group.outbox)
            try:
                record = group.add(event, self._next_outbox, self.timeline, self._fold)
            except FOLD_FAULTS as error:  # a field that JSON cannot hold: the emitter's fault, must not stop the others
                log.critical("! event refused", type=event.type, call=event.call, error=str(error))
            self._next_outbox += len(group.outbox) - rows
            if index == len(self._followed):
                self._followed.append(self._follow(event, record))
            if followed := self._followed[index]:
                group.follow(followed)
        now = self._clock.now()
        if now - self._alive_at >= ALIVE_SECONDS or self._closing:
            self._alive_at = now
            group.alive_at = self._clock.utc()
        return group

    def _follow(self, event: Event, record: CdrRow | None) -> list[tuple[Follower, Any]]:
        timeline = self.timeline(event.call) if isinstance(event, CallEnded) else ()
        found: list[tuple[Follower, Any]] = []
        for follower in self._followers:
            try:
                rows = follower.rows(event, timeline, record)
            except FOLD_FAULTS:
                log.critical("! event not counted", type=event.type, call=event.call, exc_info=True)
            else:
                found += [(follower, rows)] if rows is not None else []
        return found

    async def _written(self, group: Group) -> bool:
        """Writes with retries. False: the database is well, but refuses this very group."""
        for attempt in counting():
            try:
                if not (attempt and await self._store.read(group.is_committed)):
                    await self._store.write(group.write)
            except (SQLAlchemyError, OSError, ValueError) as error:
                if is_refusal(error):
                    log.error("! journal group refused", error=str(error), events=len(group.events))
                    return False
                self._stall(error)
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            else:
                break
        if self._alarms:
            self._alarms.clear("journal_stalled")
        return True

    async def _settle(self, group: Group, count: int) -> None:
        """Everything that follows a commit: free memory, publish, wake who waits in `flush`."""
        self._published = [*self._published[len(group.shown) :], *(row[0] for row in group.outbox)]
        for _ in range(count):
            self._waiting.popleft()
            self._followed.popleft()
        for call in group.ended:
            self._timelines.pop(call, None)
        self._full = False
        for event in group.events:
            if event.committed_only:
                self._publish(event)
        async with self._progress:
            self._settled += count
            self._progress.notify_all()

    def _stall(self, error: Exception) -> None:
        log.error("! journal cannot commit", error=str(error), waiting=len(self._waiting))
        if self._alarms:
            self._alarms.raise_("journal_stalled", "critical", f"Events cannot be stored ({type(error).__name__}); calls go on")

    def _refuse(self, event: Event) -> None:
        log.critical("! event refused", type=event.type, call=event.call, seq=event.seq)
        if self._alarms:
            self._alarms.raise_(
                "journal_refused", "critical", f"The database refuses an event of type {event.type}", event.call
            )

    def _lose(self, event: Event) -> None:
        if self._full:
            return
        self._full = True
        log.critical("! journal full, events are lost", type=event.type, call=event.call)
        if self._alarms:
            self._alarms.raise_("journal_full", "critical", f"{MOST_WAITING} events wait for the database; newer ones are lost")

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("! journal stopped", exc_info=error)
            if self._alarms:
                self._alarms.raise_("journal_stopped", "critical", "The journal stopped; restart the switch")


def _node_lost(call: str, *, seq: int, at: float) -> CallEnded:
    cause = Cause.NODE_LOST
    return CallEnded(
        call=call, seq=seq, at=at, actor="system", who="system", cause=cause.word, q850=cause.q850, sip_status=cause.sip
    )


def _left_behind(connection: Connection) -> tuple[list[tuple[int, Event]], dict[str, list[Event]], float]:
    """The outbox, the timelines of the calls that were live, and when the node was last alive."""
    outbox = connection.execute(select(tables.outbox).order_by(tables.outbox.c.id))
    unpublished = [(row.id, event_of(row)) for row in outbox]
    live = select(tables.live_calls.c.call)
    rows = select(tables.journal).where(tables.journal.c.call.in_(live)).order_by(tables.journal.c.id)
    timelines: dict[str, list[Event]] = {}
    for row in connection.execute(rows):
        timelines.setdefault(row.call, []).append(event_of(row))
    return unpublished, timelines, float(fact(connection, "alive_at") or 0.0)


def outbox_count(connection: Connection) -> int:
    """Rows that are committed but not known to be published; 0 or few in a healthy node."""
    return connection.execute(select(func.count()).select_from(tables.outbox)).scalar_one()
