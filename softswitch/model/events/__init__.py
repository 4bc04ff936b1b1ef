"""The typed events of the call timeline (call-centre.md §13): the single source for records, boards, audit and reports.

Append-only facts in the past tense. `at` is UTC epoch seconds, durations are ms. The owner of a call numbers its events with
`seq` from 1; events that belong to no call have `call == ""`. Times and numbers are stamped by the emitter, see `stamped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from softswitch.model.events.base import Event
from softswitch.model.events.call import (
    CallAnswered,
    CallConnected,
    CallCreated,
    CallData,
    CallDisposed,
    CallEnded,
    CallForwarded,
    CallHeld,
    CallParked,
    CallProgress,
    CallRejected,
    CallResumed,
    CallTransferred,
    CallUnparked,
    ConferenceJoined,
    ConferenceLeft,
    ConsultEnded,
    ConsultStarted,
    CustomerIdentified,
    FaxEnded,
    FaxRefused,
    FaxStarted,
    GroupEntered,
    LegDtmf,
    LegEnded,
    LegMedia,
    LegParked,
    LegQuality,
    LegResumed,
    LegStarted,
    MediaSecured,
    PageStarted,
    TransferFailed,
)
from softswitch.model.events.dialogue import (
    IvrAuth,
    IvrEntered,
    IvrInput,
    IvrLeft,
    IvrLookup,
    IvrNode,
    PromptMissing,
    SurveyAnswered,
    SurveyInvited,
    SurveySkipped,
    VoicemailChanged,
    VoicemailLeft,
)
from softswitch.model.events.operation import (
    AdminChanged,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmEscalated,
    AlarmRaised,
    CustomerPopped,
    CustomerSaved,
    RecordingAccessed,
    RecordingDegraded,
    RecordingFinished,
    RecordingPaused,
    RecordingResumed,
    RecordingStarted,
    RegistrationChanged,
    ReserveCalled,
    ReserveReleased,
    SupervisionEnded,
    SupervisionForced,
    SupervisionMode,
    SupervisionReleased,
    SupervisionStarted,
    TrunkStateChanged,
)
from softswitch.model.events.queue import (
    AcdDecision,
    AgentHelp,
    AgentLogin,
    AgentLogout,
    AgentMessage,
    AgentSkillsChanged,
    AgentStateChanged,
    AgentWrapupDone,
    CallbackAttempt,
    CallbackCancelled,
    CallbackCreated,
    CallbackDone,
    CallbackDue,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferRinging,
    OfferWithdrawn,
    QueueAnnounced,
    QueueEmergency,
    QueueEntered,
    QueueLeft,
    QueueRekeyed,
    QueueRelaxed,
)
from softswitch.model.events.streaming import (
    SiprecEnded,
    SiprecFailed,
    SiprecStarted,
    StreamDropped,
    StreamEnded,
    StreamStarted,
)

__all__ = [
    "BY_TYPE",
    "EVENTS",
    "AcdDecision",
    "AdminChanged",
    "AgentHelp",
    "AgentLogin",
    "AgentLogout",
    "AgentMessage",
    "AgentSkillsChanged",
    "AgentStateChanged",
    "AgentWrapupDone",
    "AlarmAcknowledged",
    "AlarmCleared",
    "AlarmEscalated",
    "AlarmRaised",
    "CallAnswered",
    "CallConnected",
    "CallCreated",
    "CallData",
    "CallDisposed",
    "CallEnded",
    "CallForwarded",
    "CallHeld",
    "CallParked",
    "CallProgress",
    "CallRejected",
    "CallResumed",
    "CallTransferred",
    "CallUnparked",
    "CallbackAttempt",
    "CallbackCancelled",
    "CallbackCreated",
    "CallbackDone",
    "CallbackDue",
    "ConferenceJoined",
    "ConferenceLeft",
    "ConsultEnded",
    "ConsultStarted",
    "CustomerIdentified",
    "CustomerPopped",
    "CustomerSaved",
    "Event",
    "FaxEnded",
    "FaxRefused",
    "FaxStarted",
    "GroupEntered",
    "IvrAuth",
    "IvrEntered",
    "IvrInput",
    "IvrLeft",
    "IvrLookup",
    "IvrNode",
    "LegDtmf",
    "LegEnded",
    "LegMedia",
    "LegParked",
    "LegQuality",
    "LegResumed",
    "LegStarted",
    "MediaSecured",
    "OfferAnswered",
    "OfferFailed",
    "OfferMade",
    "OfferRinging",
    "OfferWithdrawn",
    "PageStarted",
    "PromptMissing",
    "QueueAnnounced",
    "QueueEmergency",
    "QueueEntered",
    "QueueLeft",
    "QueueRekeyed",
    "QueueRelaxed",
    "RecordingAccessed",
    "RecordingDegraded",
    "RecordingFinished",
    "RecordingPaused",
    "RecordingResumed",
    "RecordingStarted",
    "RegistrationChanged",
    "ReserveCalled",
    "ReserveReleased",
    "SiprecEnded",
    "SiprecFailed",
    "SiprecStarted",
    "StreamDropped",
    "StreamEnded",
    "StreamStarted",
    "SupervisionEnded",
    "SupervisionForced",
    "SupervisionMode",
    "SupervisionReleased",
    "SupervisionStarted",
    "SurveyAnswered",
    "SurveyInvited",
    "SurveySkipped",
    "TransferFailed",
    "TrunkStateChanged",
    "VoicemailChanged",
    "VoicemailLeft",
    "from_dict",
    "restored",
    "rfc3339",
    "stamped",
    "to_dict",
]

EVENTS: tuple[type[Event], ...] = (
    CallCreated, CallProgress, CallAnswered, CallConnected, CallHeld, CallResumed, CallRejected, CallForwarded,
    CallTransferred, TransferFailed, GroupEntered, PageStarted,
    ConferenceJoined, ConferenceLeft, CallEnded, LegStarted, LegEnded, LegMedia, LegParked, LegResumed, LegQuality, LegDtmf,
    FaxStarted, FaxRefused, FaxEnded,
    MediaSecured,
    CallParked,    CallUnparked, ConsultStarted, ConsultEnded, CustomerIdentified, CallData, CallDisposed, IvrEntered, IvrNode,
    IvrLeft, PromptMissing, IvrInput, IvrAuth, IvrLookup, SurveyInvited, SurveyAnswered, SurveySkipped, VoicemailLeft,
    VoicemailChanged, QueueEntered, QueueAnnounced, QueueLeft, AcdDecision, OfferMade, OfferRinging, OfferAnswered,
    OfferFailed, OfferWithdrawn, AgentLogin, AgentLogout, AgentStateChanged, AgentWrapupDone, QueueRelaxed,
    QueueRekeyed, CallbackCreated, CallbackDue, CallbackAttempt, CallbackDone, CallbackCancelled, QueueEmergency,
    AgentSkillsChanged, AgentHelp, AgentMessage, SupervisionStarted, SupervisionMode, SupervisionEnded,
    SupervisionReleased, SupervisionForced, RecordingStarted, RecordingDegraded, RecordingFinished, TrunkStateChanged,
    RegistrationChanged, AdminChanged, RecordingAccessed, AlarmRaised, AlarmCleared, AlarmAcknowledged, AlarmEscalated,
    ReserveCalled, ReserveReleased, RecordingPaused, RecordingResumed, CustomerSaved, CustomerPopped,
    StreamStarted, StreamDropped, StreamEnded, SiprecStarted, SiprecFailed, SiprecEnded,
)  # fmt: skip
"""The one table of event types; a test compares it with the README."""

BY_TYPE: Mapping[str, type[Event]] = {event.type: event for event in EVENTS}

E = TypeVar("E", bound=Event)
_set = object.__setattr__


def stamped(event: E, *, call: str, seq: int, at: float) -> E:
    """The event with its place in the timeline.

    One that has no place yet is nobody else's and gets it itself: copying field by field would be a good part of a call's cost.
    """
    if event.seq:
        return replace(event, call=call, seq=seq, at=at)
    _set(event, "call", call)
    _set(event, "seq", seq)
    _set(event, "at", at)
    return event


def rfc3339(at: float) -> str:
    """UTC time with milliseconds, as every outside interface writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_dict(event: Event) -> dict[str, Any]:
    """The JSON form for journal, REST and WebSocket: `type`, `at` as RFC 3339, empty base fields left out."""
    data: dict[str, Any] = {"type": event.type, "at": rfc3339(event.at)}
    for key, value in asdict(event).items():
        if key == "at" or (key in _BASE and not value):
            continue
        data[key] = value
    return data


def from_dict(data: Mapping[str, Any]) -> Event:
    """Reads what `to_dict` wrote. Raises KeyError for an unknown type."""
    kind = BY_TYPE[data["type"]]
    values = restored({key: value for key, value in data.items() if key not in ("type", "at")})
    return kind(at=datetime.fromisoformat(data["at"]).timestamp(), **values)


def restored(values: dict[str, Any]) -> dict[str, Any]:
    """Fields as JSON gives them, lists made the tuples that events have; in place."""
    for name in _TUPLES & values.keys():
        values[name] = tuple(values[name])
    return values


_TUPLES = {entry.name for event in EVENTS for entry in fields(event) if str(entry.type).startswith("tuple")}
_BASE = ("call", "seq", "leg", "agent", "queue", "actor")
