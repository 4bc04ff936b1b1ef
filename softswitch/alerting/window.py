"""The last 15 minutes of a queue, as a fold of events: service level, arrivals, handling times, offered load. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from softswitch.model.events import AgentStateChanged, Event, OfferAnswered, QueueEntered, QueueLeft
from softswitch.model.states import AgentState

SECONDS = 900.0
_FREE = frozenset({
    AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT, AgentState.OFFLINE, AgentState.NOT_RESPONDING,
})  # fmt: skip


NOTED: tuple[type[Event], ...] = (QueueEntered, QueueLeft, OfferAnswered, AgentStateChanged)
"""What `Windows.note` has use for."""


@dataclass(slots=True)
class QueueWindow:
    arrivals: deque[float] = field(default_factory=deque)
    ends: deque[tuple[float, bool]] = field(default_factory=deque)  # when, in time
    handled: deque[tuple[float, float]] = field(default_factory=deque)  # when, seconds

    def cut(self, now: float) -> None:
        for line in (self.ends, self.handled):
            while line and line[0][0] <= now - SECONDS:
                line.popleft()
        while self.arrivals and self.arrivals[0] <= now - SECONDS:
            self.arrivals.popleft()

    @property
    def service_level(self) -> float | None:
        """Per cent of the calls that were answered or abandoned (short abandons left out) that were answered in time."""
        return 100.0 * sum(in_time for _, in_time in self.ends) / len(self.ends) if self.ends else None

    @property
    def handling(self) -> float:
        """Mean seconds from the answer to the end of wrap-up; 0 without any."""
        return sum(seconds for _, seconds in self.handled) / len(self.handled) if self.handled else 0.0

    def load(self) -> float:
        """Offered load in Erlang: agents that would be busy all the time."""
        return len(self.arrivals) / SECONDS * self.handling


class Windows:
    """`targets`: queue → seconds of the service level and of a short abandon. Every event of the bus may be handed in."""

    def __init__(self, targets: Callable[[str], tuple[float, float]]) -> None:
        self._targets = targets
        self._queues: dict[str, QueueWindow] = {}
        self._busy: dict[str, tuple[str, float]] = {}  # agent → queue, since

    def note(self, event: Event) -> None:
        match event:
            case QueueEntered() if event.waited_ms == 0:
                self._of(event.queue).arrivals.append(event.at)
            case QueueLeft():
                self._left(event)
            case OfferAnswered() if event.agent and event.queue:
                self._busy[event.agent] = event.queue, event.at
            case AgentStateChanged() if event.new in _FREE and event.agent in self._busy:
                queue, since = self._busy.pop(event.agent)
                self._of(queue).handled.append((event.at, event.at - since))

    def _left(self, event: QueueLeft) -> None:
        target, short = self._targets(event.queue)
        if event.result == "answered":
            self._of(event.queue).ends.append((event.at, event.wait_ms <= target * 1000))
        elif event.result == "abandoned" and event.wait_ms > short * 1000:
            self._of(event.queue).ends.append((event.at, False))

    def of(self, queue: str, now: float) -> QueueWindow:
        """The window as it is at `now`, epoch seconds."""
        window = self._of(queue)
        window.cut(now)
        return window

    def _of(self, queue: str) -> QueueWindow:
        return self._queues.setdefault(queue, QueueWindow())
