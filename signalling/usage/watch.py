"""Event subscriptions (RFC 6665): what both roles share, and the moves of each as a table."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from signalling.dialog import Dialog
from signalling.message import Request
from signalling.message.headers import parse_params
from signalling.transaction import ServerTransaction


class Phase(StrEnum):
    WAITING = "waiting"  # subscriber: no NOTIFY yet; notifier: nobody has decided
    PENDING = "pending"
    ACTIVE = "active"
    LEAVING = "leaving"  # subscriber: Expires 0 sent, the last NOTIFY is awaited; notifier: the next NOTIFY is the last
    TERMINATED = "terminated"


class Move(StrEnum):
    ACCEPTED = "accepted"
    PENDING = "NOTIFY pending"
    ACTIVE = "NOTIFY active"
    LAST = "NOTIFY terminated"
    LEAVE = "Expires 0"
    REFUSED = "refused"
    TIMER_N = "N"
    EXPIRED = "expired"


def _ends(*moves: Move) -> dict[tuple[Phase, Move], Phase]:
    return {(phase, move): Phase.TERMINATED for phase in Phase if phase is not Phase.TERMINATED for move in moves}


SUBSCRIBER: dict[tuple[Phase, Move], Phase] = {
    (Phase.WAITING, Move.PENDING): Phase.PENDING,
    (Phase.WAITING, Move.ACTIVE): Phase.ACTIVE,
    (Phase.WAITING, Move.LEAVE): Phase.LEAVING,
    (Phase.PENDING, Move.PENDING): Phase.PENDING,
    (Phase.PENDING, Move.ACTIVE): Phase.ACTIVE,
    (Phase.PENDING, Move.LEAVE): Phase.LEAVING,
    (Phase.ACTIVE, Move.ACTIVE): Phase.ACTIVE,
    (Phase.ACTIVE, Move.PENDING): Phase.PENDING,
    (Phase.ACTIVE, Move.LEAVE): Phase.LEAVING,
    (Phase.LEAVING, Move.ACTIVE): Phase.LEAVING,
    (Phase.LEAVING, Move.PENDING): Phase.LEAVING,
    **_ends(Move.LAST, Move.REFUSED, Move.TIMER_N, Move.EXPIRED),
}
NOTIFIER: dict[tuple[Phase, Move], Phase] = {
    (Phase.WAITING, Move.ACCEPTED): Phase.PENDING,
    (Phase.WAITING, Move.LEAVE): Phase.LEAVING,
    (Phase.PENDING, Move.PENDING): Phase.PENDING,
    (Phase.PENDING, Move.ACTIVE): Phase.ACTIVE,
    (Phase.PENDING, Move.LEAVE): Phase.LEAVING,
    (Phase.ACTIVE, Move.ACTIVE): Phase.ACTIVE,
    (Phase.ACTIVE, Move.LEAVE): Phase.LEAVING,
    **_ends(Move.LAST, Move.REFUSED, Move.EXPIRED),
}
DEAD = frozenset({404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})  # of a request in it (RFC 5057 §5.1)


class Watch(Protocol):
    """A subscription as the inbound side sees it: found by our tag, moved like a leg."""

    dialog: Dialog
    accounts: frozenset[str]

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """SUBSCRIBE or NOTIFY inside its dialog. Raises RemoteProtocolError."""


def event_of(request: Request) -> tuple[str, str]:
    """Package and id of an Event header, both "" without one."""
    package, semicolon, tail = request.get("event").partition(";")
    return package.strip().lower(), parse_params(semicolon + tail).get("id", "")
