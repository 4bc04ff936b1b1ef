"""`softswitch replay`: the day from the journal, the configuration to be tried from an apply file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from softswitch.acd.settings import config_of
from softswitch.directory.apply import ApplyFile
from softswitch.directory.snapshot import Snapshot
from softswitch.model.errors import Invalid
from softswitch.model.events import Event
from softswitch.replay.compare import compare
from softswitch.replay.day import TYPES, take_apart
from softswitch.replay.report import Comparison
from softswitch.store.rows import event_of
from softswitch.store.tables import journal

BEFORE = 86_400.0
"""Seconds before the day that are read for who was signed in."""


def span(begin: str, end: str, now: datetime) -> tuple[float, float]:
    """Epoch seconds of --from and --to; without them yesterday in the time zone of `now`. Raises Invalid."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = _moment("from", begin, midnight) if begin else midnight - timedelta(days=1)
    until = _moment("to", end, midnight) if end else since + timedelta(days=1)
    if until <= since:
        raise Invalid("to", "expected a time after --from")
    return since.timestamp(), until.timestamp()


def _moment(name: str, text: str, midnight: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(name, f"expected a date or time like 2026-11-22 or 2026-11-22T09:00, got {text!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=midnight.tzinfo)


def recorded(connection: Connection, since: float, until: float) -> Sequence[Event]:
    """The journal's events that a replay reads. For `Store.study`."""
    types = tuple(event.type for event in TYPES)
    rows = select(journal).where(journal.c.type.in_(types), journal.c.at >= since - BEFORE, journal.c.at < until)
    return [event_of(row) for row in connection.execute(rows.order_by(journal.c.id))]


def tried(base: Snapshot, file: ApplyFile) -> Snapshot:
    """The directory as the file would make it; nothing is deleted."""
    changes = [(change.kind, change.item) for change in file.plan(base).changes if change.item is not None]
    return base.changed(changes)


def replayed(
    events: Sequence[Event], since: float, base: Snapshot, changed: Snapshot, *, queue: str = "", check: bool = False
) -> Comparison:
    """Raises Invalid when the queue is unknown."""
    if queue and queue not in changed.queues and queue not in base.queues:
        raise Invalid("queue", f"there is no queue {queue}")
    before = config_of(base)
    found = compare(take_apart(events, since, before.rules), before, config_of(changed), check=check)
    return found.only(queue) if queue else found
