"""Events and records as database rows, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter
from typing import Any

from sqlalchemy import Row

from softswitch.model.events import BY_TYPE, EVENTS, Event

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=dict
).encode  # `default`: mappings that are no dict
_COLUMNS = ("call", "seq", "at")


@dataclass(frozen=True, slots=True)
class CdrRow:
    """One ended call. Times are UTC epoch seconds (None: it never came to that), durations ms."""

    id: str
    direction: str
    caller: str
    caller_name: str
    called: str
    trunk: str
    source: str
    queue: str
    agent: str
    result: str  # answered abandoned busy no_answer rejected failed interrupted
    cause: str
    q850: int
    sip_status: int
    who: str
    created_at: float
    answered_at: float | None
    connected_at: float | None
    ended_at: float
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    duration_ms: int
    sip_call_id: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordingRow:
    id: str
    call: str
    file: str  # relative to data_dir/recordings
    status: str  # RecordingStatus
    started_at: float
    duration_ms: int
    bytes: int
    sha256: str
    restricted: bool
    expires_at: float | None  # None: kept for ever


_CDR_NAMES = tuple(entry.name for entry in fields(CdrRow))
_cdr_values = attrgetter(*_CDR_NAMES)


def cdr_values(row: CdrRow) -> dict[str, Any]:
    values = dict(zip(_CDR_NAMES, _cdr_values(row), strict=True))
    values["context"] = dict(row.context)
    return values


def _plan(kind: type[Event]) -> tuple[tuple[str, object], ...]:
    """Field names of an event beside the columns, each with its default: defaults are not stored."""
    return tuple(
        (entry.name, entry.default_factory() if entry.default_factory is not MISSING else entry.default)
        for entry in fields(kind)
        if entry.name not in _COLUMNS
    )


_PLANS = {kind: _plan(kind) for kind in EVENTS}


def event_values(event: Event) -> dict[str, Any]:
    """The journal row of an event. Hot: runs for every event, so it avoids `asdict` (15 × dearer)."""
    data = {}
    for name, default in _PLANS[type(event)]:
        value = getattr(event, name)
        if value != default:
            data[name] = value
    return {"call": event.call, "seq": event.seq, "type": event.type, "at": event.at, "data": _encode(data)}


def event_of(row: Row[Any]) -> Event:
    """The event of a journal or outbox row. Raises KeyError for a type that this release does not know."""
    values = json.loads(row.data)
    if "candidates" in values:
        values["candidates"] = tuple(values["candidates"])
    return BY_TYPE[row.type](call=row.call, seq=row.seq, at=row.at, **values)
