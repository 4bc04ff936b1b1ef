"""Calls, their legs and what is known of the customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from softswitch.model.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCreated(Event):
    type: ClassVar[str] = "call.created"
    direction: str  # "in" | "out" | "internal"
    caller: str
    caller_name: str = ""
    called: str = ""  # number or destination as received
    trunk: str = ""
    channel: int = 0  # of the trunk, from 1; 0 = the trunk has no channels of its own
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
    kind: str  # blind, attended, queue, flow
    target: str
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed(Event):
    """The carrier was asked to send its party elsewhere and has not; the call goes on. `status` is SIP's, 408 for silence."""

    type: ClassVar[str] = "call.transfer_failed"
    target: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallForwarded(Event):
    """A person's own service has sent the caller on. `reason` is a word of RFC 5806."""

    type: ClassVar[str] = "call.forwarded"
    by: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntered(Event):
    """A ring group is rung: its members in the order of the strategy. Each of them has a leg of its own."""

    type: ClassVar[str] = "call.group_entered"
    group: str
    strategy: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStarted(Event):
    """Somebody speaks to the loudspeakers of these extensions."""

    type: ClassVar[str] = "call.page_started"
    group: str
    members: tuple[str, ...] = ()


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
    channel: int = 0  # of the trunk, from 1; 0 = unknown


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
class MediaSecured(Event):
    """The sound of a party is encrypted; `suite` as in SDP or as DTLS has found it."""

    type: ClassVar[str] = "media.secured"
    suite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaxStarted(Event):
    """The call is a fax from here on (T.38): datagrams pass from `leg`, which asked, to `other` and back."""

    type: ClassVar[str] = "fax.started"
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaxRefused(Event):
    """A party wanted a fax and got none; the voice goes on."""

    type: ClassVar[str] = "fax.refused"
    reason: str  # alone: nobody a fax could go to; unable: the other network takes none; refused: the other end said no


@dataclass(frozen=True, slots=True, kw_only=True)
class FaxEnded(Event):
    """The parties talk again, or are gone."""

    type: ClassVar[str] = "fax.ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegParked(Event):
    """Nothing is heard of a browser any more; the other side hears music until it is back or the grace time is over."""

    type: ClassVar[str] = "leg.parked"
    reason: str  # silent, unreachable, closed


@dataclass(frozen=True, slots=True, kw_only=True)
class LegResumed(Event):
    """The browser is heard again."""

    type: ClassVar[str] = "leg.resumed"
    gap_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegQuality(Event):
    """How a party was heard: at the end of its part, and as soon as it is not heard any more or again.

    `mos` and `r_factor` (E-model) are -1 while nothing came. `one_way` says why the party is not heard although it is sent to
    (`media.events.ONE_WAY`), `one_way_detail` which codec or address came instead.
    """

    type: ClassVar[str] = "leg.quality"
    final: bool = True
    party: str = ""  # trunk, phone, agent, widget
    codec: str = ""
    packets_received: int = 0
    packets_sent: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float = -1.0
    concealed_ms: int = 0
    mos: float = -1.0
    r_factor: float = -1.0
    one_way: str = ""
    one_way_detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDtmf(Event):
    type: ClassVar[str] = "leg.dtmf"
    digit: str
    way: str
    duration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParked(Event):
    """The customer waits in a slot for whoever picks it up."""

    type: ClassVar[str] = "call.parked"
    slot: str
    by: str = ""  # agent login or extension


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnparked(Event):
    type: ClassVar[str] = "call.unparked"
    slot: str
    result: str  # picked_up, returned, abandoned
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultStarted(Event):
    """The agent talks to a third party while the customer hears music."""

    type: ClassVar[str] = "call.consult_started"
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultEnded(Event):
    type: ClassVar[str] = "call.consult_ended"
    target: str
    result: str  # transferred, conference, cancelled, failed
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerIdentified(Event):
    """The caller is known: by number, id and PIN, or an agent's choice."""

    type: ClassVar[str] = "call.identified"
    customer: str
    how: str  # number, pin, lookup, agent
    importance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallData(Event):
    """Data attached to the call, for the screen pop and for routing."""

    type: ClassVar[str] = "call.data"
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDisposed(Event):
    """What came of the contact, as the agent says."""

    type: ClassVar[str] = "call.disposed"
    codes: tuple[str, ...]
    note: str = ""
    visit: str = ""
