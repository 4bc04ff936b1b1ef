"""CANCEL in both directions (RFC 3261 §9): ours waits for a provisional response, the peer's ends a ringing leg."""

from __future__ import annotations

from signalling.message import Request, Response
from signalling.timers import LONG
from signalling.transaction import Input
from signalling.usage.core import Core
from signalling.usage.ending import finish
from signalling.usage.leg import Leg, Stage


def cancel(core: Core, leg: Leg, reason: str, now: float) -> None:
    """Take an INVITE back: at once when the peer has reacted, else as soon as it does (§9.1)."""
    leg.cancel_reason = reason
    if leg.is_tentative:
        cancel_now(core, leg, now)


def cancel_now(core: Core, leg: Leg, now: float) -> None:
    """Send the CANCEL that was wanted, once."""
    transaction, reason = leg.invite, leg.cancel_reason
    leg.cancel_reason = None
    leg.is_tentative = False
    if transaction is None or reason is None:
        return
    core.send(transaction.request.cancel(reason), transaction.flow, _ignore, now)
    # §9.1: a peer that never sends the final response is forgotten after 64*T1.
    transaction.arm(Input.C, now + LONG)


def on_cancel(core: Core, leg: Leg, request: Request, now: float) -> None:
    """The peer took its INVITE back. CANCEL itself has been answered; after a final response it has no effect (§9.2)."""
    if leg.stage is not Stage.RINGING or leg.server is None:
        return
    leg.server.respond(487, now, leg.dialog.local_tag, core.server_line)
    finish(core, leg, 487, cancelled=True, message=request)


def _ignore(status: int, response: Response | None, now: float) -> None:
    """The INVITE itself tells what became of it."""
