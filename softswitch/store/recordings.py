"""Rows of recordings. They follow from the events `rec.started` and `rec.finished`; only removal is done directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from softswitch.model.events import RecordingFinished, RecordingStarted
from softswitch.model.states import RecordingStatus
from softswitch.store.rows import RecordingRow
from softswitch.store.tables import recordings


def start_recordings(connection: Connection, events: Sequence[RecordingStarted], keep_seconds: float) -> None:
    """`keep_seconds` 0: kept for ever; an event may say another span."""
    rows = [
        {"id": e.recording, "call": e.call, "file": e.file, "status": RecordingStatus.RECORDING.value, "started_at": e.at,
         "duration_ms": 0, "bytes": 0, "sha256": "", "restricted": e.restricted,
         "expires_at": _end(e.at, e.keep_days * 86_400.0 or keep_seconds)}
        for e in events
    ]  # fmt: skip
    if rows:
        connection.execute(insert(recordings), rows)


def finish_recordings(connection: Connection, events: Sequence[RecordingFinished], keep_seconds: float) -> None:
    """Also takes a recording whose start was never committed (crash within the first moments)."""
    for event in events:
        known = connection.execute(select(recordings).where(recordings.c.id == event.recording)).first()
        started_at = known.started_at if known else event.at - event.duration_ms / 1000
        row = {
            "id": event.recording, "call": event.call, "file": event.file, "status": event.status, "started_at": started_at,
            "duration_ms": event.duration_ms, "bytes": event.bytes, "sha256": event.sha256, "restricted": event.restricted,
            "expires_at": known.expires_at if known else _end(started_at, keep_seconds),
        }  # fmt: skip
        connection.execute(delete(recordings).where(recordings.c.id == event.recording))
        connection.execute(insert(recordings), [row])


def _end(at: float, keep_seconds: float) -> float | None:
    return at + keep_seconds if keep_seconds else None


def recordings_of(connection: Connection, calls: Sequence[str]) -> dict[str, list[RecordingRow]]:
    """The recordings of several calls, oldest first."""
    found: dict[str, list[RecordingRow]] = {}
    rows = connection.execute(select(recordings).where(recordings.c.call.in_(calls)).order_by(recordings.c.started_at))
    for row in rows:
        found.setdefault(row.call, []).append(_row(row))
    return found


def recording(connection: Connection, identity: str) -> RecordingRow | None:
    row = connection.execute(select(recordings).where(recordings.c.id == identity)).first()
    return _row(row) if row else None


def unfinished_recordings(connection: Connection) -> list[RecordingRow]:
    """Rows still `recording`: at start, the files that a crash left behind."""
    rows = connection.execute(select(recordings).where(recordings.c.status == RecordingStatus.RECORDING.value))
    return [_row(row) for row in rows]


def remove_recordings(connection: Connection, identities: Sequence[str]) -> None:
    connection.execute(delete(recordings).where(recordings.c.id.in_(identities)))


def _row(row: Row[Any]) -> RecordingRow:
    return RecordingRow(**row._mapping)
