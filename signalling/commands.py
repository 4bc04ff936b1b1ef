"""What goes down into the SIP core: imperative, frozen values.

Misuse (an unknown leg, answering twice) raises LocalProtocolError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from signalling.events import Body, Flow, Identity, Reason
from signalling.policy import PeerPolicy


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials for challenges of one peer; never sent to another realm than the peer's own."""

    username: str
    password: str = field(repr=False)
    realm: str = ""
    """The only realm that is answered; "": that of the first challenge."""
    digest: tuple[str, ...] = ()
    """The algorithms that are answered; empty: all that we have."""


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
    policy: PeerPolicy | None = None  # of the peer that is called; None: the trunk at `flow`, else the defaults
    identities: tuple[str, ...] = ()  # Identity headers (RFC 8224), each a line of its own
    contact_params: str = ""  # feature tags behind our Contact in the whole dialog (RFC 3840), e.g. ";+sip.src"
    routes: tuple[str, ...] = ()  # proxies on the way, the next one first: `Binding.path`


@dataclass(frozen=True, slots=True)
class Ring:
    """18x to an incoming call: 180, or 183 with a body (early media).

    With a body it is reliable when the peer can (RFC 3262, `PeerPolicy.rel100`); `reliable` True asks for that without a body
    too, False forbids it unless the peer requires it. The next one waits for the PRACK. With a delayed offer (`IncomingCall`
    without a body) a reliable `body` is our offer, its answer comes in `Modified`; an unreliable one is not sent.
    """

    leg: str
    body: Body | None = None
    reliable: bool | None = None
    status: int = 0  # 180, 181, 182, 183; 0: 180, or 183 with a body
    headers: Mapping[str, str] = field(default_factory=dict)  # P-Asserted-Identity, Alert-Info, P-Early-Media, Reason ...


@dataclass(frozen=True, slots=True)
class Answer:
    """200 to an incoming call. With a delayed offer, `body` is our offer and the answer comes in `Confirmed`.

    It waits for the PRACK of a reliable 18x that carried a body, and for the answer to an UPDATE that is open. When offer and
    answer have been exchanged in 18x and PRACK already the 200 carries no body, whatever `body` is.
    """

    leg: str
    body: Body | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """Final 3xx-6xx to an incoming call that is not answered yet."""

    leg: str
    status: int
    q850: int = 0
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # e.g. Retry-After, Contact for 302
    reasons: tuple[Reason, ...] = ()  # further values of Reason, behind that of `q850`


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The answer to an offer that came in a 2xx (`needs_ack_body`), sent in the ACK, or in a reliable 18x
    (`Progress.needs_answer`), sent in the PRACK."""

    leg: str
    body: Body


@dataclass(frozen=True, slots=True)
class Modify:
    """Send a re-INVITE with this offer; to a leg that is not answered yet, or a peer without `reinvite`, an UPDATE.

    Queued and merged while one is pending or glare is being resolved: the newest body wins. `body` None asks the peer for an
    offer (`Modified.needs_ack_body`). `ModifyFailed` follows when the peer can do neither (status 405).
    """

    leg: str
    body: Body | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """Send an UPDATE (RFC 3311), early or confirmed: a new offer, or without a body only headers (connected identity).

    Queued like `Modify`. A peer that knows no UPDATE gets a re-INVITE with our last body once it has answered; before that the
    wish waits. `tag` chooses among several early dialogs (`EarlyDialog`), "" is the newest.
    """

    leg: str
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""


@dataclass(frozen=True, slots=True)
class AcceptModify:
    leg: str
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RejectModify:
    leg: str
    status: int = 488


@dataclass(frozen=True, slots=True)
class SendInfo:
    """INFO inside a call; `package` names its Info-Package (RFC 6086), "" is the older INFO without one."""

    leg: str
    body: Body
    package: str = ""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """Report to the peer that asked for a transfer (`TransferRequested`): 1xx while it is tried, then once the final status.

    `contact` is the user part of the Contact in the last report: where the other side is reached now (a park slot).
    """

    leg: str
    status: int
    contact: str = ""


@dataclass(frozen=True, slots=True)
class RejectTransfer:
    """Refuse a transfer that was asked for, before any `TransferResult`: it is reported as failed with this status."""

    leg: str
    status: int = 603


@dataclass(frozen=True, slots=True)
class Refer:
    """Ask the peer to transfer itself to `target` (profile `refer = "send"`); `TransferProgress`, then `TransferDone` or
    `TransferFailed` follow. `replaces` is the value of a Replaces header, for an attended transfer."""

    leg: str
    target: str
    replaces: str = ""
    referred_by: str = ""  # URI


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to an event package and stay subscribed; `expires` 0 fetches the state once. `id` is chosen by the caller."""

    id: str
    target: str
    flow: Flow
    event: str
    caller: Identity
    to_user: str = ""
    expires: int = 3600
    accept: str = ""
    body: Body | None = None
    login: Login | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """End a subscription of ours; `SubscriptionEnded` follows the last NOTIFY. Unknown ids are ignored."""

    id: str


@dataclass(frozen=True, slots=True)
class AcceptSubscription:
    """200 to `SubscriptionAsked`, then NOTIFYs are expected: send the first `Notify` at once (RFC 6665 §4.2.1.1)."""

    subscription: str
    expires: int  # seconds granted, never more than asked


@dataclass(frozen=True, slots=True)
class RejectSubscription:
    subscription: str
    status: int = 403
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notify:
    """The state of what a peer watches. `state` "terminated" ends it with `reason` (deactivated, noresource, rejected ...).

    One NOTIFY is open at a time: while it is, only the newest wish is kept. Unknown subscriptions are ignored.
    """

    subscription: str
    body: Body | None
    state: str = "active"  # "pending" | "active" | "terminated"
    reason: str = ""
    retry_after: int = 0
    told: bool = False  # `NotifyAnswered` says when the next one may go


@dataclass(frozen=True, slots=True)
class SendNotify:
    """NOTIFY outside any subscription, for phones that want it so (message-summary, check-sync). Told in `MessageAnswered`."""

    id: str
    target: str
    flow: Flow
    event: str
    caller: Identity
    to_user: str = ""
    body: Body | None = None
    login: Login | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendMessage:
    """A MESSAGE (RFC 3428) outside any dialog; `MessageAnswered` follows."""

    id: str
    target: str
    flow: Flow
    caller: Identity
    body: Body
    to_user: str = ""
    login: Login | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    """The final answer to `MessageReceived`."""

    id: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerPublish:
    """The final answer to `Published`; 200 keeps the state for `expires` seconds under the entity tag that the event names."""

    id: str
    status: int = 200
    expires: int = 3600


@dataclass(frozen=True, slots=True)
class HangUp:
    """BYE, CANCEL or a final refusal, whatever the state needs. `Ended(by_us=True)` follows. Unknown legs are ignored."""

    leg: str
    status: int = 0  # for an unanswered incoming call, default 480
    q850: int = 16
    reason: str = ""
    reasons: tuple[Reason, ...] = ()  # further values of Reason, e.g. SIP;cause=200 "Call completed elsewhere" in a CANCEL


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
    """No new calls: INVITE and OPTIONS outside dialogs get 503. `retry_after` 0: 5 to 15 s, so that not all return at once.

    `elsewhere`: another node takes registrations, so they get 503 here; else they are kept for a minute. Subscriptions of peers
    end as `deactivated`: they shall be made anew (RFC 6665 §4.1.3).
    """

    retry_after: int = 0
    elsewhere: bool = False


Command = (
    Invite | Ring | Answer | Reject | Acknowledge | Modify | Update | AcceptModify | RejectModify | SendInfo | TransferResult
    | RejectTransfer | Refer | HangUp | Register | Options | DropBindings | Drain | Subscribe | Unsubscribe
    | AcceptSubscription | RejectSubscription | Notify | SendNotify | SendMessage | AnswerMessage | AnswerPublish
)  # fmt: skip
