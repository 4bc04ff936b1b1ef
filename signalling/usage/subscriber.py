"""Subscriptions of ours (RFC 6665 §4.1): asked, refreshed, ended; each NOTIFY becomes an event."""

from __future__ import annotations

from collections.abc import Callable

from signalling.commands import Subscribe, Unsubscribe
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Notified, Subscribed, SubscriptionEnded
from signalling.message import Request, Response
from signalling.message.headers import TOKEN, parse_number, parse_params
from signalling.message.writer import header_lines
from signalling.timers import LONG, Deadline
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core, jitter, later
from signalling.usage.outside import Sender, envelope
from signalling.usage.watch import DEAD, SUBSCRIBER, Move, Phase, event_of

LEAST = 30  # seconds; a notifier that grants less is asked this often all the same
LONGEST = 7 * 86400
_MOVES = {"active": Move.ACTIVE, "pending": Move.PENDING, "terminated": Move.LAST}


class Subscriptions:
    """All subscriptions of ours by id."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open: dict[str, Subscription] = {}

    def subscribe(self, command: Subscribe, now: float) -> None:
        """Raises LocalProtocolError for an id in use, a bad target or an event that is no token."""
        if command.id in self._open or not TOKEN.match(command.event):
            raise LocalProtocolError(f"cannot subscribe as {command.id}")
        subscription = Subscription(self._core, command, self._forget)
        self._open[command.id] = subscription
        self._core.watches[subscription.dialog.local_tag] = subscription
        subscription.ask(now)

    def unsubscribe(self, command: Unsubscribe, now: float) -> None:
        if (subscription := self._open.get(command.id)) is not None:
            subscription.leave(now)

    def _forget(self, subscription: Subscription) -> None:
        self._open.pop(subscription.id, None)
        self._core.watches.pop(subscription.dialog.local_tag, None)


class Subscription:
    """One subscription: a dialog that its first NOTIFY establishes (§4.4.1), and one deadline."""

    def __init__(self, core: Core, command: Subscribe, forget: Callable[[Subscription], None]) -> None:
        self._core = core
        self._command = command
        self._forget = forget
        self._expires = command.expires
        self._phase = Phase.WAITING
        self._deadline: Deadline | None = None
        self.id = command.id
        self.dialog = envelope(core, command.target, command.flow, command.caller, command.to_user)
        self.accounts = core.owners(command.flow)
        self._sender = Sender(core, self.dialog, command.login)

    def ask(self, now: float) -> None:
        """SUBSCRIBE, the first or a refresh."""
        command, expires = self._command, 0 if self._phase is Phase.LEAVING else self._expires
        accept = f"Accept: {command.accept}\r\n" if command.accept else ""
        lines = (
            f"{self.dialog.contact}Event: {command.event}\r\nExpires: {expires}\r\n{accept}"
            f"{header_lines(dict(command.headers))}{self._core.allow_line}"
        )
        self._sender.send("SUBSCRIBE", lines, command.body, self._on_response, now)
        if self._phase in {Phase.WAITING, Phase.LEAVING}:
            self._arm(now + LONG, self._no_notify)  # timer N

    def leave(self, now: float) -> None:
        if self._move(Move.LEAVE):
            self.ask(now)

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """A NOTIFY. The first one makes the dialog; one with another tag belongs to a fork, which is one too many (§4.4.1)."""
        dialog = self.dialog
        if request.method != "NOTIFY" or (dialog.remote_tag and dialog.remote_tag != request.from_.tag):
            raise RemoteProtocolError(481, "No Subscription")
        if event_of(request)[0] != self._command.event.lower():
            raise RemoteProtocolError(489, "Bad Event")
        if not dialog.in_order(request):
            raise RemoteProtocolError(500, "Out Of Order")
        if not dialog.remote_tag:
            self._establish(request)
        dialog.refresh_target(request)
        transaction.respond(200, now, dialog.local_tag, dialog.contact + self._core.server_line)
        state, semicolon, tail = request.get("subscription-state").partition(";")
        params = parse_params(semicolon + tail)
        state = state.strip().lower()
        body = Body(request.body, request.content_type) if request.body else None
        reason = params.get("reason", "")
        self._core.emit(Notified(self.id, state or "active", body, reason))
        was_leaving = self._phase is Phase.LEAVING
        self._move(_MOVES.get(state, Move.ACTIVE))
        if self._phase is Phase.TERMINATED:
            retry = parse_number(params.get("retry-after", "")) or 0
            self._end("unsubscribed" if was_leaving or not self._expires else reason or "terminated", 0, min(retry, 86400))
        elif not was_leaving and (granted := parse_number(params.get("expires", ""))) is not None:
            self._renew(min(granted, LONGEST), now)

    def _establish(self, request: Request) -> None:
        dialog = self.dialog
        dialog.remote, dialog.remote_tag = request.headers["from"][0], request.from_.tag
        if "record-route" in request.headers:
            dialog.routes = tuple(address.render() for address in request.addresses("record-route"))

    def _on_response(self, status: int, response: Response | None, now: float) -> None:
        if status < 200 or self._phase is Phase.TERMINATED:
            return
        if status < 300 and response is not None:
            self._granted(response, now)
        elif status == 423 and response is not None and (response.number("min-expires") or 0) > self._expires:
            self._expires = min(response.number("min-expires") or 0, LONGEST)
            self.ask(now)
        elif self._phase is Phase.WAITING or status in DEAD or response is None:
            self._move(Move.REFUSED)
            retry = response.number("retry-after") if response is not None else 0
            self._end("refused" if response is not None else "timeout", status, min(retry or 0, 86400))
        # a refresh that failed otherwise: the subscription lives until it expires (§4.1.2.2)

    def _granted(self, response: Response, now: float) -> None:
        granted = response.number("expires")
        seconds = min(granted if granted is not None else self._expires, LONGEST)
        if self._phase is Phase.LEAVING or not self._expires:
            return
        self._core.emit(Subscribed(self.id, seconds))
        if self._phase is not Phase.WAITING:
            self._renew(seconds, now)

    def _renew(self, seconds: int, now: float) -> None:
        if self._expires:
            wait = max(seconds, LEAST) * jitter(self._core, 0.76, 0.84)
            self._arm(now + wait, self._refresh)

    def _refresh(self, now: float) -> None:
        self.ask(now)
        self._arm(now + max(LONG, self._expires * 0.2), self._expired)

    def _no_notify(self, now: float) -> None:
        was_leaving = self._phase is Phase.LEAVING
        self._move(Move.TIMER_N)
        self._end("unsubscribed" if was_leaving else "timeout", 408)

    def _expired(self, now: float) -> None:
        self._move(Move.EXPIRED)
        self._end("timeout", 408)

    def _move(self, move: Move) -> bool:
        after = SUBSCRIBER.get((self._phase, move))
        if after is None:
            return False
        self._phase = after
        return True

    def _arm(self, at: float, ring: Callable[[float], None]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = later(self._core, ring, "subscription", at)

    def _end(self, reason: str, status: int, retry_after: int = 0) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._forget(self)
        self._core.emit(SubscriptionEnded(self.id, reason, status, retry_after))
