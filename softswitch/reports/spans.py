"""How long agents and trunks were in which state: changes make spans. One writer; the database has what stands at a crash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from softswitch.model.events import AgentStateChanged, Event, TrunkStateChanged
from softswitch.model.states import AgentState
from softswitch.reports.facts import Span
from softswitch.store.fact_tables import SPAN_SECONDS

AWAY = AgentState.LOGGED_OUT.value
DOWN = "down"
NODE_LOST = "node lost"
"""Reason of a state that began when the node died."""


class Standing(NamedTuple):
    """A state that lasts, in the order of its table."""

    kind: str
    name: str
    state: str
    reason: str
    queue: str
    since: float

    def until(self, at: float) -> Span | None:
        """The span that ends now; None when it would be empty or is no time on duty."""
        if at <= self.since or (self.kind == "agent" and self.state == AWAY):
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
            state = DOWN if entry.kind == "trunk" else AWAY if entry.state == AWAY else AgentState.OFFLINE.value
            if state not in (entry.state, AWAY) and (change := self.turn(
                Standing(entry.kind, entry.name, state, NODE_LOST, "", max(at, entry.since))
            )):  # fmt: skip
                changes.append(change)
        return changes


def rows_of(span: Span) -> Iterator[Span]:
    """The span in pieces of a day at most, so that what overlaps a time is found by its begin."""
    began = span.began
    while span.ended - began > SPAN_SECONDS:
        yield span._replace(began=began, ended=began + SPAN_SECONDS)
        began += SPAN_SECONDS
    yield span._replace(began=began)
