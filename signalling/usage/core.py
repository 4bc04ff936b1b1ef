"""What a usage may ask of the endpoint that holds it, and the small things every verb needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from signalling.errors import RemoteProtocolError
from signalling.events import Body, Event, Flow, Reason
from signalling.message import Message, Outgoing, sdp_part
from signalling.policy import PeerBook
from signalling.timers import Alarm, Deadline, Deadlines
from signalling.transaction import ClientTransaction, ServerTransaction
from signalling.transaction.machine import ClientUser
from signalling.usage.config import EndpointConfig
from signalling.usage.leg import Leg, Wish
from signalling.usage.watch import Watch

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "REGISTER")
SUPPORTED_OPTIONS = frozenset({"100rel", "join", "norefersub", "replaces", "tdialog", "timer"})
SUPPORTED = "Supported: 100rel, join, norefersub, replaces, tdialog, timer\r\n"
SUPPORTED_WITHOUT_100REL = SUPPORTED.replace("100rel, ", "")
ELSEWHERE = 26  # Q.850: non-selected user clearing
ACCEPT = "Accept: application/sdp, multipart/mixed\r\n"


class Core(Protocol):
    """The endpoint as its usages see it."""

    config: EndpointConfig
    peers: PeerBook
    token: Callable[[], str]
    deadlines: Deadlines
    legs: dict[str, Leg]  # by leg id: everything the layer above may still command
    dialogs: dict[str, Leg]  # by local tag: everything the peer may still address
    watches: dict[str, Watch]  # subscriptions of either side, by local tag
    messages: dict[str, ServerTransaction]  # MESSAGE requests that wait for the layer above
    ended: dict[str, tuple[str, str]]  # Call-ID and remote tag of dialogs that were, by local tag
    calls: set[str]  # ids of the incoming legs among `legs`, which max_calls limits
    allow_line: str  # Allow: what this endpoint is configured for
    agent_line: str  # User-Agent of our requests
    server_line: str  # Server of our responses
    is_draining: bool  # nothing new is taken on

    def emit(self, event: Event) -> None: ...

    def transmit(self, data: bytes, flow: Flow) -> None: ...

    def advertised(self, flow: Flow) -> str:
        """host:port that the peer of this flow must use for us."""

    def via(self, flow: Flow) -> str:
        """A Via value with a new branch."""

    def owners(self, flow: Flow) -> frozenset[str]:
        """The extensions that are registered over this flow."""

    def moved(self, former: Flow, flow: Flow) -> None:
        """A device came back by another connection: its dialogs go on there."""

    def resume(self, leg: Leg, now: float) -> None:
        """Something that stood in the way is over: send what waits, 18x, 200 or a change of the session."""

    def wish(self, leg: Leg, wish: Wish, now: float) -> None:
        """Change the session of a leg as soon as that is possible."""

    def send(self, request: Outgoing, flow: Flow, user: ClientUser, now: float) -> ClientTransaction:
        """Start a client transaction for a request whose Via came from `via`."""


def allow_line(config: EndpointConfig) -> str:
    """The Allow line of an endpoint that handles these things."""
    methods = list(METHODS)
    methods += ["SUBSCRIBE"] * bool(config.events) + ["PUBLISH"] * bool(config.publishes) + ["MESSAGE"] * config.messages
    return f"Allow: {', '.join(methods)}\r\n"


def contact_line(core: Core, flow: Flow, user: str, params: str = "") -> str:
    kind = "ws" if flow.transport == "wss" else flow.transport  # RFC 7118 §5.2: the URI knows "ws" alone
    transport = "" if kind == "udp" else f";transport={kind}"
    return f"Contact: <sip:{user}@{core.advertised(flow)}{transport}>{params}\r\n"


def session_body(message: Message) -> Body | None:
    """The session description of a message, None without one. Raises RemoteProtocolError(415 | 400)."""
    content = sdp_part(message.content_type, message.body) if message.body else None
    return Body(content) if content is not None else None


def tolerated_body(message: Message) -> Body | None:
    """Like session_body for messages that cannot be refused (responses, ACK): what is unreadable counts as absent."""
    try:
        return session_body(message)
    except RemoteProtocolError:
        return None


def jitter(core: Core, low: float, high: float) -> float:
    """A random number of seconds between the bounds in steps of 10 ms, from the injected random source."""
    steps = max(1, round((high - low) * 100))
    return low + (sum(core.token().encode()) * 7919 % (steps + 1)) / 100


def later(core: Core, ring: Callable[[float], None], name: str, at: float) -> Deadline:
    return core.deadlines.set(Alarm(ring), name, at)


def reason_line(q850: int, text: str = "", more: tuple[Reason, ...] = ()) -> str:
    """A Reason header line (RFC 3326) with one value or several, "" without any."""
    value = reason_value(q850, text, more)
    return f"Reason: {value}\r\n" if value else ""


def reason_value(q850: int, text: str = "", more: tuple[Reason, ...] = ()) -> str:
    if not q850 and not more:
        return ""
    values = (Reason("Q.850", q850, text), *more) if q850 else more
    if q850 == ELSEWHERE and not more:  # RFC 3326 §2: the peer that loses a fork shows no missed call
        values = (Reason("SIP", 200, "Call completed elsewhere"), Reason("Q.850", ELSEWHERE))
    return ", ".join([value.render() for value in values])


def q850_of(reasons: tuple[Reason, ...]) -> tuple[int, str]:
    """Cause and text of the Q.850 value among reasons, (0, "") without one."""
    for reason in reasons:
        if reason.protocol == "Q.850":
            return reason.cause, reason.text
    for reason in reasons:
        if reason.protocol == "SIP" and reason.cause == 200:
            return ELSEWHERE, reason.text
    return (0, reasons[0].text) if reasons else (0, "")


def options(message: Message) -> str:
    """All option tags that the peer supports or requires, lower case; for `in` tests."""
    headers = message.headers
    found = headers.get("supported", []) + headers.get("require", []) if "require" in headers else headers.get("supported")
    if not found:
        return ""
    return (found[0] if len(found) == 1 else ",".join(found)).lower()


def allows(message: Message, method: str) -> bool:
    """Whether an Allow header names a method."""
    allowed = message.headers.get("allow")
    return allowed is not None and method in (allowed[0] if len(allowed) == 1 else ",".join(allowed)).upper()
