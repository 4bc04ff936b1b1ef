"""What comes up from the SIP core. Facts of the wire are values; a peer's fault is an event with a status, never an exception.

A *leg* is one INVITE usage in one dialog, named by an id that the caller of `Invite` chose or that the core made for an
incoming call. Bodies are bytes plus a content type: signalling never reads SDP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Flow(NamedTuple):
    """One path of octets (RFC 5626): transport in lower case, our address, the peer's, and the connection (0 for UDP)."""

    transport: str  # "udp" | "tcp" | "tls" | "ws" | "wss"
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    content: bytes
    content_type: str = "application/sdp"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a party says it is, and who we know it to be."""

    uri_user: str
    uri_host: str
    display_name: str = ""
    asserted_user: str = ""  # PAI or RPID, only from a trusted peer


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A new INVITE from an identified peer; 100 Trying has left already. Answer with Ring, Answer or Reject."""

    leg: str
    flow: Flow
    peer_kind: str  # PeerKind value
    peer_name: str  # trunk name, or extension number
    call_id: str
    called: str  # user part of the Request-URI, unescaped
    called_host: str
    caller: Identity
    to_user: str
    body: Body | None  # None: delayed offer, we offer in the 2xx
    max_forwards: int = 70
    headers: Mapping[str, str] = field(default_factory=dict)  # X-*, Diversion, User-Agent ... first values, lower-case names


@dataclass(frozen=True, slots=True)
class Progress:
    """18x on a leg that we started. A body is early media (preview of the answer)."""

    leg: str
    status: int
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """2xx on a leg that we started; ACK was sent unless `needs_ack_body` (we offered nothing: answer with `Acknowledge`)."""

    leg: str
    body: Body | None
    needs_ack_body: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """ACK arrived for a call that we answered; `body` is the answer to a delayed offer."""

    leg: str
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class ModifyRequested:
    """A re-INVITE or UPDATE of the peer. Reply with `AcceptModify` or `RejectModify`. `body` None: the peer wants our offer."""

    leg: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class Modified:
    """Our re-INVITE was answered."""

    leg: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class ModifyFailed:
    """Our re-INVITE was refused; the session goes on as it was."""

    leg: str
    status: int


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """INFO inside a call; the core has answered 200 already."""

    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """REFER inside a call; the core has answered 202. `refer_to_user` is the user part of Refer-To."""

    leg: str
    refer_to_user: str
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is over; nothing more comes from it.

    `by_us`: we asked for it. `status`: final SIP status of a call that was never answered, 200 for a BYE, 487 for a CANCEL by
    the peer, 408 for a timeout. `q850`: cause of the Reason header, 0 when absent. `retry_after` seconds, 0 when absent.
    """

    leg: str
    status: int
    reason: str = ""
    q850: int = 0
    by_us: bool = False
    cancelled: bool = False
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Binding:
    """One Contact of an address-of-record."""

    aor: str  # extension number
    contact: str  # URI as registered
    flow: Flow
    expires_at: float  # monotonic
    call_id: str
    cseq: int
    instance: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class BindingsChanged:
    """The registrar's bindings of one extension after a REGISTER or an expiry."""

    aor: str
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """Our registration at a trunk: 'registered', 'failed', 'rejected', 'unregistered'."""

    trunk: str
    state: str
    status: int = 0
    expires_at: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OptionsAnswered:
    """Result of an OPTIONS that we sent; status 408 on timeout."""

    tag: str
    status: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Something worth a metric and no more: malformed, unauthorised, flood, unknown-transaction ..."""

    what: str
    flow: Flow
    method: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """A failed login or probing; the caller logs it as one line (sip.md §9). Never carries secrets."""

    what: str
    flow: Flow
    method: str
    status: int
    user: str = ""
    user_agent: str = ""


Event = (
    IncomingCall | Progress | Answered | Confirmed | ModifyRequested | Modified | ModifyFailed | InfoReceived
    | TransferRequested | Ended | BindingsChanged | RegistrationState | OptionsAnswered | Counted | SecurityEvent
)  # fmt: skip
