"""Subscriptions of peers (RFC 6665 §4.2): accepted above, kept, refreshed and ended here; one NOTIFY is open at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from signalling.commands import AcceptSubscription, Notify, RejectSubscription
from signalling.dialog import Dialog
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Flow, NotifyAnswered, SubscriptionAsked, SubscriptionEnded
from signalling.message import Request, Response, presentable
from signalling.message.writer import clean, header_lines
from signalling.policy import PeerKind, PeerPolicy
from signalling.timers import Deadline
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core, contact_line, later
from signalling.usage.identity import caller_identity, passed_headers
from signalling.usage.outside import Sender
from signalling.usage.watch import DEAD, NOTIFIER, Move, Phase, event_of

LEAST, LONGEST = 60, 3600
PER_PEER = 50
_MOVES = {"active": Move.ACTIVE, "pending": Move.PENDING, "terminated": Move.LAST}


class Notifiers:
    """All subscriptions of peers by id, bounded per account or trunk."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open: dict[str, Notifier] = {}
        self._held: Counter[str] = Counter()

    def on_subscribe(
        self, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, now: float
    ) -> None:
        """A SUBSCRIBE that starts a dialog. Raises 489 for a package that we do not serve, 423, or 403 for one too many."""
        core = self._core
        package, _ = event_of(request)
        if package not in core.config.events:
            raise RemoteProtocolError(489, "Bad Event")
        expires = asked_expires(request)
        if self._held[policy.name] >= PER_PEER and policy.kind is PeerKind.PHONE:
            raise RemoteProtocolError(403, "Too Many Subscriptions")
        tag, contact = core.token(), contact_line(core, flow, core.token())
        dialog = Dialog.accepting(request, local="", local_tag=tag, flow=flow, contact=contact, policy=policy)
        dialog.local = transaction.template.to_value(tag)
        notifier = Notifier(core, dialog, policy, request, expires, self._forget)
        transaction.start(now)
        notifier.asked = transaction
        self._open[notifier.id] = notifier
        self._held[policy.name] += 1
        core.watches[tag] = notifier
        core.emit(notifier.event(request, flow, expires, refresh=False))

    def accept(self, command: AcceptSubscription, now: float) -> None:
        self._get(command.subscription).accept(command.expires, now)

    def reject(self, command: RejectSubscription, now: float) -> None:
        self._get(command.subscription).reject(command, now)

    def notify(self, command: Notify, now: float) -> None:
        """Unknown subscriptions are ignored: the peer may have been faster."""
        if (notifier := self._open.get(command.subscription)) is not None:
            notifier.notify(command, now)

    def deactivate(self, now: float) -> None:
        """All end: the node goes down, and watchers shall subscribe anew at once, elsewhere (RFC 6665 §4.1.3)."""
        for notifier in tuple(self._open.values()):
            notifier.notify(Notify(notifier.id, None, state="terminated", reason="deactivated"), now)

    def __len__(self) -> int:
        return len(self._open)

    def _get(self, name: str) -> Notifier:
        notifier = self._open.get(name)
        if notifier is None:
            raise LocalProtocolError(f"no subscription {name}")
        return notifier

    def _forget(self, notifier: Notifier) -> None:
        if self._open.pop(notifier.id, None) is not None:
            self._core.watches.pop(notifier.dialog.local_tag, None)
            self._held[notifier.policy.name] -= 1
            if not self._held[notifier.policy.name]:
                del self._held[notifier.policy.name]


def asked_expires(request: Request) -> int:
    """Seconds that a SUBSCRIBE or PUBLISH wants, 3600 when it does not say, 0 for once. Raises 423 below a minute."""
    asked = request.number("expires")
    expires = LONGEST if asked is None else min(asked, LONGEST)
    if 0 < expires < LEAST:
        raise RemoteProtocolError(423, "Interval Too Brief")
    return expires


class Notifier:
    """One subscription of a peer."""

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        policy: PeerPolicy,
        request: Request,
        expires: int,
        forget: Callable[[Notifier], None],
    ) -> None:
        self._core = core
        self._forget = forget
        self._package, self._event_id = event_of(request)
        self._asked_for = expires
        self._until = 0.0
        self._phase = Phase.WAITING
        self._is_busy = False  # a NOTIFY is open
        self._next: Notify | None = None
        self._body: Body | None = None  # the last state, for the last NOTIFY
        self._deadline: Deadline | None = None
        self._sender = Sender(core, dialog, None)
        self.id = core.token()
        self.dialog = dialog
        self.policy = policy
        self.accounts = frozenset({policy.name})
        self.asked: ServerTransaction | None = None

    def event(self, request: Request, flow: Flow, expires: int, *, refresh: bool) -> SubscriptionAsked:
        uri = request.uri
        return SubscriptionAsked(
            self.id,
            self._package,
            flow,
            self.policy.kind.value,
            self.policy.name,
            presentable(uri.username),
            uri.host,
            expires,
            caller_identity(request, trusted=self.policy.kind is PeerKind.TRUNK),
            tuple(request.tokens("accept")),
            Body(request.body, request.content_type) if request.body else None,
            refresh,
            passed_headers(request),
        )

    def accept(self, expires: int, now: float) -> None:
        """200, with no more than was asked. Raises LocalProtocolError when it is decided already."""
        transaction = self._decided()
        expires = max(0, min(expires, self._asked_for))
        self._grant(expires, now)
        self._phase = NOTIFIER[Phase.WAITING, Move.ACCEPTED if expires else Move.LEAVE]
        self._respond(transaction, expires, now)

    def reject(self, command: RejectSubscription, now: float) -> None:
        transaction = self._decided()
        lines = header_lines(dict(command.headers)) + self._core.server_line
        transaction.respond(command.status, now, self.dialog.local_tag, lines)
        self._phase = NOTIFIER[self._phase, Move.REFUSED]
        self._forget(self)

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """A refresh, or the end with Expires 0. Raises 481, 423, 500."""
        if request.method != "SUBSCRIBE" or self.dialog.remote_tag != request.from_.tag:
            raise RemoteProtocolError(481, "No Subscription")
        if event_of(request) != (self._package, self._event_id):
            raise RemoteProtocolError(489, "Bad Event")
        if not self.dialog.in_order(request):
            raise RemoteProtocolError(500, "Out Of Order")
        if self._phase is Phase.WAITING:
            raise RemoteProtocolError(500, "Not Decided Yet")
        expires = asked_expires(request)
        self.dialog.refresh_target(request)
        self._grant(expires, now)
        self._respond(transaction, expires, now)
        if expires:
            self._core.emit(self.event(request, transaction.flow, expires, refresh=True))
            return
        self._phase = NOTIFIER.get((self._phase, Move.LEAVE), self._phase)
        self.notify(Notify(self.id, self._body), now)

    def notify(self, command: Notify, now: float) -> None:
        """Send a state, or keep it until the open NOTIFY has its answer. Ignored before the subscription is accepted."""
        if self._phase in {Phase.WAITING, Phase.TERMINATED}:
            return
        if self._is_busy:
            self._next = command
            return
        self._body = command.body or self._body
        state, reason = command.state, command.reason
        if self._phase is Phase.LEAVING:
            state, reason = "terminated", "timeout"
        self._phase = NOTIFIER.get((self._phase, _MOVES.get(state, Move.ACTIVE)), self._phase)
        self._send(state, reason, command, now)

    def _send(self, state: str, reason: str, command: Notify, now: float) -> None:
        event_id = f";id={self._event_id}" if self._event_id else ""
        if state == "terminated":
            retry = f";retry-after={command.retry_after}" if command.retry_after else ""
            params = f";reason={clean(reason) or 'noresource'}{retry}"
        else:
            params = f";expires={max(0, round(self._until - now))}"
        lines = f"{self.dialog.contact}Event: {self._package}{event_id}\r\nSubscription-State: {state}{params}\r\n"
        self._is_busy = True
        done = partial(self._notified, reason if state == "terminated" else "", command.told)
        self._sender.send("NOTIFY", lines, command.body, done, now)

    def _notified(self, last: str, told: bool, status: int, response: Response | None, now: float) -> None:
        if status < 200:
            return
        self._is_busy = False
        if self._phase is Phase.TERMINATED or last:
            self._end(last or "terminated", 0)
        elif status in DEAD or response is None:
            self._phase = NOTIFIER[self._phase, Move.REFUSED]
            self._end("timeout" if response is None else "noresource", status)
        elif self._next is not None:
            command, self._next = self._next, None
            self.notify(command, now)
        elif told:
            self._core.emit(NotifyAnswered(self.id))

    def _grant(self, expires: int, now: float) -> None:
        self._until = now + expires
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if expires:
            self._deadline = later(self._core, self._expired, "subscription", self._until)

    def _expired(self, now: float) -> None:
        """Not refreshed: one last NOTIFY says so (§4.2.2)."""
        self._deadline = None
        self._phase = NOTIFIER.get((self._phase, Move.LEAVE), self._phase)
        self.notify(Notify(self.id, self._body), now)

    def _respond(self, transaction: ServerTransaction, expires: int, now: float) -> None:
        lines = f"{self.dialog.recorded}{self.dialog.contact}Expires: {expires}\r\n{self._core.server_line}"
        transaction.respond(200, now, self.dialog.local_tag, lines)

    def _decided(self) -> ServerTransaction:
        transaction, self.asked = self.asked, None
        if transaction is None:
            raise LocalProtocolError(f"subscription {self.id} is decided")
        return transaction

    def _end(self, reason: str, status: int) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._forget(self)
        self._core.emit(SubscriptionEnded(self.id, reason, status))
