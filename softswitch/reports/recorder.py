"""Writes facts and their sums in the very transaction that commits the events they follow from (`store.journal`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from softswitch.model import events as ev
from softswitch.reports.call_facts import facts_of
from softswitch.reports.facts import CallFacts, Contact, Ended, Seizure, Span, Visit
from softswitch.reports.ledger import Ledger, Targets, default_targets
from softswitch.reports.outcomes import OUTCOMES, Outcome, outcomes_of
from softswitch.reports.spans import Channels, Standing, States, rows_of
from softswitch.store import fact_tables as t
from softswitch.store.bulk import inserting, replacing
from softswitch.store.rows import CdrRow

_VISITS, _CONTACTS = replacing(t.visits), inserting(t.contacts)
_SEIZURES, _SPANS = inserting(t.seizures), replacing(t.spans)
_STANDING, _OUTCOMES = replacing(t.standing), replacing(t.outcomes)
_LINES = (ev.CallCreated, ev.LegStarted, ev.LegEnded, ev.CallEnded)
_STATES = (ev.AgentStateChanged, ev.TrunkStateChanged)
_TOLD = frozenset({*_LINES, *_STATES, *OUTCOMES})


@dataclass(slots=True)
class Rows:
    """What one event, or many, add to the tables."""

    visits: list[Visit] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    seizures: list[Seizure] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    calls: list[Ended] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)

    def extend(self, other: Rows) -> None:
        self.visits += other.visits
        self.contacts += other.contacts
        self.seizures += other.seizures
        self.spans += other.spans
        self.standing += other.standing
        self.outcomes += other.outcomes
        self.calls += other.calls
        self.steps += other.steps

    def count(self, ledger: Ledger) -> Ledger:
        ledger.facts(CallFacts(self.visits, self.contacts, self.seizures, self.steps))
        for span in self.spans:
            ledger.span(span)
        for call in self.calls:
            ledger.call(call)
        return ledger

    def write(self, connection: Connection) -> None:
        """The facts; the sums are the ledger's."""
        _VISITS.run(connection, self.visits)
        _CONTACTS.run(connection, self.contacts)
        _SEIZURES.run(connection, self.seizures)
        _SPANS.run(connection, [piece for span in self.spans for piece in rows_of(span)])
        _STANDING.run(connection, list({entry[:2]: entry for entry in self.standing}.values()))
        _OUTCOMES.run(connection, list({entry[:4]: entry for entry in self.outcomes}.values()))


class Recorder:
    """A follower of the journal. `targets` are those in force when a call ends, `channels` those of each trunk (0: unknown)."""

    def __init__(self, targets: Targets = default_targets, channels: Callable[[str], int] = lambda _trunk: 0) -> None:
        self.targets = targets
        self._states = States()
        self._channels = Channels(channels)

    @property
    def is_watching(self) -> bool:
        return self._states.is_watching

    def recover(self, connection: Connection, alive_at: float) -> None:
        """Before anything else of a start: states that stood when the node ended last are over since `alive_at`."""
        rows = connection.execute(select(t.standing))
        self._states = States(Standing(*row) for row in rows)
        found = Rows()
        for span, state in self._states.lost(alive_at):
            found.spans += [span] if span else []
            found.standing.append(state)
        found.write(connection)
        found.count(Ledger(self.targets)).write(connection)

    def rows(self, event: ev.Event, timeline: Sequence[ev.Event], record: CdrRow | None) -> Rows | None:
        """Once per event, in order; `timeline` and `record` come with the end of a call."""
        if type(event) not in _TOLD:  # two thirds of all events
            return None
        if isinstance(event, _LINES) and (changes := self._channels.take(event)):
            together = Rows()
            for state in changes:
                together.extend(self.turn(state) or Rows())
            if timeline:
                together.extend(rows_of_call(timeline, record))
            return together
        if isinstance(event, ev.CallEnded):
            return rows_of_call(timeline, record) if timeline else None
        if isinstance(event, _STATES):
            return _changed(self._states.take(event))
        if isinstance(event, OUTCOMES):
            return Rows(outcomes=outcomes_of(event))
        return None

    def turn(self, state: Standing) -> Rows | None:
        """A state that began without an event."""
        return _changed(self._states.turn(state))

    def write(self, connection: Connection, found: Sequence[Any]) -> None:
        """In the transaction of the events; after a rollback once more with the same rows."""
        together = Rows()
        for rows in found:
            together.extend(rows)
        together.write(connection)
        together.count(Ledger(self.targets)).write(connection)


def _changed(change: tuple[Span | None, Standing] | None) -> Rows | None:
    return None if change is None else Rows(spans=[change[0]] if change[0] else [], standing=[change[1]])


def rows_of_call(timeline: Sequence[ev.Event], record: CdrRow | None) -> Rows:
    facts = facts_of(timeline)
    calls = [] if record is None else [
        Ended(record.created_at, record.direction, record.result, record.wait_ms, record.talk_ms, record.duration_ms)
    ]  # fmt: skip
    return Rows(facts.visits, facts.contacts, facts.seizures, calls=calls, steps=facts.steps)
