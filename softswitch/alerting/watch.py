"""Looks every few seconds at what the switch shows of itself and keeps the alarms in step with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from softswitch.alerting import conditions
from softswitch.alerting.conditions import Condition, QueueFacts
from softswitch.alerting.window import Windows
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.states import AgentState
from softswitch.model.views import AgentView, QueueView
from softswitch.observe.alarms import Alarms

LOOK_SECONDS = 5.0
_ABSENT = (AgentState.LOGGED_OUT, AgentState.OFFLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is looked at; all of it is at hand, nothing waits."""

    clock: Clock
    directory: Callable[[], Snapshot]
    queues: Callable[[], Iterable[QueueView]]
    agents: Callable[[], Iterable[AgentView]]
    trunks: Callable[[], Iterable[Mapping[str, Any]]]
    phones: Callable[[], Iterable[str]]
    """Extensions that are registered."""
    progress: Callable[[], tuple[int, int]]
    """Events that were appended to the journal, and how many of them are stored."""
    certificates: Callable[[], Mapping[str, float]]
    """What a certificate is for → days until it ends."""


class Watch:
    """Owned by the loop. `run()` is the task; `windows` hears every event."""

    def __init__(self, sources: Sources, alarms: Alarms, *, certificate_days: float = 21.0) -> None:
        self.windows = Windows(self._targets)
        self._sources = sources
        self._alarms = alarms
        self._certificate_days = certificate_days
        self._shown: set[tuple[str, str]] = set()
        self._marks: deque[tuple[float, int]] = deque()

    def _targets(self, queue: str) -> tuple[float, float]:
        found = self._sources.directory().queues.get(queue)
        return (found.service_seconds, found.short_abandon) if found else (20.0, 5.0)

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """One turn: raises what holds, takes back what held at the last turn and does not any more."""
        holding = {(found.code, found.object): found for found in self._conditions()}
        for found in holding.values():
            self._alarms.raise_(found.code, found.level, found.text, found.object)
        for key in self._shown - holding.keys():
            self._alarms.clear(*key)
        self._shown = set(holding)

    def facts(self, view: QueueView) -> QueueFacts:
        """A queue for rules and the reserve."""
        configured = self._sources.directory().queues.get(view.name)
        window = self.windows.of(view.name, self._sources.clock.utc())
        signed_in = sum(count for state, count in view.agents.items() if state not in _ABSENT)
        return QueueFacts(
            name=view.name, waiting=len(view.calls), longest_wait=view.longest_wait_ms / 1000,
            goal=configured.service_level if configured else 80, service_level=window.service_level, calls=len(window.ends),
            load=window.load(), agents=signed_in, open=view.open,
        )  # fmt: skip

    def _conditions(self) -> Iterator[Condition]:
        sources = self._sources
        snapshot = sources.directory()
        rules = list(snapshot.alarm_rules.values())
        for view in sources.queues():
            yield from conditions.queue_conditions(self.facts(view), rules)
        agents = list(sources.agents())
        yield from conditions.agent_conditions({view.login: view.state for view in agents}, rules)
        trunks = {view["name"]: (str(view["state"]), str(view["detail"])) for view in sources.trunks()}
        yield from conditions.trunk_conditions(trunks, rules)
        stations = {
            view.login: view.station.removeprefix("extension:")
            for view in agents if view.station.startswith("extension:") and view.state not in _ABSENT
        }  # fmt: skip
        yield from conditions.phone_conditions(stations, sources.phones(), rules)
        yield from conditions.lag_condition(self._lag(), rules)
        yield from conditions.certificate_conditions(sources.certificates(), self._certificate_days)

    def _lag(self) -> float:
        """How old the oldest event is that is not stored; as exact as this task looks often."""
        now, (appended, stored) = self._sources.clock.now(), self._sources.progress()
        self._marks.append((now, appended))
        while self._marks and self._marks[0][1] <= stored:
            self._marks.popleft()
        return now - self._marks[0][0] if self._marks else 0.0
