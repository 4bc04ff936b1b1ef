"""What comes up from the SIP core. Facts of the wire are values; a peer's fault is an event with a status, never an exception.

A *leg* is one INVITE usage in one dialog, named by an id that the caller of `Invite` chose or that the core made for an
incoming call. Bodies are bytes plus a content type: signalling never reads SDP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from signalling.message.headers import Reason as Reason  # noqa: PLC0414 - part of the vocabulary


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


class NamedDialog(NamedTuple):
    """A dialog that a header names: Replaces (RFC 3891), Join (3911), Target-Dialog (4538).

    `leg` is the leg of ours that it is, "" when it is none.
    """

    leg: str
    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


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
    identities: tuple[str, ...] = ()  # values of Identity headers (RFC 8224), unread
    date: str = ""  # of the Date header, which the compact form of them needs
    replaces: NamedDialog | None = None  # this call takes the place of that leg: answer, move the media, hang up the other
    join: NamedDialog | None = None  # this call wants to be added to that one
    can_100rel: bool = False  # the caller takes reliable 18x, and its policy allows them: a delayed offer may be met there
    contact: str = ""  # the Contact as it came


@dataclass(frozen=True, slots=True)
class Progress:
    """18x on a leg that we started. A body is early media: a preview of the answer, or the answer itself when `reliable`.

    `tag` names the early dialog, "" for a peer that gave none. 199: that dialog is over. `needs_answer`: our INVITE carried no
    offer and this body is one; answer with `Acknowledge`.
    """

    leg: str
    status: int
    body: Body | None = None
    tag: str = ""
    reliable: bool = False
    needs_answer: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)  # P-Asserted-Identity, P-Early-Media, Reason, Alert-Info ...


@dataclass(frozen=True, slots=True)
class EarlyDialog:
    """A further early dialog of a leg that we started: somebody downstream forked (RFC 3261 §12.1.2). `Progress` follows."""

    leg: str
    tag: str
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """2xx on a leg that we started; ACK was sent unless `needs_ack_body` (we offered nothing: answer with `Acknowledge`).

    `body` is the answer, also when it came in a reliable 18x. `tag` tells which early dialog has won.
    """

    leg: str
    body: Body | None
    needs_ack_body: bool = False
    tag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """ACK arrived for a call that we answered; `body` is the answer to a delayed offer."""

    leg: str
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class ModifyRequested:
    """A re-INVITE, UPDATE or PRACK of the peer with an offer, answered or not. Reply with `AcceptModify` or `RejectModify`.

    `body` None: the peer wants our offer. `tag` is the early dialog that asks, "" once the leg is answered.
    """

    leg: str
    body: Body | None
    tag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Modified:
    """Our re-INVITE or UPDATE was answered, or our offer in a reliable 18x. `body` None: it carried no offer.

    `needs_ack_body`: `Modify` without a body brought this offer; answer with `Acknowledge`.
    """

    leg: str
    body: Body | None
    needs_ack_body: bool = False


@dataclass(frozen=True, slots=True)
class Refreshed:
    """An UPDATE of the peer without a body that tells who it is now (connected identity, RFC 4916); answered already."""

    leg: str
    headers: Mapping[str, str]


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
    package: str = ""


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """REFER inside a call, or outside with a Target-Dialog that names it; the core has answered 202.

    `refer_to_user` is the user part of Refer-To, `refer_to` the whole URI without its headers, `headers` those (unescaped,
    lower-case names). `replaced` is its Replaces, with the leg when the dialog is one of ours.
    """

    leg: str
    refer_to_user: str
    replaces: str = ""
    refer_to: str = ""
    replaced: NamedDialog | None = None
    referred_by: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """What the peer reports about a `Refer` of ours: the provisional status of its new call."""

    leg: str
    status: int


@dataclass(frozen=True, slots=True)
class TransferDone:
    """The peer's new call was answered (a sipfrag 2xx, never the 202 alone); its BYE is on the way, or ours may be."""

    leg: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """`Refer` was refused, failed, or was not reported on within 45 s (408). The leg goes on."""

    leg: str
    status: int


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
    reasons: tuple[Reason, ...] = ()  # all values of the Reason header, as they came
    contacts: tuple[str, ...] = ()  # of a 3xx: where to go instead, the most wanted first
    headers: Mapping[str, str] = field(default_factory=dict)  # of the final response: Diversion ...


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
    path: tuple[str, ...] = ()  # the way to it, outermost proxy first (RFC 3327); from proxies of ours only
    reg_id: str = ""
    """Which of the ways to its device this is (RFC 5626); "" for a device that has one."""
    since: float = 0.0
    """When it was made or refreshed last, monotonic."""


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
class Overloaded:
    """A peer that was asked for it says that so many per cent of our requests are too much (RFC 7339, loss)."""

    flow: Flow
    loss: int


@dataclass(frozen=True, slots=True)
class ConnectionShared:
    """A peer lets us use its connection for what we send to `remote` too (RFC 5923). Only a proved peer is heard."""

    flow: Flow
    remote: tuple[str, int]


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """A failed login or probing; the caller logs it as one line (sip.md §9). Never carries secrets.

    `verified`: the source address is not forged, for it has finished a TCP handshake or returned a nonce of ours.
    """

    what: str
    flow: Flow
    method: str
    status: int
    user: str = ""
    user_agent: str = ""
    verified: bool = False
    score: int = 0  # points of this event
    total: int = 0  # what its source has collected
    banned_until: float = 0.0  # the source is shut out until then; 0: it is not


@dataclass(frozen=True, slots=True)
class SubscriptionAsked:
    """A SUBSCRIBE from an identified peer. Answer with `AcceptSubscription` or `RejectSubscription`.

    `refresh`: the subscription exists already; the core has answered and only tells the new `expires`: notify again.
    `expires` 0: the state is wanted once.
    """

    subscription: str
    event: str  # package name
    flow: Flow
    peer_kind: str
    peer_name: str  # the account that asked, or the trunk
    resource: str  # user part of the Request-URI, unescaped
    resource_host: str
    expires: int
    caller: Identity
    accept: tuple[str, ...] = ()
    body: Body | None = None
    refresh: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription of ours was accepted or refreshed; it is refreshed by itself."""

    subscription: str
    expires: int


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """Nothing more comes from or goes to this subscription, of either side. `reason` as in Subscription-State, or "refused",
    "timeout", "unsubscribed"; `status` of the refusal, `retry_after` seconds as told."""

    subscription: str
    reason: str
    status: int = 0
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class NotifyAnswered:
    """A `Notify` of ours that wanted to be `told` was taken; the subscription goes on."""

    subscription: str


@dataclass(frozen=True, slots=True)
class Notified:
    """A NOTIFY for a subscription of ours, answered already."""

    subscription: str
    state: str  # "active" | "pending" | "terminated"
    body: Body | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A MESSAGE from an identified peer; answer with `AnswerMessage`. `leg` is set when it came inside a call."""

    id: str
    flow: Flow
    peer_kind: str
    peer_name: str
    called: str
    called_host: str
    caller: Identity
    body: Body
    leg: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageAnswered:
    """What became of a `SendMessage` or `SendNotify`; 408 for silence."""

    id: str
    status: int


@dataclass(frozen=True, slots=True)
class Published:
    """A PUBLISH from an identified peer (RFC 3903); answer with `AnswerPublish`.

    `tag` is the entity tag that a 200 will carry, `replaced` the one that it takes the place of ("" for new state). `body` None
    with `expires` above 0 only prolongs, `expires` 0 removes.
    """

    id: str
    event: str
    flow: Flow
    peer_kind: str
    peer_name: str
    resource: str
    expires: int
    body: Body | None
    tag: str
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class PublicationEnded:
    """Published state was not refreshed in time."""

    event: str
    resource: str
    tag: str


Event = (
    IncomingCall | Progress | EarlyDialog | Answered | Confirmed | ModifyRequested | Modified | ModifyFailed | Refreshed
    | InfoReceived | TransferRequested | TransferProgress | TransferDone | TransferFailed | Ended | BindingsChanged
    | RegistrationState | OptionsAnswered | Counted | SecurityEvent | SubscriptionAsked | Subscribed | SubscriptionEnded
    | ConnectionShared | Overloaded | Notified | NotifyAnswered | MessageReceived | MessageAnswered | Published
    | PublicationEnded
)  # fmt: skip
