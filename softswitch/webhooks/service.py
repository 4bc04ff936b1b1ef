"""Events for programs outside: signed, retried, at least once. Nothing here is in the way of a call.

Committed events go from the journal to the outbox (`outbox.scan`), from there lane by lane to the endpoints. A slow, dead or
babbling endpoint holds up its own lanes only.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.directory.centre import Webhook
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import Event
from softswitch.store.database import Store
from softswitch.webhooks import envelope, outbox
from softswitch.webhooks.lane import Answer, Lane, judged
from softswitch.webhooks.outbox import LANES, Delivery
from softswitch.webhooks.wire import Wire

log = structlog.get_logger("webhooks")

GATHER = 0.1
"""Seconds from an event to the look into the journal: it is committed within 50 ms."""
POLL = 5.0
ALARM_AFTER = 600.0
"""Seconds of failure after which somebody is told."""
TIDY_EVERY = 3600.0
KEEP_DONE, KEEP_FAILED = 3 * 86_400.0, 30 * 86_400.0
RETRY_DATABASE = 2.0
TEST = "webhook.test"

Alarm = Callable[..., None]


@dataclass(slots=True)
class _Hook:
    """One hook at work."""

    config: Webhook
    lanes: list[Lane]
    tasks: list[asyncio.Task[None]]
    failing_since: float = 0.0
    last_ok: float = 0.0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class HookView:
    """Times are UTC epoch seconds, 0 for never."""

    name: str
    url: str
    events: tuple[str, ...]
    signed: bool
    waiting: int
    oldest: float | None
    failing_since: float
    last_ok: float
    last_error: str


@dataclass(slots=True)
class Webhooks:
    """One per node. Order of use: construct, `start`, `configure` whenever the directory changes, `close`."""

    store: Store
    clock: Clock
    directory: Callable[[], Snapshot]
    raise_alarm: Alarm
    clear_alarm: Alarm
    wire: Wire
    new_id: Callable[[], str] = lambda: f"w{secrets.token_hex(8)}"
    _hooks: dict[str, _Hook] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _begun: bool = False
    _looked: frozenset[int] = frozenset()

    # life

    async def start(self) -> None:
        """What a crash left in outbox and journal is sent first."""
        self._begun = await self.store.read(outbox.has_begun)
        self.configure()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="webhooks")

    async def close(self) -> None:
        tasks = [task for hook in self._hooks.values() for task in hook.tasks]
        if self._task is not None:
            tasks.append(self._task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.wire.close()

    def configure(self) -> None:
        """Hooks of the directory as it is now; a changed address holds from the next attempt."""
        wanted = self.directory().webhooks
        for name in set(self._hooks) - set(wanted):
            for task in self._hooks.pop(name).tasks:
                task.cancel()
            self.clear_alarm("webhook_failing", f"webhook:{name}")
        for name, config in wanted.items():
            if name in self._hooks:
                self._hooks[name].config = config
            else:
                self._begin(config)
        self._news.set()

    def _begin(self, config: Webhook) -> None:
        name = config.name
        loop = asyncio.get_running_loop()
        lanes = [
            Lane(self.store, self.clock, name, number, partial(self._send, name), partial(self._told, name))
            for number in range(LANES)
        ]
        tasks = [loop.create_task(self._guarded(lane.run), name=f"webhook {name}") for lane in lanes]
        self._hooks[name] = _Hook(config, lanes, tasks)

    def note(self, _event: Event | None = None) -> None:
        """Something was journaled; nobody has to be told without hooks."""
        if self._hooks:
            self._news.set()

    async def _run(self) -> None:
        """The task that fills the outbox."""
        await self._guarded(self._fill)

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A database that is away for a while ends nothing: the work begins anew where it is written down."""
        while True:
            try:
                await work()
            except (SQLAlchemyError, OSError) as fault:
                log.warning("! webhooks wait for the database", error=str(fault))
                await asyncio.sleep(RETRY_DATABASE)

    async def _fill(self) -> None:
        tidied = self.clock.now()
        while True:
            await self._take_in()
            if self.clock.now() - tidied >= TIDY_EVERY:
                tidied = self.clock.now()
                await self._tidy()
            try:
                async with asyncio.timeout(POLL):
                    await self._news.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(GATHER)

    async def _take_in(self) -> None:
        """Journal to outbox, until nothing more is there."""
        more = True
        while more:
            self._news.clear()
            hooks = [hook.config for hook in self._hooks.values()]
            if not hooks:
                self._begun = False
                return
            if not self._begun:
                self._looked = await self.store.write(outbox.begin)
                self._begun = True
            work = partial(outbox.scan, hooks=hooks, now=self.clock.utc(), new_id=self.new_id, looked=self._looked)
            found = await self.store.write(work)
            more, self._looked = found.more, found.looked
            for name in found.added:
                if (hook := self._hooks.get(name)) is not None:
                    for lane in hook.lanes:
                        lane.wake()
            for name, count in found.dropped.items():
                text = f"The webhook {name} has too much waiting: {count} events were dropped"
                self.raise_alarm("webhook_overflow", "major", text, f"webhook:{name}")

    async def _tidy(self) -> None:
        now = self.clock.utc()
        await self.store.write(partial(outbox.abandon, hooks=list(self._hooks), now=now))
        await self.store.write(partial(outbox.tidy, done_before=now - KEEP_DONE, failed_before=now - KEEP_FAILED))

    # sending

    async def _send(self, name: str, row: Delivery) -> Answer:
        hook = self._hooks.get(name)
        if hook is None:
            return Answer(0, "the webhook was removed")
        return await self.wire.post(hook.config, row.body, identity=row.id, kind=row.type, attempt=row.attempts + 1)

    def _told(self, name: str, answer: Answer) -> None:
        """Keeps the hook's health, and tells of trouble that lasts."""
        hook = self._hooks.get(name)
        if hook is None:
            return
        now = self.clock.utc()
        if 200 <= answer.status < 300:
            hook.failing_since, hook.last_ok, hook.last_error = 0.0, now, ""
            self.clear_alarm("webhook_failing", f"webhook:{name}")
            return
        hook.failing_since = hook.failing_since or now
        hook.last_error = answer.error or f"status {answer.status}"
        if now - hook.failing_since >= ALARM_AFTER:
            text = f"The webhook {name} has failed for {(now - hook.failing_since) / 60:.0f} minutes: {hook.last_error}"
            self.raise_alarm("webhook_failing", "minor", text, f"webhook:{name}")

    # for people

    def _known(self, name: str) -> _Hook:
        """Raises NotFound."""
        if name not in self._hooks:
            raise NotFound(f"there is no webhook {name}")
        return self._hooks[name]

    async def views(self) -> list[HookView]:
        return [await self._view(name) for name in self._hooks]

    async def _view(self, name: str) -> HookView:
        hook = self._hooks[name]
        waiting = await self.store.read(partial(outbox.waiting, hook=name))
        oldest = await self.store.read(partial(outbox.oldest, hook=name))
        return HookView(
            name, hook.config.url, hook.config.events, bool(hook.config.secret), waiting, oldest, hook.failing_since,
            hook.last_ok, hook.last_error,
        )  # fmt: skip

    async def deliveries(self, name: str, *, state: str = "", limit: int = 50, before: int = 0) -> Sequence[Delivery]:
        """Newest first. Raises NotFound."""
        self._known(name)
        return await self.store.read(partial(outbox.page, hook=name, state=state, limit=limit, before=before))

    async def retry(self, name: str, identity: str) -> Delivery:
        """Tries again now: one that waits at its place, another by itself. Raises NotFound, Conflict when it has arrived."""
        hook = self._known(name)
        row = await self.store.read(partial(outbox.one, hook=name, identity=identity))
        if row is None:
            raise NotFound(f"there is no delivery {identity}")
        if row.state == "done":
            raise Conflict("this delivery has arrived")
        if row.state == "waiting":
            hook.lanes[row.lane].hurry()
            return row
        answer = await self._send(name, row)
        self._told(name, answer)
        again = judged(row, answer, self.clock.utc())
        if again.state == "waiting":  # it had been given up, and stays so
            again = replace(again, state="failed", finished_at=row.finished_at)
        await self.store.write(partial(outbox.save, changed=[again]))
        return again

    async def tell(self, name: str, kind: str, values: Mapping[str, Any]) -> str:
        """Sends something that is no event (an alarm's escalation) the same durable way; the delivery's id. Raises NotFound."""
        self._known(name)
        identity, now = self.new_id(), self.clock.utc()
        text = envelope.document(identity, name, kind, now, values)
        source = -int(now * 1_000_000)
        await self.store.write(lambda connection: outbox.put(connection, name, identity, kind, identity, text, source, now))
        for lane in self._hooks[name].lanes:
            lane.wake()
        return identity

    async def test(self, name: str) -> tuple[str, Answer]:
        """Sends a `webhook.test` beside the outbox; the delivery's id and what came of it. Raises NotFound."""
        hook = self._known(name)
        identity = self.new_id()
        text = envelope.document(identity, name, TEST, self.clock.utc(), None)
        answer = await self.wire.post(hook.config, text, identity=identity, kind=TEST, attempt=1)
        self._told(name, answer)
        return identity, answer
