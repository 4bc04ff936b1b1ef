"""What happened today, per queue and per agent: a fold of events, begun again at midnight of the switch's time zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from softswitch.model.events import Event, OfferAnswered, QueueEntered, QueueLeft
from softswitch.store.rows import CdrRow

SERVICE_TARGET_MS = 20_000
"""Answered within this time counts for the service level."""


@dataclass(slots=True)
class QueueCount:
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    in_time: int = 0

    @property
    def service_level(self) -> float | None:
        """Share of the calls that have left the queue which were answered in time; None before the first one."""
        left = self.answered + self.abandoned
        return self.in_time / left if left else None


@dataclass(slots=True)
class Today:
    """Written by the ACD service as events happen."""

    day: date = date.min
    queues: dict[str, QueueCount] = field(default_factory=dict)
    agents: Counter[str] = field(default_factory=Counter)

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
            case QueueEntered(waited_ms=0):
                self.queue(event.queue).offered += 1
            case QueueLeft(result="answered"):
                self._answered(event.queue, event.wait_ms)
            case QueueLeft():
                self.queue(event.queue).abandoned += event.result == "abandoned"
            case OfferAnswered():
                self.agents[event.agent] += 1
            case _:
                pass

    def restore(self, rows: Iterable[CdrRow], now: float) -> None:
        """Today so far from the records, after a restart."""
        self.turn(now)
        for row in rows:
            self.queue(row.queue).offered += 1
            if row.agent and row.connected_at is not None:
                self._answered(row.queue, row.wait_ms)
                self.agents[row.agent] += 1
            else:
                self.queue(row.queue).abandoned += 1

    def _answered(self, queue: str, wait_ms: int) -> None:
        count = self.queue(queue)
        count.answered += 1
        count.in_time += wait_ms <= SERVICE_TARGET_MS


def midnight(now: float) -> float:
    """Epoch seconds of the begin of the day of `now`, in the switch's time zone."""
    return datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
