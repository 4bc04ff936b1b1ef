"""MESSAGE (RFC 3428) in both directions, and NOTIFY outside subscriptions for phones that want it so."""

from __future__ import annotations

from signalling.commands import AnswerMessage, SendMessage, SendNotify
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Flow, MessageAnswered, MessageReceived
from signalling.message import Request, Response, presentable
from signalling.message.headers import TOKEN
from signalling.message.writer import header_lines
from signalling.policy import PeerKind, PeerPolicy
from signalling.transaction import ServerTransaction
from signalling.transaction.machine import ClientUser
from signalling.usage.core import Core
from signalling.usage.identity import caller_identity, passed_headers
from signalling.usage.leg import Leg
from signalling.usage.outside import Sender, envelope

MOST_OPEN = 1000


def on_message(
    core: Core,
    request: Request,
    transaction: ServerTransaction,
    flow: Flow,
    policy: PeerPolicy,
    now: float,
    leg: Leg | None = None,
) -> None:
    """Hand it up; the layer above answers. Raises 405 when nobody wants messages, 503 when too many are open."""
    if not core.config.messages:
        raise RemoteProtocolError(405, "No Messages")
    if len(core.messages) >= MOST_OPEN:
        raise RemoteProtocolError(503, "Too Many Messages")
    name = core.token()
    core.messages[name] = transaction
    transaction.start(now)
    uri = request.uri
    core.emit(
        MessageReceived(
            name,
            flow,
            policy.kind.value,
            policy.name,
            presentable(uri.username),
            uri.host,
            caller_identity(request, trusted=policy.kind is PeerKind.TRUNK),
            Body(request.body, request.content_type),
            leg.id if leg is not None else "",
            passed_headers(request),
        )
    )


def answer_message(core: Core, command: AnswerMessage, now: float) -> None:
    """Raises LocalProtocolError when no MESSAGE of that id waits."""
    transaction = core.messages.pop(command.id, None)
    if transaction is None:
        raise LocalProtocolError(f"no message {command.id}")
    transaction.respond(command.status, now, core.token(), header_lines(dict(command.headers)) + core.server_line)


def send_message(core: Core, command: SendMessage, now: float) -> None:
    """Raises LocalProtocolError for a target that is no URI."""
    dialog = envelope(core, command.target, command.flow, command.caller, command.to_user, command.routes)
    lines = header_lines(dict(command.headers))
    Sender(core, dialog, command.login).send("MESSAGE", lines, command.body, _told(core, command.id), now)


def send_notify(core: Core, command: SendNotify, now: float) -> None:
    """Raises LocalProtocolError for a target that is no URI or an event that is no token."""
    if not TOKEN.match(command.event):
        raise LocalProtocolError(f"no event: {command.event!r}")
    dialog = envelope(core, command.target, command.flow, command.caller, command.to_user, command.routes)
    state = "" if "Subscription-State" in command.headers else "Subscription-State: terminated;reason=noresource\r\n"
    lines = f"{dialog.contact}Event: {command.event}\r\n{state}{header_lines(dict(command.headers))}"
    Sender(core, dialog, command.login).send("NOTIFY", lines, command.body, _told(core, command.id), now)


def _told(core: Core, name: str) -> ClientUser:
    """The user of one request: its final status goes up."""

    def done(status: int, response: Response | None, now: float) -> None:
        if status >= 200:
            core.emit(MessageAnswered(name, status))

    return done
