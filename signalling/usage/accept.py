"""Be called: ring, answer or reject an INVITE, and wait for the ACK (RFC 3261 §13.3)."""

from __future__ import annotations

from functools import partial

from signalling.commands import Answer, Reject, Ring
from signalling.dialog import Dialog, Sdp, SuccessRetransmission
from signalling.dialog.offer_answer import Turn
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Confirmed, Flow, IncomingCall
from signalling.identity import MAX_HEADERS
from signalling.message import Request, presentable
from signalling.message.writer import header_lines
from signalling.policy import PeerKind, PeerPolicy
from signalling.transaction import Input, ServerTransaction
from signalling.usage import ring as rings
from signalling.usage.bye import say_bye
from signalling.usage.cancel import close_change, on_cancel
from signalling.usage.core import SUPPORTED, Core, allows, contact_line, options, reason_line, tolerated_body
from signalling.usage.ending import finish
from signalling.usage.identity import caller_identity, passed_headers
from signalling.usage.leg import Leg, Stage
from signalling.usage.replaces import named_dialogs
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
    leg.can_update = allows(request, "UPDATE")
    leg.invite_seq = request.cseq.number
    leg.remote_body = body
    _judge_options(leg, request)
    accept_timer(leg, request)
    replaces, join = named_dialogs(core, request)
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
            identities=tuple(map(presentable, request.headers.get("identity", ())[:MAX_HEADERS])),
            date=presentable(next(iter(request.headers.get("date", ())), "")),
            replaces=replaces,
            join=join,
            can_100rel=leg.can_100rel and leg.policy.rel100 != "off",
            contact=presentable(request.headers.get("contact", [""])[0]),
        )
    )


def _judge_options(leg: Leg, request: Request) -> None:
    """What the caller can and demands of 100rel (RFC 3262 §3). Raises 420 or 421 where the peer's policy does not fit."""
    leg.can_100rel = "100rel" in options(request)
    if "require" in request.headers and leg.can_100rel:
        leg.needs_100rel = "100rel" in ",".join(request.headers["require"]).lower()
        if leg.needs_100rel and leg.policy.rel100 == "off":
            raise RemoteProtocolError(420, "No 100rel")
    if leg.policy.rel100 == "required" and not leg.can_100rel:
        raise RemoteProtocolError(421, "Needs 100rel")


def ring(core: Core, command: Ring, now: float) -> None:
    leg, transaction = _ringing(core, command.leg)
    rings.ring(core, leg, transaction, command, now)


def answer(core: Core, command: Answer, now: float) -> None:
    leg, transaction = _ringing(core, command.leg)
    if leg.modify.server or leg.modify.pending or (leg.reliable and leg.reliable.is_open and leg.reliable.carries_body):
        leg.held_answer = command
        return
    leg.held_answer = None
    leg.rings = None
    if leg.reliable is not None:
        leg.reliable.finish()
    body = command.body
    if leg.offer_answer.state is Sdp.STABLE and (leg.last_body is not None or not leg.is_delayed):
        body = None  # agreed on in 18x and PRACK (RFC 6337 §2.2): the 200 repeats nothing
    else:
        leg.offer_answer.take(Turn.SENT_OFFER if leg.is_delayed else Turn.SENT_ANSWER)
        leg.last_body = body
    leg.stage = Stage.ACCEPTED
    extra = header_lines(dict(command.headers)) if command.headers else ""
    answer_with(core, leg, transaction, leg.invite_seq, body, now, extra)


def release(core: Core, leg: Leg, now: float) -> None:
    """A PRACK or the answer to an UPDATE came: send the 18x and the 200 that waited for it."""
    if leg.stage is not Stage.RINGING:
        return
    if leg.held_answer is not None:
        answer(core, leg.held_answer, now)  # whatever else waited to be told about ringing is old news
    elif leg.rings:
        rings.release(core, leg, now)


def answer_with(
    core: Core, leg: Leg, transaction: ServerTransaction, cseq: int, body: Body | None, now: float, lines: str = ""
) -> None:
    """Send a 200 to an INVITE or re-INVITE and repeat it until its ACK."""
    dialog = leg.dialog
    headers = f"{dialog.recorded}{dialog.contact}{core.allow_line}{SUPPORTED}{session_lines(leg)}{lines}{core.server_line}"
    content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
    data = transaction.respond(200, now, leg.dialog.local_tag, headers, content_type, content)
    if leg.success is not None:
        leg.success.stop()
    leg.success = SuccessRetransmission(core.deadlines, transaction, cseq, data, partial(_no_ack, core, leg), now)


def reject(core: Core, command: Reject, now: float) -> None:
    leg, transaction = _ringing(core, command.leg)
    if not 300 <= command.status <= 699:
        raise LocalProtocolError(f"{command.status} rejects nothing")
    close_change(core, leg, now)
    reason = reason_line(command.q850, command.reason, command.reasons)
    lines = core.server_line + reason + header_lines(dict(command.headers))
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
    was_offered = leg.modify.pending is None and leg.offer_answer.take(Turn.GOT_ANSWER)
    body = tolerated_body(request)
    if was_offered and body is not None:
        leg.remote_body = body
    if was_offered and body is None:
        _give_up(core, leg, 488, 111, now)
    elif leg.stage is Stage.ACCEPTED:
        leg.stage = Stage.CONFIRMED
        restart(core, leg, now)
        core.emit(Confirmed(leg.id, body if was_offered else None))
    elif was_offered:
        core.emit(Confirmed(leg.id, body))


def overtaken(core: Core, leg: Leg, now: float) -> None:
    """A re-INVITE says that the peer has our 200, its ACK was lost or is late (RFC 5407 §3.1.4): the call stands."""
    if leg.success is not None:
        leg.success.stop()
        leg.success = None
    leg.stage = Stage.CONFIRMED
    restart(core, leg, now)
    core.emit(Confirmed(leg.id))


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
