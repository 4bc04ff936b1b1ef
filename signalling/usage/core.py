"""What a usage may ask of the endpoint that holds it, and the small things every verb needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from signalling.errors import RemoteProtocolError
from signalling.events import Body, Event, Flow
from signalling.message import Message, Outgoing, sdp_part
from signalling.policy import PeerBook
from signalling.timers import Alarm, Deadline, Deadlines
from signalling.transaction import ClientTransaction
from signalling.transaction.machine import ClientUser
from signalling.usage.config import EndpointConfig
from signalling.usage.leg import Leg

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, REGISTER\r\n"
SUPPORTED_OPTIONS = frozenset({"timer"})
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
    calls: set[str]  # ids of the incoming legs among `legs`, which max_calls limits
    agent_line: str  # User-Agent of our requests
    server_line: str  # Server of our responses

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

    def send(self, request: Outgoing, flow: Flow, user: ClientUser, now: float) -> ClientTransaction:
        """Start a client transaction for a request whose Via came from `via`."""


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


def reason_line(q850: int, text: str = "") -> str:
    """A Reason header line (RFC 3326), "" without a cause."""
    return f"Reason: {reason_value(q850, text)}\r\n" if q850 else ""


def reason_value(q850: int, text: str = "") -> str:
    if not q850:
        return ""
    if q850 == ELSEWHERE:  # RFC 3326 §2: the peer that loses a fork shows no missed call
        return f'SIP;cause=200;text="Call completed elsewhere", Q.850;cause={ELSEWHERE}'
    safe = "".join(char for char in text if char.isprintable() and char not in '"\\')
    return f'Q.850;cause={q850};text="{safe}"' if safe else f"Q.850;cause={q850}"


def q850_of(message: Message | None) -> tuple[int, str]:
    """Cause and text of the Q.850 value of a Reason header, (0, "") without one."""
    if message is not None and "reason" in message.headers:
        for reason in message.reasons:
            if reason.protocol == "Q.850":
                return reason.cause, reason.text
        for reason in message.reasons:
            if reason.protocol == "SIP" and reason.cause == 200:
                return ELSEWHERE, reason.text
        if message.reasons:
            return 0, message.reasons[0].text
    return 0, ""
