"""One transaction of the journal: a group of events and every row that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert

from softswitch.model.events import CallCreated, CallEnded, Event, RecordingFinished, RecordingStarted
from softswitch.store import tables
from softswitch.store.facts import set_fact
from softswitch.store.recordings import finish_recordings, start_recordings
from softswitch.store.rows import CdrRow, cdr_values, event_values

Fold = Callable[[Sequence[Event]], CdrRow | None]
Timelines = Callable[[str], Sequence[Event]]


@dataclass(slots=True)
class Group:
    """Rows of one transaction, made in the loop and written by the writer thread."""

    events: list[Event] = field(default_factory=list)
    journal: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[str, float] = field(default_factory=dict)
    ended: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    """Call → its record, or None when there is none to write."""
    started: list[RecordingStarted] = field(default_factory=list)
    finished: list[RecordingFinished] = field(default_factory=list)
    published: list[int] = field(default_factory=list)
    """Outbox rows whose events the bus has had."""
    alive_at: float | None = None
    keep_seconds: float = 0.0

    def add(self, event: Event, outbox_id: int, timelines: Timelines, fold: Fold) -> None:
        """Takes an event in; `outbox_id` is for its outbox row, if any. Raises TypeError for a field JSON cannot hold."""
        row = event_values(event)
        self.events.append(event)
        self.journal.append(row)
        if event.committed_only:
            self.outbox.append({"id": outbox_id, **row})
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

    def write(self, connection: Connection) -> None:
        """Runs in the writer's transaction."""
        _insert(connection, tables.journal, self.journal)
        _remove(connection, tables.outbox.c.id, self.published)
        _insert(connection, tables.outbox, self.outbox)
        self._write_calls(connection)
        start_recordings(connection, self.started, self.keep_seconds)
        finish_recordings(connection, self.finished, self.keep_seconds)
        if self.alive_at is not None:
            set_fact(connection, "alive_at", repr(self.alive_at))

    def _write_calls(self, connection: Connection) -> None:
        begun = [{"call": call, "created_at": at} for call, at in self.begun.items() if call not in self.ended]
        _insert(connection, tables.live_calls, begun)
        records = [record for record in self.ended.values() if record]
        _remove(connection, tables.live_calls.c.call, self.ended)
        _remove(connection, tables.cdr.c.id, [record["id"] for record in records])  # upsert in portable SQL
        _insert(connection, tables.cdr, records)


def append_rows(connection: Connection, events: Sequence[Event]) -> None:
    """Journals events inside somebody's own transaction: changes of the directory with their audit trail."""
    _insert(connection, tables.journal, [event_values(event) for event in events])


def _insert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _remove(connection: Connection, column: Any, keys: Iterable[object]) -> None:
    if listed := list(keys):
        connection.execute(delete(column.table).where(column.in_(listed)))
