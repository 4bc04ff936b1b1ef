"""Change a session: re-INVITE and UPDATE in both directions, glare, queued wishes (RFC 3261 §14, RFC 3311, RFC 6141)."""

from __future__ import annotations

from functools import partial

from signalling.commands import AcceptModify, Modify, RejectModify
from signalling.dialog.offer_answer import Turn
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Modified, ModifyFailed, ModifyRequested
from signalling.message import Request, Response
from signalling.message.writer import header_lines
from signalling.transaction import Input, ServerTransaction
from signalling.usage.accept import answer_with
from signalling.usage.bye import say_bye
from signalling.usage.core import ALLOW, Core, jitter, later, reason_line, session_body, tolerated_body
from signalling.usage.ending import FATAL, bury, finish
from signalling.usage.leg import Leg, Stage
from signalling.usage.request import send_ack, send_in_dialog
from signalling.usage.session import accept_timer, restart, session_lines

MAX_ATTEMPTS = 5
MAX_WAIT = 180.0  # for the final response to a re-INVITE that is provisionally answered


def modify(core: Core, command: Modify, now: float) -> None:
    """Wish for a new session description. While one is under way only the newest wish is kept."""
    leg = core.legs.get(command.leg)
    if leg is None or leg.stage not in {Stage.ACCEPTED, Stage.ANSWERED, Stage.CONFIRMED}:
        raise LocalProtocolError(f"leg {command.leg} has no session to modify")
    leg.modify.wanted = command.body
    leg.modify.headers = command.headers
    leg.modify.attempts = 0
    pursue(core, leg, now)


def pursue(core: Core, leg: Leg, now: float) -> None:
    """Send the wish if the leg is free for an offer; called whenever something that stood in the way is over."""
    change = leg.modify
    if (
        change.wanted is None
        or leg.stage is not Stage.CONFIRMED
        or change.pending
        or change.server
        or change.retry
        or leg.success
    ):
        return
    if not leg.offer_answer.take(Turn.SENT_OFFER):
        return
    body, change.wanted = change.wanted, None
    leg.last_body = body
    change.attempts += 1

    def on_response(status: int, response: Response | None, at: float) -> None:
        if status >= 200:
            _on_final(core, leg, status, response, at)

    lines = leg.dialog.contact + ALLOW + header_lines(dict(change.headers))
    change.pending = send_in_dialog(core, leg, "INVITE", on_response, now, headers=lines, body=body)
    change.pending.arm(Input.C, now + MAX_WAIT)


def on_reinvite(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """A re-INVITE of the peer: 500 while another is open, 491 while ours is (§14.2). Raises 400, 415, 422."""
    body = session_body(request)
    status = 500 if leg.stage is not Stage.CONFIRMED or leg.modify.server is not None else leg.offer_answer.refusal
    if leg.modify.pending is not None:
        status = 491
    if status:
        _refuse(core, leg, transaction, status, now)
        return
    accept_timer(leg, request)
    if body is not None:
        leg.offer_answer.take(Turn.GOT_OFFER)
    leg.modify.server, leg.modify.request = transaction, request
    transaction.start(now)
    core.emit(ModifyRequested(leg.id, body))


def on_update(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """UPDATE: without a body only the target and the session timer are refreshed (RFC 3311 §5.2). Raises 400, 415, 422."""
    body = session_body(request)
    if body is not None:
        status = 500 if leg.stage is not Stage.CONFIRMED or leg.modify.server is not None else leg.offer_answer.refusal
        if status:
            _refuse(core, leg, transaction, status, now)
            return
    accept_timer(leg, request)
    if body is None:
        leg.dialog.refresh_target(request)
        transaction.respond(200, now, leg.dialog.local_tag, leg.dialog.contact + ALLOW + session_lines(leg) + core.server_line)
        restart(core, leg, now)
        return
    leg.offer_answer.take(Turn.GOT_OFFER)
    leg.modify.server, leg.modify.request = transaction, request
    transaction.start(now)
    core.emit(ModifyRequested(leg.id, body))


def accept_modify(core: Core, command: AcceptModify, now: float) -> None:
    """Answer the peer's offer, or make the offer that it asked for. Raises LocalProtocolError when nothing was asked."""
    leg, transaction, request = _asked(core, command.leg)
    leg.last_body = command.body
    try:
        leg.dialog.refresh_target(request)
    except RemoteProtocolError:
        _settle(leg, transaction)
        transaction.respond(400, now, leg.dialog.local_tag, core.server_line)
        return
    leg.modify.server = leg.modify.request = None
    if request.method == "INVITE":
        leg.offer_answer.take(Turn.SENT_ANSWER) or leg.offer_answer.take(Turn.SENT_OFFER)
        answer_with(core, leg, transaction, request.cseq.number, command.body, now)
    else:
        leg.offer_answer.take(Turn.SENT_ANSWER)
        headers = leg.dialog.contact + ALLOW + session_lines(leg) + core.server_line
        transaction.respond(200, now, leg.dialog.local_tag, headers, command.body.content_type, command.body.content)
    restart(core, leg, now)
    pursue(core, leg, now)


def reject_modify(core: Core, command: RejectModify, now: float) -> None:
    """Refuse; the session goes on as it was. Raises LocalProtocolError when nothing was asked."""
    leg, transaction, _ = _asked(core, command.leg)
    _settle(leg, transaction)
    transaction.respond(command.status, now, leg.dialog.local_tag, core.server_line)
    pursue(core, leg, now)


def _settle(leg: Leg, transaction: ServerTransaction) -> None:
    """The peer's open request is over without effect."""
    assert transaction is leg.modify.server
    leg.modify.server = leg.modify.request = None
    leg.offer_answer.take(Turn.ROLLED_BACK)


def _asked(core: Core, leg_id: str) -> tuple[Leg, ServerTransaction, Request]:
    leg = core.legs.get(leg_id)
    if leg is None or leg.modify.server is None or leg.modify.request is None:
        raise LocalProtocolError(f"leg {leg_id} was not asked to change")
    return leg, leg.modify.server, leg.modify.request


def _refuse(core: Core, leg: Leg, transaction: ServerTransaction, status: int, now: float) -> None:
    retry = f"Retry-After: {round(jitter(core, 0, 10))}\r\n" if status == 500 else ""
    transaction.respond(status, now, leg.dialog.local_tag, retry + core.server_line)


def _on_final(core: Core, leg: Leg, status: int, response: Response | None, now: float) -> None:
    change = leg.modify
    if response is not None and status < 300:
        known = leg.acks.get((response.to.tag, response.cseq.number))
        if known is not None:
            core.transmit(*known)
            return
        _on_agreed(core, leg, response, now)
        return
    change.pending = None
    leg.offer_answer.take(Turn.ROLLED_BACK)
    if leg.is_over:
        return
    if status in FATAL or response is None:
        if status == 481:
            finish(core, leg, status, message=response)
            bury(core, leg)
        else:
            say_bye(core, leg, reason_line(102), now)
            finish(core, leg, status, message=response, keep_dialog=True)
        return
    wait = _retry_delay(core, leg, response)
    if wait is None:
        change.attempts = 0
        core.emit(ModifyFailed(leg.id, status))
        pursue(core, leg, now)
        return
    if change.wanted is None:
        change.wanted = leg.last_body
    change.retry = later(core, partial(_retry, core, leg), "glare", now + wait)


def _on_agreed(core: Core, leg: Leg, response: Response, now: float) -> None:
    """2xx to our re-INVITE: ACK at once, whatever became of the leg meanwhile."""
    change = leg.modify
    cseq = response.cseq.number
    change.pending = None
    change.attempts = 0
    if not leg.is_over:
        leg.dialog.confirm_target(response)
    send_ack(core, leg, leg.dialog, cseq)
    if leg.is_over:
        return
    body = tolerated_body(response)
    if body is None:
        leg.offer_answer.take(Turn.ROLLED_BACK)
        say_bye(core, leg, reason_line(111), now)
        finish(core, leg, 488, q850=111, reason="no session description", keep_dialog=True)
        return
    leg.offer_answer.take(Turn.GOT_ANSWER)
    restart(core, leg, now)
    core.emit(Modified(leg.id, body))
    pursue(core, leg, now)


def _retry_delay(core: Core, leg: Leg, response: Response) -> float | None:
    """Seconds to wait before the same wish is tried again, None for never (§14.1: the owner of the Call-ID waits longer)."""
    if leg.modify.attempts >= MAX_ATTEMPTS:
        return None
    if response.status == 491:
        return jitter(core, 0.0, 2.0) if leg.is_incoming else jitter(core, 2.1, 4.0)
    after = response.number("retry-after")
    if response.status == 500 and after is not None and after <= 10:
        return float(after)
    return None


def _retry(core: Core, leg: Leg, now: float) -> None:
    leg.modify.retry = None
    pursue(core, leg, now)
