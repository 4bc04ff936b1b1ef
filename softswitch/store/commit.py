"""One transaction of the journal: a group of events and every row that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

from softswitch.model.events import CallCreated, CallEnded, Event, RecordingFinished, RecordingStarted
from softswitch.store import tables, trail
from softswitch.store.bulk import inserting, removing
from softswitch.store.facts import fact, set_fact
from softswitch.store.recordings import finish_recordings, start_recordings
from softswitch.store.rows import AUDITED, CdrRow, cdr_values, event_values

Fold = Callable[[Sequence[Event]], CdrRow | None]
Timelines = Callable[[str], Sequence[Event]]


class Follower(Protocol):
    """Makes rows of its own from events, written in the same transaction."""

    @property
    def is_watching(self) -> bool:
        """The time of a crash is to be known although no call goes on."""

    def recover(self, connection: Connection, alive_at: float) -> None:
        """At a start, before any event; `alive_at` is when the node was last alive, 0 when never."""

    def rows(self, event: Event, timeline: Sequence[Event], record: CdrRow | None) -> Any:
        """Called once per event and in order. `timeline` and `record` are given with `call.ended`. None: nothing to write."""

    def write(self, connection: Connection, found: Sequence[Any]) -> None:
        """What `rows` returned for the events of this transaction; called again with the same after a failure."""


MARK = "journal.group"
_JOURNAL = inserting(tables.journal, "id")
_OUTBOX = inserting(tables.outbox)
_SHOWN = removing(tables.outbox, "id")
_BEGUN = inserting(tables.live_calls)
_ENDED = removing(tables.live_calls, "call")
_CDR = inserting(tables.cdr)


@dataclass(slots=True)
class Group:
    """Rows of one transaction, made in the loop and written by the writer thread."""

    events: list[Event] = field(default_factory=list)
    journal: list[tuple[str, int, str, float, str]] = field(default_factory=list)
    audit: list[tuple[str, int, str, float, str]] = field(default_factory=list)
    outbox: list[tuple[int, str, int, str, float, str]] = field(default_factory=list)
    begun: dict[str, float] = field(default_factory=dict)
    ended: dict[str, tuple[object, ...] | None] = field(default_factory=dict)
    """Call → its record, or None when there is none to write."""
    started: list[RecordingStarted] = field(default_factory=list)
    finished: list[RecordingFinished] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    """Outbox rows whose events the bus has had."""
    followed: dict[Follower, list[Any]] = field(default_factory=dict)
    mark: str = ""
    """Written with the group, to tell whether a commit whose answer was lost has happened; "" needs none."""
    alive_at: float | None = None
    keep_seconds: float = 0.0

    def add(self, event: Event, outbox_id: int, timelines: Timelines, fold: Fold) -> CdrRow | None:
        """Takes an event in; `outbox_id` is for its outbox row, if any. Returns the record that the event closes.

        Raises ValueError for a field JSON cannot hold.
        """
        row, record = event_values(event), None
        self.events.append(event)
        self.journal.append(row)
        if event.committed_only:
            self.outbox.append((outbox_id, *row))
        match event:
            case CallCreated():
                self.begun[event.call] = event.at
            case CallEnded():
                timeline = timelines(event.call)
                record = fold(timeline) if timeline else None
                self.ended[event.call] = cdr_values(record) if record else None
            case RecordingStarted():
                self.started.append(event)
            case RecordingFinished():
                self.finished.append(event)
            case _ if isinstance(event, AUDITED):
                self.audit.append(row)
        return record

    def follow(self, found: Sequence[tuple[Follower, Any]]) -> None:
        for follower, rows in found:
            self.followed.setdefault(follower, []).append(rows)

    def write(self, connection: Connection) -> None:
        """Runs in the writer's transaction."""
        _JOURNAL.run(connection, self.journal)
        trail.extend(connection, self.audit)
        _SHOWN.run(connection, [(identity,) for identity in self.shown])
        _OUTBOX.run(connection, self.outbox)
        _BEGUN.run(connection, [(call, at) for call, at in self.begun.items() if call not in self.ended])
        _ENDED.run(connection, [(call,) for call in self.ended if call not in self.begun])
        _CDR.run(connection, [record for record in self.ended.values() if record])
        start_recordings(connection, self.started, self.keep_seconds)
        finish_recordings(connection, self.finished, self.keep_seconds)
        for follower, found in self.followed.items():
            follower.write(connection, found)
        if self.alive_at is not None:
            set_fact(connection, "alive_at", repr(self.alive_at))
        if self.mark:
            set_fact(connection, MARK, self.mark)

    def is_committed(self, connection: Connection) -> bool:
        return bool(self.mark) and fact(connection, MARK) == self.mark


def append_audited(connection: Connection, events: Sequence[Event]) -> None:
    """Journals events inside somebody's own transaction: changes of the directory with their audit trail."""
    rows = [event_values(event) for event in events]
    _JOURNAL.run(connection, rows)
    trail.extend(connection, rows)
