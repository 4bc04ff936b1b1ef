"""What goes down into the SIP core: imperative, frozen values.

Misuse (an unknown leg, answering twice) raises LocalProtocolError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from signalling.events import Body, Flow, Identity


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials for challenges of one peer; never sent to another realm than the peer's own."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """Start a call. `leg` is chosen by the caller. `target` is the Request-URI; `flow` where to send it: a binding's flow, or
    the resolved next hop as a Flow whose local address the transport fills in (local port 0)."""

    leg: str
    target: str
    flow: Flow
    caller: Identity
    to_user: str
    body: Body | None
    login: Login | None = None
    timeout: float = 60.0  # ring time, seconds; then CANCEL, Ended(status=408)
    first_response: float = (
        0.0  # seconds for any response at all; then given up, Ended(status=408, q850=18). 0: timer B decides
    )
    max_forwards: int = 69
    headers: Mapping[str, str] = field(default_factory=dict)
    asserted: bool = False  # write P-Asserted-Identity


@dataclass(frozen=True, slots=True)
class Ring:
    """180, or 183 with a body (early media)."""

    leg: str
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """200 to an incoming call. With a delayed offer, `body` is our offer and the answer comes in `Confirmed`."""

    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class Reject:
    """Final 3xx-6xx to an incoming call that is not answered yet."""

    leg: str
    status: int
    q850: int = 0
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # e.g. Retry-After, Contact for 302


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """ACK with the answer to an offer that came in a 2xx."""

    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class Modify:
    """Send a re-INVITE with this offer. Queued and merged while one is pending or glare is being resolved."""

    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class AcceptModify:
    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class RejectModify:
    leg: str
    status: int = 488


@dataclass(frozen=True, slots=True)
class SendInfo:
    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class TransferResult:
    """Report to the peer that asked for a transfer (`TransferRequested`): 1xx while it is tried, then once the final status."""

    leg: str
    status: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """BYE, CANCEL or a final refusal, whatever the state needs. `Ended(by_us=True)` follows. Unknown legs are ignored."""

    leg: str
    status: int = 0  # for an unanswered incoming call, default 480
    q850: int = 16
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """Keep `trunk` registered: REGISTER now, refresh at 80 %, back off on failure. `expires` 0 unregisters."""

    trunk: str
    registrar: str  # SIP URI, e.g. sip:carrier.example
    flow: Flow
    aor_user: str
    login: Login
    expires: int = 3600
    contact_user: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """Probe a peer once; `tag` returns in `OptionsAnswered`."""

    tag: str
    target: str
    flow: Flow


@dataclass(frozen=True, slots=True)
class DropBindings:
    """Forget every registration of an extension (deleted, password changed)."""

    aor: str


@dataclass(frozen=True, slots=True)
class Drain:
    """No new calls: INVITE and OPTIONS outside dialogs get 503."""

    retry_after: int = 10


Command = (
    Invite | Ring | Answer | Reject | Acknowledge | Modify | AcceptModify | RejectModify | SendInfo | TransferResult | HangUp
    | Register | Options | DropBindings | Drain
)  # fmt: skip
