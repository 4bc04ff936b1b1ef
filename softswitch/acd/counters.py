"""What happened today, per queue and per agent: a fold of events, begun again at midnight of the switch's time zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from softswitch.model.events import Event, OfferAnswered, QueueEntered, QueueLeft
from softswitch.reports.facts import Visit

SERVICE_TARGET_MS = 20_000
SHORT_MS = 5_000
"""Where a queue says nothing: answered within this time counts for the service level, abandoned within that one as short."""


@dataclass(slots=True)
class QueueCount:
    """One queue today (product.md §4). `exits`: result → visits, answered and abandoned among them."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    in_time: int = 0
    waited_ms: int = 0  # until the answer, all together
    longest_ms: int = 0
    exits: Counter[str] = field(default_factory=Counter)

    @property
    def service_level(self) -> float | None:
        """Share of the calls that have left the queue which were answered in time; None before the first one."""
        left = self.answered + self.abandoned
        return self.in_time / left if left else None

    @property
    def asa_ms(self) -> int | None:
        """Mean wait until the answer."""
        return round(self.waited_ms / self.answered) if self.answered else None


@dataclass(slots=True)
class Today:
    """Written by the ACD service as events happen. `targets`: queue → seconds of its service level and of a short abandon."""

    day: date = date.min
    targets: Callable[[str], tuple[int, int]] = lambda _queue: (SERVICE_TARGET_MS // 1000, SHORT_MS // 1000)
    queues: dict[str, QueueCount] = field(default_factory=dict)
    agents: Counter[str] = field(default_factory=Counter)
    callbacks: set[str] = field(default_factory=set)
    """Visits that hold a place for somebody who hung up: those callers were counted when they called."""

    def turn(self, now: float) -> None:
        """Begins a new day when it is due. `now` is epoch seconds."""
        day = datetime.fromtimestamp(now).astimezone().date()
        if day != self.day:
            self.day = day
            self.queues.clear()
            self.agents.clear()

    def queue(self, name: str) -> QueueCount:
        return self.queues.setdefault(name, QueueCount())

    def count(self, event: Event) -> None:
        self.turn(event.at)
        match event:
            case QueueEntered(channel="callback"):
                self.callbacks.add(event.visit)
            case QueueEntered():
                self.queue(event.queue).offered += 1
            case QueueLeft() if event.visit in self.callbacks:
                self.callbacks.discard(event.visit)
            case QueueLeft():
                self._left(event.queue, event.result, event.wait_ms)
            case OfferAnswered():
                self.agents[event.agent] += 1
            case _:
                pass

    def restore(self, visits: Iterable[Visit], now: float) -> None:
        """Today so far from the stored visits, after a restart: what the queue report counts too."""
        self.turn(now)
        for visit in visits:
            if visit.channel == "voice":
                self.queue(visit.queue).offered += 1
                self._left(visit.queue, visit.result, visit.wait_ms)
            if visit.result == "answered":
                self.agents[visit.agent] += 1

    def _left(self, queue: str, result: str, wait_ms: int) -> None:
        count = self.queue(queue)
        count.exits[result] += 1
        count.longest_ms = max(count.longest_ms, wait_ms)
        target, short = self.targets(queue)
        if result == "answered":
            count.answered += 1
            count.waited_ms += wait_ms
            count.in_time += wait_ms <= target * 1000
        elif result == "abandoned":
            count.abandoned += 1
            count.short_abandoned += wait_ms <= short * 1000


def midnight(now: float) -> float:
    """Epoch seconds of the begin of the day of `now`, in the switch's time zone."""
    return datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
