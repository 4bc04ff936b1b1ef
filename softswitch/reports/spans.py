"""How long agents and trunks were in which state: changes make spans. One writer; the database has what stands at a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from softswitch.model.events import (
    AgentStateChanged,
    CallCreated,
    CallEnded,
    Event,
    LegEnded,
    LegStarted,
    TrunkStateChanged,
)
from softswitch.model.states import AgentState
from softswitch.reports.facts import Span
from softswitch.store.fact_tables import SPAN_SECONDS

FREE, FULL = "free", "full"
"""States of kind "lines": whether a trunk has a free channel."""
AWAY = AgentState.LOGGED_OUT.value
DOWN = "down"
_UNTOLD = frozenset({("agent", AWAY), ("lines", FREE)})
"""Nobody asks how long."""
NODE_LOST = "node lost"
"""Reason of a state that began when the node died."""


class Standing(NamedTuple):
    """A state that lasts, in the order of its table."""

    kind: str  # agent, trunk, lines
    name: str
    state: str
    reason: str
    queue: str
    since: float

    def until(self, at: float) -> Span | None:
        """The span that ends now; None when it would be empty or is no time on duty."""
        if at <= self.since or (self.kind, self.state) in _UNTOLD:
            return None
        return Span(self.kind, self.name, self.since, at, self.state, self.reason, self.queue)


class States:
    """What stands now, by kind and name."""

    def __init__(self, known: Iterable[Standing] = ()) -> None:
        self._now = {(entry.kind, entry.name): entry for entry in known}

    def standing(self) -> list[Standing]:
        return list(self._now.values())

    @property
    def is_watching(self) -> bool:
        """Somebody is signed in: the switch has to note that it lives."""
        return any(entry.kind == "agent" and entry.state != AWAY for entry in self._now.values())

    def take(self, event: Event) -> tuple[Span | None, Standing] | None:
        """The span that ends with this event and the state that begins; None when nothing changes."""
        if isinstance(event, TrunkStateChanged):
            return self.turn(Standing("trunk", event.trunk, event.state, event.detail, "", event.at))
        if not isinstance(event, AgentStateChanged):
            return None
        if event.old == event.new and (event.new != AgentState.NOT_READY or event.pending):
            return None  # a flag only; not ready may change its reason
        reason = event.reason if event.new in (AgentState.NOT_READY, AgentState.NOT_RESPONDING, AgentState.OFFLINE) else ""
        return self.turn(Standing("agent", event.agent, event.new, reason, event.queue, event.at))

    def turn(self, new: Standing) -> tuple[Span | None, Standing] | None:
        """The state that stands from now on."""
        key = (new.kind, new.name)
        old = self._now.get(key)
        if old is not None and (old.state, old.reason) == (new.state, new.reason):
            return None
        if old is not None and new.since < old.since:
            new = new._replace(since=old.since)  # the clock was set back
        self._now[key] = new
        return old.until(new.since) if old is not None else None, new

    def lost(self, at: float) -> list[tuple[Span | None, Standing]]:
        """The node died at `at`: whoever was signed in is offline since, trunks are down."""
        changes = []
        for entry in self.standing():
            away = AWAY if entry.state == AWAY else AgentState.OFFLINE.value
            state = {"trunk": DOWN, "lines": FREE}.get(entry.kind, away)
            if state not in (entry.state, AWAY) and (change := self.turn(
                Standing(entry.kind, entry.name, state, NODE_LOST, "", max(at, entry.since))
            )):  # fmt: skip
                changes.append(change)
        return changes


class Channels:
    """Which trunks have no free channel. `limit(trunk)` is how many there are, 0 when nobody knows."""

    def __init__(self, limit: Callable[[str], int]) -> None:
        self._limit = limit
        self._legs: dict[str, dict[str, str]] = {}  # call → leg → trunk
        self._busy: Counter[str] = Counter()

    def take(self, event: Event) -> list[Standing]:
        """The states that begin with this event."""
        match event:
            case CallCreated(trunk=trunk) if trunk:
                return self._seize(event, "", trunk)
            case LegStarted(trunk=trunk) if trunk:
                return self._seize(event, event.leg, trunk)
            case LegEnded(leg=leg) if leg:
                return self._release(event, [event.leg])
            case CallEnded():
                return self._release(event, list(self._legs.get(event.call, ())))
            case _:
                return []

    def _seize(self, event: Event, leg: str, trunk: str) -> list[Standing]:
        self._legs.setdefault(event.call, {})[leg] = trunk
        self._busy[trunk] += 1
        return [Standing("lines", trunk, FULL, "", "", event.at)] if self._busy[trunk] == self._limit(trunk) else []

    def _release(self, event: Event, legs: Sequence[str]) -> list[Standing]:
        found: list[Standing] = []
        known = self._legs.get(event.call, {})
        for trunk in [known.pop(leg) for leg in legs if leg in known]:
            if self._busy[trunk] == self._limit(trunk):
                found.append(Standing("lines", trunk, FREE, "", "", event.at))
            self._busy[trunk] -= 1
        if not known:
            self._legs.pop(event.call, None)
        return found


def rows_of(span: Span) -> Iterator[Span]:
    """The span in pieces of a day at most, so that what overlaps a time is found by its begin."""
    began = span.began
    while span.ended - began > SPAN_SECONDS:
        yield span._replace(began=began, ended=began + SPAN_SECONDS)
        began += SPAN_SECONDS
    yield span._replace(began=began)
