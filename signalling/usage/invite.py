"""Call out: INVITE, its responses, ACK, forks (RFC 3261 §13.2, RFC 5407)."""

from __future__ import annotations

from functools import partial

from signalling.auth import DigestClient
from signalling.commands import Acknowledge, Invite
from signalling.dialog import Dialog
from signalling.dialog.offer_answer import Turn
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Answered
from signalling.message import Outgoing, Response, parse_uri
from signalling.message.uri import escape_user, format_host
from signalling.message.writer import header_lines
from signalling.usage import early
from signalling.usage.bye import say_bye
from signalling.usage.cancel import cancel, cancel_now, close_change
from signalling.usage.core import (
    SUPPORTED,
    SUPPORTED_WITHOUT_100REL,
    Core,
    contact_line,
    later,
    reason_line,
    tolerated_body,
)
from signalling.usage.ending import bury, finish
from signalling.usage.identity import from_value, passed_headers
from signalling.usage.leg import Leg, Stage
from signalling.usage.request import authorization, send_ack
from signalling.usage.session import agreed, asking_lines, too_small


def place(core: Core, command: Invite, now: float) -> None:
    """Start a call. Raises LocalProtocolError for a leg id that is in use or a target that is no URI."""
    if command.leg in core.legs:
        raise LocalProtocolError(f"leg {command.leg} exists already")
    try:
        target = parse_uri(command.target)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"not a target: {command.target!r}") from error
    flow = command.flow
    host, _, _ = core.advertised(flow).rpartition(":")
    tag = core.token()
    caller = from_value(command.caller, host)
    to_user = escape_user(command.to_user)
    dialog = Dialog(
        call_id=core.token(),
        local=f"{caller};tag={tag}",
        local_tag=tag,
        remote=f"<sip:{to_user}{'@' if to_user else ''}{format_host(target.host or host)}>",
        remote_tag="",
        target=command.target.removesuffix(f"?{target.headers}"),  # a Contact's headers are never applied (3261 §19.1.5)
        flow=flow,
        contact=contact_line(core, flow, core.token(), command.contact_params),
        policy=command.policy or core.peers.trunk(flow),
        local_seq=0,
    )
    dialog.routes = command.routes
    leg = Leg(command.leg, dialog, Stage.CALLING)
    leg.invite_body = leg.last_body = command.body
    leg.is_delayed = command.body is None
    if command.body is not None:
        leg.offer_answer.take(Turn.SENT_OFFER)
    if command.login is not None:
        leg.digest = DigestClient(command.login, core.token)
    leg.accounts = core.owners(flow) | ({leg.policy.name} if leg.policy.name else set())
    core.legs[leg.id] = leg
    core.dialogs[tag] = leg
    asserted = f"P-Asserted-Identity: {caller}\r\n" if command.asserted else ""
    supported = _SUPPORTED[leg.policy.rel100]
    lines = f"{dialog.contact}{core.allow_line}{supported}{core.agent_line}{asserted}{header_lines(dict(command.headers))}"
    lines += "".join(header_lines({"Identity": value}) for value in command.identities)
    leg.ring_deadline = later(core, partial(_no_answer, core, leg), "ring", now + command.timeout)
    if command.first_response:
        later(core, partial(_no_response, core, leg), "first response", now + command.first_response)
    _send(core, leg, lines, command.max_forwards, now)


def acknowledge(core: Core, command: Acknowledge, now: float) -> None:
    """Our answer to an offer of a 2xx, in the ACK, or of a reliable 18x, in the PRACK. LocalProtocolError when none waits."""
    leg = core.legs.get(command.leg)
    if leg is not None and leg.stage is Stage.CALLING and early.answer_offer(core, leg, command.body, now):
        return
    if leg is None or (leg.stage is not Stage.ANSWERED and not leg.modify.unacked):
        raise LocalProtocolError(f"leg {command.leg} waits for no ACK")
    leg.offer_answer.take(Turn.SENT_ANSWER)
    leg.last_body = command.body
    if leg.stage is Stage.ANSWERED:
        assert leg.invite is not None
        leg.stage = Stage.CONFIRMED
        send_ack(core, leg, leg.dialog, leg.invite.request.cseq, command.body)
    else:
        cseq, leg.modify.unacked = leg.modify.unacked, 0
        send_ack(core, leg, leg.dialog, cseq, command.body)
    core.resume(leg, now)


def _send(core: Core, leg: Leg, lines: str, max_forwards: int, now: float) -> None:
    body = leg.invite_body
    content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
    dialog = leg.dialog
    headers = f"{leg.auth_line}{asking_lines(leg)}{lines}"
    outgoing: Outgoing = dialog.request("INVITE", core.via(dialog.flow), headers, content_type, content)
    outgoing = outgoing._replace(max_forwards=max_forwards)
    leg.is_tentative = False
    leg.early.clear()
    leg.invite = core.send(outgoing, dialog.flow, partial(_on_response, core, leg, lines), now)


def _on_response(core: Core, leg: Leg, lines: str, status: int, response: Response | None, now: float) -> None:
    if response is None:
        close_change(core, leg, now)
        finish(core, leg, status, q850=18 if status == 408 else 0)
    elif status < 200:
        leg.is_tentative = True
        if leg.cancel_reason is not None:
            cancel_now(core, leg, now)
        if status > 100 and leg.stage is Stage.CALLING:
            early.on_provisional(core, leg, response, now)
    elif status < 300:
        _on_success(core, leg, response, now)
    else:
        _on_failure(core, leg, lines, response, now)


def _on_success(core: Core, leg: Leg, response: Response, now: float) -> None:
    tag = response.to.tag
    repeated = leg.acks.get((tag, response.cseq.number))
    if repeated is not None:
        core.transmit(*repeated)
        return
    if leg.stage is not Stage.CALLING:
        if leg.stage is not Stage.ANSWERED or tag != leg.dialog.remote_tag:
            _refuse_fork(core, leg, response, now)
        return
    answer = early.win(core, leg, response, now)
    if leg.ring_deadline is not None:
        leg.ring_deadline.cancel()
    assert leg.invite is not None
    if answer is None and leg.is_delayed and (body := tolerated_body(response)) is not None:
        leg.offer_answer.take(Turn.GOT_OFFER)
        leg.remote_body = body
        leg.stage = Stage.ANSWERED
        agreed(core, leg, response, now)
        core.emit(Answered(leg.id, body, needs_ack_body=True, tag=tag, headers=passed_headers(response)))
        return
    send_ack(core, leg, leg.dialog, leg.invite.request.cseq)
    if answer is None:
        # RFC 3261 §13.2.1: the answer must come at the latest in the 2xx.
        say_bye(core, leg, reason_line(111), now)
        finish(core, leg, 488, q850=111, reason="no session description", keep_dialog=True)
        return
    leg.remote_body = answer
    leg.stage = Stage.CONFIRMED
    agreed(core, leg, response, now)
    core.emit(Answered(leg.id, answer, tag=tag, headers=passed_headers(response)))
    core.resume(leg, now)


def _refuse_fork(core: Core, leg: Leg, response: Response, now: float) -> None:
    """A 2xx nobody wants any more: another fork won, or the call was given up. ACK, then BYE (§13.2.2.4)."""
    known = leg.early.get(response.to.tag)
    dialog = known.dialog(leg) if known is not None else leg.dialog.fork(response)
    assert leg.invite is not None
    send_ack(core, leg, dialog, leg.invite.request.cseq)
    bye = dialog.request("BYE", core.via(dialog.flow), core.agent_line + reason_line(26 if not leg.is_over else 16))
    core.send(bye, dialog.flow, _ignore, now)


def _on_failure(core: Core, leg: Leg, lines: str, response: Response, now: float) -> None:
    if response.status in {401, 407} and not leg.is_over and leg.cancel_reason is None:
        line = authorization(leg.digest, response, "INVITE", leg.dialog.target)
        if line:
            assert leg.invite is not None
            leg.auth_line = line
            _send(core, leg, lines, leg.invite.request.max_forwards, now)
            return
    if not leg.is_over and leg.cancel_reason is None and too_small(leg, response):
        assert leg.invite is not None
        _send(core, leg, lines, leg.invite.request.max_forwards, now)
        return
    close_change(core, leg, now)
    finish(core, leg, response.status, message=response)
    bury(core, leg)


def _no_answer(core: Core, leg: Leg, now: float) -> None:
    close_change(core, leg, now)
    cancel(core, leg, 'Q.850;cause=19;text="No answer"', now)
    finish(core, leg, 408, q850=19, reason="no answer")


def _no_response(core: Core, leg: Leg, now: float) -> None:
    """A silent address is given up long before timer B, so that another one can be tried; a late 1xx is cancelled."""
    if leg.is_tentative or leg.auth_line or leg.stage is not Stage.CALLING:
        return
    cancel(core, leg, 'Q.850;cause=102;text="No response"', now)
    finish(core, leg, 408, q850=18, reason="no response")


_SUPPORTED = {
    "off": SUPPORTED_WITHOUT_100REL,
    "supported": SUPPORTED,
    "required": SUPPORTED + "Require: 100rel\r\n",
}


def _ignore(status: int, response: Response | None, now: float) -> None:
    """The far end of a dialog that we only wanted to be rid of."""
