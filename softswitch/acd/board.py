"""Who watches the floor: each object is looked at anew only when it changed, and told at most so often.

A change marks its object; the first one is told at once, later ones together at the end of the object's period. Nothing is
computed while nobody watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from softswitch.model.errors import NotFound
from softswitch.model.views import AgentView, OfferView, QueueView

V = TypeVar("V")

AGENT_SECONDS = 0.25
"""An agent's own page hears of its state this way too, so it is told sooner than a queue."""
QUEUE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    agent: Callable[[AgentView], None]
    queue: Callable[[QueueView], None]
    offer: Callable[[str, OfferView | None, str], None]


class Coalescer(Generic[V]):
    """Objects of one kind by name. `look` makes a view (NotFound: the object is gone), `tell` gets it."""

    def __init__(self, period: float, look: Callable[[str], V], tell: Callable[[V], None]) -> None:
        self._period = period
        self._look = look
        self._tell = tell
        self._told: dict[str, float] = {}  # name → when last
        self._dirty: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def mark(self, name: str) -> None:
        """The object changed."""
        if name in self._dirty:
            return
        loop = asyncio.get_running_loop()
        due = self._told.get(name, 0.0) + self._period
        if due <= loop.time():
            self._say(name, loop.time())
            return
        self._dirty.add(name)
        if self._timer is None:
            self._timer = loop.call_at(due, self._flush)

    def _flush(self) -> None:
        """Tells whatever is due; the rest later, in one go with what comes meanwhile."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        ready = [name for name in self._dirty if self._told.get(name, 0.0) + self._period <= now + 0.001]
        self._dirty.difference_update(ready)
        for name in ready:
            self._say(name, now)
        if self._dirty and self._timer is None:
            self._timer = loop.call_at(min(self._told.get(name, 0.0) for name in self._dirty) + self._period, self._flush)

    def _say(self, name: str, now: float) -> None:
        self._told[name] = now
        try:
            view = self._look(name)
        except NotFound:
            self._told.pop(name, None)
            return
        self._tell(view)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._dirty.clear()


class Board:
    """The watchers of the floor. Offers are told at once."""

    def __init__(self, agent: Callable[[str], AgentView], queue: Callable[[str], QueueView]) -> None:
        self._watches: tuple[Watch, ...] = ()
        self._agents = Coalescer(AGENT_SECONDS, agent, self._tell_agent)
        self._queues = Coalescer(QUEUE_SECONDS, queue, self._tell_queue)

    def watch(self, watch: Watch) -> Callable[[], None]:
        """Returns the function that stops it."""
        self._watches = (*self._watches, watch)

        def stop() -> None:
            self._watches = tuple(other for other in self._watches if other is not watch)

        return stop

    def agent_changed(self, login: str) -> None:
        if self._watches:
            self._agents.mark(login)

    def queue_changed(self, name: str) -> None:
        if self._watches:
            self._queues.mark(name)

    def offer(self, login: str, view: OfferView | None, reason: str) -> None:
        for watch in self._watches:
            watch.offer(login, view, reason)

    def close(self) -> None:
        self._agents.close()
        self._queues.close()

    def _tell_agent(self, view: AgentView) -> None:
        for watch in self._watches:
            watch.agent(view)

    def _tell_queue(self, view: QueueView) -> None:
        for watch in self._watches:
            watch.queue(view)
