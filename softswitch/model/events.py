"""The typed events of the call timeline (call-centre.md §13): the single source for records, boards, audit and reports.

Append-only facts in the past tense. `at` is UTC epoch seconds, durations are ms. The owner of a call numbers its events with
`seq` from 1; events that belong to no call have `call == ""`. Times and numbers are stamped by the emitter, see `stamped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    type: ClassVar[str] = ""
    committed_only: ClassVar[bool] = False
    """Shown to anybody only after the journal has committed it (interfaces.md §3)."""

    call: str = ""
    seq: int = 0
    at: float = 0.0
    leg: str = ""
    agent: str = ""
    queue: str = ""
    actor: str = ""  # who ordered it: a login, token name, "caller", "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCreated(Event):
    type: ClassVar[str] = "call.created"
    direction: str  # "in" | "out" | "internal"
    caller: str
    caller_name: str = ""
    called: str = ""  # number or destination as received
    trunk: str = ""
    source: str = "sip"  # "sip" | "widget" | "browser" | "api"
    sip_call_id: str = ""
    context: Mapping[str, str] = field(default_factory=dict)  # page URL and attributes of the widget


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProgress(Event):
    type: ClassVar[str] = "call.progress"
    status: int
    early_media: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(Event):
    """A leg was answered. The first one of an inbound call is the switch itself answering the caller."""

    type: ClassVar[str] = "call.answered"
    party: str = "caller"  # "caller" | "callee" | "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallConnected(Event):
    """Two people hear each other from here on."""

    type: ClassVar[str] = "call.connected"
    other: str = ""  # "agent:LOGIN" "extension:N" "outside:N"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld(Event):
    type: ClassVar[str] = "call.held"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(Event):
    type: ClassVar[str] = "call.resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRejected(Event):
    type: ClassVar[str] = "call.rejected"
    status: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(Event):
    type: ClassVar[str] = "call.transferred"
    kind: str
    target: str
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceJoined(Event):
    type: ClassVar[str] = "call.conference_joined"
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceLeft(Event):
    type: ClassVar[str] = "call.conference_left"
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """Always the last event of a call but for recording events. `who` hung up: caller, agent, callee, supervisor, system."""

    type: ClassVar[str] = "call.ended"
    committed_only: ClassVar[bool] = True
    who: str
    cause: str  # Cause.word
    q850: int
    sip_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStarted(Event):
    """A second party is being tried: an agent's device, a phone, a trunk."""

    type: ClassVar[str] = "leg.started"
    target: str
    trunk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(Event):
    type: ClassVar[str] = "leg.ended"
    cause: str
    sip_status: int = 0
    by: str = ""  # "us" | "peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMedia(Event):
    type: ClassVar[str] = "leg.media"
    codec: str
    first_rtp_ms: int = 0
    as_signalled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LegQuality(Event):
    type: ClassVar[str] = "leg.quality"
    packets_received: int = 0
    packets_sent: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDtmf(Event):
    type: ClassVar[str] = "leg.dtmf"
    digit: str
    way: str
    duration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrEntered(Event):
    type: ClassVar[str] = "ivr.entered"
    flow: str
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrNode(Event):
    type: ClassVar[str] = "ivr.node"
    flow: str
    node: str
    verb: str
    result: str
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrLeft(Event):
    type: ClassVar[str] = "ivr.left"
    flow: str
    node: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMissing(Event):
    type: ClassVar[str] = "ivr.prompt_missing"
    prompt: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntered(Event):
    type: ClassVar[str] = "queue.entered"
    visit: str
    position: int
    waited_ms: int = 0  # since a first entry whose place the caller keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueAnnounced(Event):
    type: ClassVar[str] = "queue.announced"
    visit: str
    what: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft(Event):
    """`result`: answered, abandoned, timeout, overflow, closed, supervisor."""

    type: ClassVar[str] = "queue.left"
    visit: str
    result: str
    wait_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcdDecision(Event):
    """Why this agent: the ranking as it was at the moment of the offer."""

    type: ClassVar[str] = "acd.decision"
    visit: str
    strategy: str
    candidates: tuple[str, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)  # login -> why
    keys: Mapping[str, float] = field(default_factory=dict)  # login -> the strategy's key
    chosen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMade(Event):
    type: ClassVar[str] = "offer.made"
    offer: str
    visit: str = ""
    station: str = ""
    wait_ms: int = 0
    ring_timeout_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRinging(Event):
    type: ClassVar[str] = "offer.ringing"
    offer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAnswered(Event):
    type: ClassVar[str] = "offer.answered"
    offer: str
    ring_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFailed(Event):
    """`reason`: no_answer, reject, busy, device, lost."""

    type: ClassVar[str] = "offer.failed"
    offer: str
    reason: str
    ring_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWithdrawn(Event):
    type: ClassVar[str] = "offer.withdrawn"
    offer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLogin(Event):
    type: ClassVar[str] = "agent.login"
    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLogout(Event):
    type: ClassVar[str] = "agent.logout"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateChanged(Event):
    """`old` and `new` are AgentState values; equal when only `pending` or `saved` changed. `pending` is a state that takes
    effect after the contact, or ''. `saved` is the state that an offline agent comes back to."""

    type: ClassVar[str] = "agent.state"
    old: str
    new: str
    reason: str = ""
    pending: str = ""
    saved: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWrapupDone(Event):
    type: ClassVar[str] = "agent.wrapup_done"
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionStarted(Event):
    type: ClassVar[str] = "sup.started"
    mode: str
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionMode(Event):
    type: ClassVar[str] = "sup.mode"
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEnded(Event):
    type: ClassVar[str] = "sup.ended"


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
    level: str  # "warning" | "critical"
    text: str
    object: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Event):
    type: ClassVar[str] = "alarm.cleared"
    code: str
    object: str = ""


EVENTS: tuple[type[Event], ...] = (
    CallCreated, CallProgress, CallAnswered, CallConnected, CallHeld, CallResumed, CallRejected, CallTransferred,
    ConferenceJoined, ConferenceLeft, CallEnded, LegStarted, LegEnded, LegMedia, LegQuality, LegDtmf, IvrEntered, IvrNode,
    IvrLeft, PromptMissing, QueueEntered, QueueAnnounced, QueueLeft, AcdDecision, OfferMade, OfferRinging, OfferAnswered,
    OfferFailed, OfferWithdrawn, AgentLogin, AgentLogout, AgentStateChanged, AgentWrapupDone, SupervisionStarted,
    SupervisionMode, SupervisionEnded, SupervisionReleased, SupervisionForced, RecordingStarted, RecordingDegraded,
    RecordingFinished, TrunkStateChanged, RegistrationChanged, AdminChanged, RecordingAccessed, AlarmRaised, AlarmCleared,
)  # fmt: skip
"""The one table of event types; a test compares it with the README."""

BY_TYPE: Mapping[str, type[Event]] = {event.type: event for event in EVENTS}

E = TypeVar("E", bound=Event)


def stamped(event: E, *, call: str, seq: int, at: float) -> E:
    """The event with its place in the timeline."""
    return replace(event, call=call, seq=seq, at=at)


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
    values = {key: value for key, value in data.items() if key not in ("type", "at")}
    if "candidates" in values:
        values["candidates"] = tuple(values["candidates"])
    return kind(at=datetime.fromisoformat(data["at"]).timestamp(), **values)


_BASE = ("call", "seq", "leg", "agent", "queue", "actor")
