"""The peer changes a session: re-INVITE and UPDATE of it, in order and out of order (RFC 3261 §14.2, RFC 3311 §5.2)."""

from __future__ import annotations

from signalling.commands import AcceptModify, RejectModify
from signalling.dialog import Dialog, Sdp
from signalling.dialog.offer_answer import Turn
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, ModifyRequested, Refreshed
from signalling.message import Request
from signalling.message.writer import header_lines
from signalling.transaction import ServerTransaction
from signalling.usage.accept import answer_with, overtaken
from signalling.usage.core import Core, allows, jitter, session_body
from signalling.usage.identity import CONNECTED, passed_headers
from signalling.usage.leg import Leg, Stage
from signalling.usage.session import accept_timer, restart, session_lines


def on_reinvite(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """A re-INVITE of the peer: 500 while another is open, 491 while ours is (§14.2). Raises 400, 415, 422."""
    body = session_body(request)
    status = 500 if leg.modify.server is not None else leg.offer_answer.refusal
    if leg.modify.pending is not None:
        status = 491
    elif leg.stage is Stage.ACCEPTED and not status:
        overtaken(core, leg, now)
    elif leg.stage is not Stage.CONFIRMED and not status:
        status = 500
    if status:
        _refuse(core, leg, transaction, status, now)
        return
    accept_timer(leg, request)
    if body is not None:
        leg.offer_answer.take(Turn.GOT_OFFER)
    _ask(core, leg, leg.dialog, request, transaction, body, now)


def on_update(core: Core, leg: Leg, dialog: Dialog, request: Request, transaction: ServerTransaction, now: float) -> None:
    """UPDATE: without a body only the target and the session timer are refreshed (RFC 3311 §5.2). Raises 400, 415, 422."""
    body = session_body(request)
    offers = leg.offers_of(dialog)
    if body is not None and (status := _offer_refusal(leg, offers.refusal)):
        _refuse(core, leg, transaction, status, now)
        return
    accept_timer(leg, request)
    if "allow" in request.headers:
        leg.can_update = allows(request, "UPDATE")
    if body is None:
        dialog.refresh_target(request)
        transaction.respond(
            200, now, dialog.local_tag, dialog.contact + core.allow_line + session_lines(leg) + core.server_line
        )
        restart(core, leg, now)
        if not CONNECTED.isdisjoint(request.headers):
            core.emit(Refreshed(leg.id, passed_headers(request)))
        return
    offers.take(Turn.GOT_OFFER)
    _ask(core, leg, dialog, request, transaction, body, now)


def accept_modify(core: Core, command: AcceptModify, now: float) -> None:
    """Answer the peer's offer, or make the offer that it asked for. Raises LocalProtocolError when nothing was asked."""
    leg, transaction, request, dialog = _asked(core, command.leg)
    if request.method != "PRACK":
        try:
            dialog.refresh_target(request)
        except RemoteProtocolError:
            _settle(leg, dialog)
            transaction.respond(400, now, dialog.local_tag, core.server_line)
            return
    leg.last_body = command.body
    change, offers = leg.modify, leg.offers_of(dialog)
    change.server = change.request = change.dialog = None
    extra = header_lines(dict(command.headers)) if command.headers else ""
    if request.method == "INVITE":
        offers.take(Turn.SENT_ANSWER) or offers.take(Turn.SENT_OFFER)
        answer_with(core, leg, transaction, request.cseq.number, command.body, now, extra)
    else:
        offers.take(Turn.SENT_ANSWER)
        if leg.stage is Stage.CALLING and (found := leg.early.get(dialog.remote_tag)) is not None:
            found.answer = leg.remote_body
        timer = session_lines(leg) if request.method == "UPDATE" else ""
        headers = f"{dialog.contact}{core.allow_line}{timer}{extra}{core.server_line}"
        transaction.respond(200, now, dialog.local_tag, headers, command.body.content_type, command.body.content)
    restart(core, leg, now)
    core.resume(leg, now)


def reject_modify(core: Core, command: RejectModify, now: float) -> None:
    """Refuse; the session goes on as it was. Raises LocalProtocolError when nothing was asked."""
    leg, transaction, _, dialog = _asked(core, command.leg)
    _settle(leg, dialog)
    transaction.respond(command.status, now, dialog.local_tag, core.server_line)
    core.resume(leg, now)


def _ask(
    core: Core, leg: Leg, dialog: Dialog, request: Request, transaction: ServerTransaction, body: Body | None, now: float
) -> None:
    """Let the layer above answer; `remote_body` is the peer's from now on, as it will be when nothing comes of it again."""
    change = leg.modify
    change.server, change.request, change.dialog = transaction, request, dialog
    transaction.start(now)
    if body is not None:
        leg.remote_body = body
    tag = dialog.remote_tag if leg.stage is Stage.CALLING else ""
    core.emit(ModifyRequested(leg.id, body, tag, passed_headers(request)))


def _offer_refusal(leg: Leg, turn: int) -> int:
    """Status for an UPDATE with an offer that comes at a wrong time, 0 when it is welcome (RFC 3311 §5.2)."""
    if leg.modify.server is not None or leg.stage in {Stage.ACCEPTED, Stage.ANSWERED} or leg.held_answer is not None:
        return 500
    if leg.modify.pending is not None and leg.offer_answer.state is Sdp.HAVE_LOCAL:
        return 491
    return turn


def _settle(leg: Leg, dialog: Dialog) -> None:
    """The peer's open request is over without effect."""
    leg.modify.server = leg.modify.request = leg.modify.dialog = None
    leg.offers_of(dialog).take(Turn.ROLLED_BACK)


def _asked(core: Core, leg_id: str) -> tuple[Leg, ServerTransaction, Request, Dialog]:
    leg = core.legs.get(leg_id)
    change = leg.modify if leg is not None else None
    if leg is None or change is None or change.server is None or change.request is None or change.dialog is None:
        raise LocalProtocolError(f"leg {leg_id} was not asked to change")
    return leg, change.server, change.request, change.dialog


def _refuse(core: Core, leg: Leg, transaction: ServerTransaction, status: int, now: float) -> None:
    retry = f"Retry-After: {round(jitter(core, 0, 10))}\r\n" if status == 500 else ""
    transaction.respond(status, now, leg.dialog.local_tag, retry + core.server_line)
