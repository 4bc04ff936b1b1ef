"""CANCEL in both directions (RFC 3261 §9): ours waits for a provisional response, the peer's ends a ringing leg."""

from __future__ import annotations

from signalling.message import Request, Response
from signalling.timers import LONG
from signalling.transaction import Input
from signalling.usage.core import Core, reason_value
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
    close_change(core, leg, now)
    leg.server.respond(487, now, leg.dialog.local_tag, core.server_line)
    finish(core, leg, 487, cancelled=True, message=request)


def close_change(core: Core, leg: Leg, now: float) -> None:
    """The peer's open re-INVITE, UPDATE or PRACK gets its answer: the leg is over (RFC 3261 §15.1.2)."""
    change = leg.modify
    if change.server is not None:
        change.server.respond(487, now, leg.dialog.local_tag, core.server_line)
        change.server = change.request = change.dialog = None


def give_up(core: Core, leg: Leg, status: int, reason: str, now: float) -> None:
    """A leg that is not answered yet cannot go on: its peer has lost the dialog."""
    close_change(core, leg, now)
    if leg.stage is Stage.RINGING and leg.server is not None:
        leg.server.respond(500, now, leg.dialog.local_tag, core.server_line)
    else:
        cancel(core, leg, reason_value(102, reason), now)
    finish(core, leg, status, q850=102, reason=reason)


def _ignore(status: int, response: Response | None, now: float) -> None:
    """The INVITE itself tells what became of it."""
