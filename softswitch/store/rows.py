"""Events and records as database rows, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Row

from softswitch.model.events import (
    BY_TYPE,
    EVENTS,
    AdminChanged,
    AgentMessage,
    AgentSkillsChanged,
    AlarmAcknowledged,
    Event,
    QueueEmergency,
    RecordingAccessed,
    RecordingPaused,
    RecordingResumed,
    ReserveCalled,
    ReserveReleased,
    SupervisionEnded,
    SupervisionForced,
    SupervisionMode,
    SupervisionReleased,
    SupervisionStarted,
    restored,
)

_COLUMNS = ("call", "seq", "at")


def _encode(data: Mapping[str, object]) -> str:
    """Compact JSON. Raises ValueError for a value that JSON cannot hold."""
    return to_json(data, fallback=dict).decode()  # `fallback`: mappings that are no dict


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


CDR_NAMES = tuple(entry.name for entry in fields(CdrRow))
_cdr_values = attrgetter(*CDR_NAMES[:-1])


def cdr_values(row: CdrRow) -> tuple[Any, ...]:
    """In the order of `CDR_NAMES`; the context as JSON."""
    return (*_cdr_values(row), _encode(dict(row.context)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """The fields of one event type that are not columns, and their defaults, which are not stored."""

    names: tuple[str, ...]
    defaults: tuple[object, ...]
    values: Callable[[Event], tuple[object, ...]]

    @classmethod
    def of(cls, kind: type[Event]) -> _Plan:
        entries = [entry for entry in fields(kind) if entry.name not in _COLUMNS]
        defaults = tuple(e.default_factory() if e.default_factory is not MISSING else e.default for e in entries)
        names = tuple(entry.name for entry in entries)
        return cls(names, defaults, attrgetter(*names))


_PLANS = {kind: _Plan.of(kind) for kind in EVENTS}
AUDITED = (
    SupervisionStarted, SupervisionMode, SupervisionEnded, SupervisionReleased, SupervisionForced,
    AdminChanged, RecordingAccessed, RecordingPaused, RecordingResumed, AgentSkillsChanged, AgentMessage, QueueEmergency,
    AlarmAcknowledged, ReserveCalled, ReserveReleased,
)  # fmt: skip
"""What somebody did with the rights of his role."""


def event_values(event: Event) -> tuple[str, int, str, float, str]:
    """The journal row of an event: call, seq, type, at, data. Hot, so it avoids `asdict` (15 × dearer)."""
    plan = _PLANS[type(event)]
    values = zip(plan.names, plan.values(event), plan.defaults, strict=True)
    stored = {name: value for name, value, default in values if value is not default}
    return event.call, event.seq, event.type, event.at, _encode(stored)


def event_of(row: Row[Any]) -> Event:
    """The event of a journal or outbox row. Raises KeyError for a type that this release does not know."""
    return BY_TYPE[row.type](call=row.call, seq=row.seq, at=row.at, **restored(json.loads(row.data)))
