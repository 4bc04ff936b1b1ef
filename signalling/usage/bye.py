"""Hang up, from either side (RFC 3261 §15)."""

from __future__ import annotations

from functools import partial

from signalling.commands import HangUp
from signalling.message import Request, Response
from signalling.timers import LONG
from signalling.transaction import Input, ServerTransaction
from signalling.usage import transfer
from signalling.usage.cancel import cancel, close_change
from signalling.usage.core import Core, reason_line, reason_value
from signalling.usage.ending import bury, finish
from signalling.usage.leg import EARLY, Leg, Stage
from signalling.usage.request import send_ack, send_in_dialog


def hang_up(core: Core, command: HangUp, now: float) -> None:
    """End a leg by what its state needs. Unknown legs are ignored: the peer may have been faster."""
    leg = core.legs.get(command.leg)
    if leg is None:
        return
    line = reason_line(command.q850, command.reason, command.reasons)
    if leg.stage in EARLY:
        close_change(core, leg, now)
    if leg.stage is Stage.RINGING:
        status = command.status or 480
        assert leg.server is not None
        leg.server.respond(status, now, leg.dialog.local_tag, core.server_line + line)
        finish(core, leg, status, by_us=True, q850=command.q850)
    elif leg.stage is Stage.CALLING:
        cancel(core, leg, reason_value(command.q850, command.reason, command.reasons), now)
        finish(core, leg, 487, by_us=True, q850=command.q850)
    elif leg.stage is Stage.ACCEPTED:
        # §15: the callee must not send BYE before the ACK, or before it has given up waiting for it.
        leg.ended_by_ack = line
        finish(core, leg, 200, by_us=True, q850=command.q850, keep_dialog=True)
    else:
        say_bye(core, leg, line, now)
        finish(core, leg, 200, by_us=True, q850=command.q850, keep_dialog=True)


def say_bye(core: Core, leg: Leg, line: str, now: float) -> None:
    """Send BYE; the dialog stays addressable until it is answered, so that a crossing BYE gets its 200."""
    if leg.stage is Stage.ANSWERED:
        # The 2xx still waits for the ACK that would have carried our answer: it goes out empty before the BYE.
        assert leg.invite is not None
        send_ack(core, leg, leg.dialog, leg.invite.request.cseq)
    if leg.modify.unacked:
        cseq, leg.modify.unacked = leg.modify.unacked, 0
        send_ack(core, leg, leg.dialog, cseq)
    close_change(core, leg, now)
    _stop_waiting(leg, now)
    send_in_dialog(core, leg, "BYE", partial(_done, core, leg), now, headers=line)


def on_bye(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """The peer hung up. Requests of it that are still open get 487 (§15.1.2)."""
    tag = leg.dialog.local_tag
    transaction.respond(200, now, tag, core.server_line)
    if leg.stage is Stage.RINGING and leg.server is not None:
        leg.server.respond(487, now, tag, core.server_line)
    close_change(core, leg, now)
    if leg.stage is Stage.CALLING:
        # The 2xx was overtaken by the BYE that follows it: give the INVITE up; a 2xx that still comes gets ACK and BYE.
        cancel(core, leg, "", now)
    _stop_waiting(leg, now)
    transfer.on_bye(core, leg)
    finish(core, leg, 200, message=request)
    bury(core, leg)


def _stop_waiting(leg: Leg, now: float) -> None:
    """A re-INVITE of ours that has been provisionally answered would wait for ever: its 2xx may be lost with the dialog."""
    if leg.modify.pending is not None:
        leg.modify.pending.arm(Input.C, now + LONG)


def _done(core: Core, leg: Leg, status: int, response: Response | None, now: float) -> None:
    if status >= 200:
        bury(core, leg)
