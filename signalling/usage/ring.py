"""18x to an incoming call, reliable where the peer can (RFC 3262): one is open at a time, the next waits for its PRACK."""

from __future__ import annotations

from collections import deque
from functools import partial

from signalling.commands import Ring
from signalling.dialog import ReliableRinging, Sdp
from signalling.dialog.offer_answer import Turn
from signalling.dialog.reliable import MAX_RSEQ, acknowledged
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Modified, ModifyRequested
from signalling.message import Request
from signalling.message.writer import header_lines
from signalling.transaction import Input, ServerTransaction
from signalling.usage.core import Core, reason_line, session_body
from signalling.usage.ending import finish
from signalling.usage.identity import passed_headers
from signalling.usage.leg import Leg

MAX_WAITING = 8
STATUSES = frozenset({180, 181, 182, 183})


def ring(core: Core, leg: Leg, transaction: ServerTransaction, command: Ring, now: float) -> None:
    """Send an 18x, or queue it behind the reliable one that is open. Raises LocalProtocolError for another status."""
    status = command.status or (180 if command.body is None else 183)
    if status not in STATUSES:
        raise LocalProtocolError(f"{status} is no ringing")
    if not _is_reliable(leg, command):
        body = None if leg.is_delayed or leg.offer_answer.state is Sdp.STABLE else command.body
        _send(leg, transaction, status, command, body, "", now)
        return
    if leg.reliable is None:
        leg.reliable = ReliableRinging(
            core.deadlines, partial(_repeat, transaction), partial(_lost, core, leg), _first_rseq(core)
        )
    if leg.reliable.is_open:
        leg.rings = leg.rings or deque(maxlen=MAX_WAITING)
        leg.rings.append(command)
        return
    body = _turn(leg, command.body)
    leg.reliable.rseq += 1
    lines = f"Require: 100rel\r\nRSeq: {leg.reliable.rseq}\r\n{core.allow_line}"
    data = _send(leg, transaction, status, command, body, lines, now)
    leg.reliable.sent(data, carries_body=body is not None, now=now)


def on_prack(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """PRACK: 481 unless it names the 18x that is open. It may bring the answer to our offer, or an offer of its own."""
    reliable, rack = leg.reliable, acknowledged(request)
    body = session_body(request)
    known = reliable is not None and rack is not None and rack[1:] == (leg.invite_seq, "INVITE")
    if reliable is None or rack is None or not known or not reliable.acknowledge(rack[0]):
        raise RemoteProtocolError(481, "No Such Response")
    if body is not None and leg.offer_answer.state is not Sdp.HAVE_LOCAL:
        _offered_in_prack(core, leg, request, transaction, body, now)
        return
    transaction.respond(200, now, leg.dialog.local_tag, core.server_line)
    if leg.offer_answer.state is Sdp.HAVE_LOCAL and leg.modify.pending is None:
        _take_answer(core, leg, body, now)
    if not leg.is_over:
        core.resume(leg, now)


def release(core: Core, leg: Leg, now: float) -> None:
    """Send what waited for a PRACK, up to the next reliable 18x."""
    while leg.rings and leg.server is not None and leg.reliable is not None and not leg.reliable.is_open:
        ring(core, leg, leg.server, leg.rings.popleft(), now)


def _is_reliable(leg: Leg, command: Ring) -> bool:
    if leg.needs_100rel:
        return True
    if not leg.can_100rel or leg.policy.rel100 == "off" or command.reliable is False:
        return False
    return command.body is not None or command.reliable is True or leg.policy.rel100 == "required"


def _turn(leg: Leg, body: Body | None) -> Body | None:
    """The body that may stand in a reliable 18x: our answer, or the offer that a delayed INVITE wants, each once."""
    if body is None or not leg.offer_answer.take(Turn.SENT_OFFER if leg.is_delayed else Turn.SENT_ANSWER):
        return None
    if leg.is_delayed and leg.last_body is not None:  # offer and answer are through: another offer is no business of an 18x
        leg.offer_answer.take(Turn.ROLLED_BACK)
        return None
    leg.last_body = body
    return body


def _send(
    leg: Leg, transaction: ServerTransaction, status: int, command: Ring, body: Body | None, lines: str, now: float
) -> bytes:
    dialog = leg.dialog
    extra = header_lines(dict(command.headers)) if command.headers else ""
    headers = f"{dialog.recorded}{dialog.contact}{lines}{extra}"
    content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
    return transaction.respond(status, now, dialog.local_tag, headers, content_type, content)


def _first_rseq(core: Core) -> int:
    """A random number that leaves room to count up (§3)."""
    return int.from_bytes(core.token().encode()[-4:], "big") % (MAX_RSEQ // 2) + 1


def _repeat(transaction: ServerTransaction, data: bytes, now: float) -> None:
    transaction.step(Input.PROVISIONAL, now, data)


def _lost(core: Core, leg: Leg, now: float) -> None:
    """Nobody acknowledges: the INVITE is refused (§3)."""
    if leg.is_early and leg.server is not None:
        leg.server.respond(504, now, leg.dialog.local_tag, core.server_line + reason_line(102))
        finish(core, leg, 504, q850=102, reason="no PRACK")


def _take_answer(core: Core, leg: Leg, body: Body | None, now: float) -> None:
    """The PRACK had to answer the offer of our 18x (RFC 6337 pattern 4)."""
    if body is not None:
        leg.offer_answer.take(Turn.GOT_ANSWER)
        leg.remote_body = body
        core.emit(Modified(leg.id, body))
    elif leg.is_early and leg.server is not None:
        leg.server.respond(488, now, leg.dialog.local_tag, core.server_line + reason_line(111))
        finish(core, leg, 488, q850=111, reason="no session description")


def _offered_in_prack(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, body: Body, now: float) -> None:
    """Pattern 5 of RFC 6337: the peer goes on to a new offer; the layer above answers it in the 200 of the PRACK."""
    if leg.modify.server is not None or not leg.offer_answer.take(Turn.GOT_OFFER):
        transaction.respond(488, now, leg.dialog.local_tag, core.server_line)
        core.resume(leg, now)
        return
    leg.modify.server, leg.modify.request, leg.modify.dialog = transaction, request, leg.dialog
    leg.remote_body = body
    transaction.start(now)
    core.emit(ModifyRequested(leg.id, body, headers=passed_headers(request)))
