"""Be called: ring, answer or reject an INVITE, and wait for the ACK (RFC 3261 §13.3)."""

from __future__ import annotations

from functools import partial

from signalling.commands import Answer, Reject, Ring
from signalling.dialog import Dialog, SuccessRetransmission
from signalling.dialog.offer_answer import Turn
from signalling.errors import LocalProtocolError
from signalling.events import Body, Confirmed, Flow, IncomingCall
from signalling.message import Request, presentable
from signalling.message.writer import header_lines
from signalling.policy import PeerKind, PeerPolicy
from signalling.transaction import Input, ServerTransaction
from signalling.usage.bye import say_bye
from signalling.usage.cancel import on_cancel
from signalling.usage.core import ALLOW, Core, contact_line, reason_line, tolerated_body
from signalling.usage.ending import finish
from signalling.usage.identity import caller_identity, passed_headers
from signalling.usage.leg import Leg, Stage
from signalling.usage.session import accept_timer, restart, session_lines


def offer_call(
    core: Core,
    request: Request,
    transaction: ServerTransaction,
    flow: Flow,
    policy: PeerPolicy,
    body: Body | None,
    now: float,
) -> None:
    """Make a leg of an INVITE that has passed all judgement. Raises RemoteProtocolError(400 | 422)."""
    tag = core.token()
    dialog = Dialog.accepting(
        request,
        local="",
        local_tag=tag,
        flow=flow,
        contact=contact_line(core, flow, core.token()),
        policy=policy,
    )
    leg = Leg(core.token(), dialog, Stage.RINGING)
    leg.peer_allows_update = "UPDATE" in request.get("allow").upper()
    accept_timer(leg, request)
    dialog.local = transaction.template.to_value(tag)
    leg.server = transaction
    leg.is_delayed = body is None
    if body is not None:
        leg.offer_answer.take(Turn.GOT_OFFER)
    transaction.start(now)
    transaction.watch(partial(_on_transaction, core, leg))
    transaction.on_cancel = partial(on_cancel, core, leg)
    leg.accounts = frozenset({policy.name})
    core.legs[leg.id] = leg
    core.calls.add(leg.id)
    core.dialogs[tag] = leg
    uri, to = request.uri, request.to.uri
    core.emit(
        IncomingCall(
            leg=leg.id,
            flow=flow,
            peer_kind=policy.kind.value,
            peer_name=policy.name,
            call_id=presentable(request.call_id),
            called=presentable(uri.username),
            called_host=uri.host,
            caller=caller_identity(request, trusted=policy.kind is PeerKind.TRUNK),
            to_user=presentable(to.username),
            body=body,
            max_forwards=request.max_forwards,
            headers=passed_headers(request),
        )
    )


def ring(core: Core, command: Ring, now: float) -> None:
    leg, transaction = _ringing(core, command.leg)
    headers = leg.dialog.contact + core.server_line
    if command.body is None:
        transaction.respond(180, now, leg.dialog.local_tag, headers)
    else:
        transaction.respond(183, now, leg.dialog.local_tag, headers, command.body.content_type, command.body.content)


def answer(core: Core, command: Answer, now: float) -> None:
    leg, transaction = _ringing(core, command.leg)
    leg.offer_answer.take(Turn.SENT_OFFER if leg.is_delayed else Turn.SENT_ANSWER)
    leg.last_body = command.body
    leg.stage = Stage.ACCEPTED
    answer_with(core, leg, transaction, leg.dialog.remote_seq, command.body, now)


def answer_with(core: Core, leg: Leg, transaction: ServerTransaction, cseq: int, body: Body | None, now: float) -> None:
    """Send a 200 to an INVITE or re-INVITE and repeat it until its ACK."""
    headers = leg.dialog.contact + ALLOW + "Supported: timer\r\n" + session_lines(leg) + core.server_line
    content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
    data = transaction.respond(200, now, leg.dialog.local_tag, headers, content_type, content)
    if leg.success is not None:
        leg.success.stop()
    leg.success = SuccessRetransmission(core.deadlines, transaction, cseq, data, partial(_no_ack, core, leg), now)


def reject(core: Core, command: Reject, now: float) -> None:
    leg, transaction = _ringing(core, command.leg)
    if not 300 <= command.status <= 699:
        raise LocalProtocolError(f"{command.status} rejects nothing")
    lines = core.server_line + reason_line(command.q850, command.reason) + header_lines(dict(command.headers))
    transaction.respond(command.status, now, leg.dialog.local_tag, lines)
    finish(core, leg, command.status, by_us=True, q850=command.q850)


def on_ack(core: Core, leg: Leg, request: Request, now: float) -> None:
    """The ACK of a 2xx of ours; repeats and strangers' numbers are ignored."""
    success = leg.success
    if success is None or request.cseq.number != success.cseq:
        return
    success.stop()
    leg.success = None
    if leg.ended_by_ack is not None:
        line, leg.ended_by_ack = leg.ended_by_ack, None
        say_bye(core, leg, line, now)
        return
    if leg.is_over:
        return
    was_offered = leg.offer_answer.take(Turn.GOT_ANSWER)
    body = tolerated_body(request)
    if was_offered and body is None:
        _give_up(core, leg, 488, 111, now)
    elif leg.stage is Stage.ACCEPTED:
        leg.stage = Stage.CONFIRMED
        restart(core, leg, now)
        core.emit(Confirmed(leg.id, body if was_offered else None))
    elif was_offered:
        core.emit(Confirmed(leg.id, body))


def _ringing(core: Core, leg_id: str) -> tuple[Leg, ServerTransaction]:
    leg = core.legs.get(leg_id)
    if leg is None or leg.stage is not Stage.RINGING or leg.server is None:
        raise LocalProtocolError(f"leg {leg_id} is not waiting for an answer")
    return leg, leg.server


def _on_transaction(core: Core, leg: Leg, event: Input, now: float) -> None:
    """The flow broke while the leg rang; a refusal that was never acknowledged (timer H) is of no interest."""
    if event is Input.ERROR and leg.stage is Stage.RINGING:
        finish(core, leg, 503, reason="flow closed")


def _no_ack(core: Core, leg: Leg, now: float) -> None:
    leg.success = None
    if leg.ended_by_ack is not None:
        line, leg.ended_by_ack = leg.ended_by_ack, None
        say_bye(core, leg, line, now)
    else:
        _give_up(core, leg, 408, 102, now)


def _give_up(core: Core, leg: Leg, status: int, q850: int, now: float) -> None:
    say_bye(core, leg, reason_line(q850), now)
    finish(core, leg, status, q850=q850, keep_dialog=True)
