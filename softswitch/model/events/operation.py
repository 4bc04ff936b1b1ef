"""Supervision, recordings, trunks, administration, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from softswitch.model.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionStarted(Event):
    type: ClassVar[str] = "sup.started"
    mode: str
    target: str = ""
    supervisor: str = ""  # whose device it is; `actor` is who ordered it
    device: str = ""  # "browser", "extension:1001"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionMode(Event):
    type: ClassVar[str] = "sup.mode"
    mode: str
    supervisor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEnded(Event):
    type: ClassVar[str] = "sup.ended"
    supervisor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionReleased(Event):
    type: ClassVar[str] = "sup.released"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionForced(Event):
    type: ClassVar[str] = "sup.forced"
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(Event):
    type: ClassVar[str] = "rec.started"
    recording: str
    file: str
    restricted: bool = False
    rule: str = ""  # why: the recording rule's name, "queue"; "" when somebody asked for it
    keep_days: int = 0  # 0: as the settings say


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDegraded(Event):
    type: ClassVar[str] = "rec.degraded"
    recording: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFinished(Event):
    """`status` is a RecordingStatus value."""

    type: ClassVar[str] = "rec.finished"
    committed_only: ClassVar[bool] = True
    recording: str
    file: str
    status: str
    duration_ms: int
    bytes: int
    sha256: str
    restricted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkStateChanged(Event):
    type: ClassVar[str] = "trunk.state"
    trunk: str
    state: str  # "up" | "down" | "registered" | "failed" | "rejected" | "unregistered"
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationChanged(Event):
    type: ClassVar[str] = "registration.changed"
    extension: str
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminChanged(Event):
    type: ClassVar[str] = "admin.changed"
    object: str
    action: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingAccessed(Event):
    type: ClassVar[str] = "rec.accessed"
    recording: str
    how: str  # "play" | "download"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Event):
    type: ClassVar[str] = "alarm.raised"
    code: str
    level: str  # "critical" | "major" | "minor" | "warning"
    text: str
    object: str = ""
    alarm: str = ""  # its id


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Event):
    type: ClassVar[str] = "alarm.cleared"
    code: str
    object: str = ""
    alarm: str = ""  # its id


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAcknowledged(Event):
    type: ClassVar[str] = "alarm.acked"
    code: str
    object: str = ""
    note: str = ""
    alarm: str = ""  # its id


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEscalated(Event):
    type: ClassVar[str] = "alarm.escalated"
    code: str
    object: str = ""
    to: str = ""
    alarm: str = ""  # its id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveCalled(Event):
    """A tier of the four-step reserve was called up."""

    type: ClassVar[str] = "reserve.called"
    step: int
    why: str = ""
    people: tuple[str, ...] = ()
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveReleased(Event):
    type: ClassVar[str] = "reserve.released"
    step: int
    people: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPaused(Event):
    type: ClassVar[str] = "rec.paused"
    recording: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingResumed(Event):
    type: ClassVar[str] = "rec.resumed"
    recording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSaved(Event):
    type: ClassVar[str] = "customer.saved"
    customer: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPopped(Event):
    type: ClassVar[str] = "customer.popped"
    customer: str
    ms: int = 0
