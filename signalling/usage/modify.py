"""Change a session by our wish: re-INVITE and UPDATE, queued and merged wishes, glare (RFC 3261 §14, RFC 3311, RFC 6141)."""

from __future__ import annotations

from functools import partial

from signalling.commands import Modify, Update
from signalling.dialog import Dialog, ReliableOrder, Sdp
from signalling.dialog.offer_answer import Turn
from signalling.dialog.reliable import is_reliable
from signalling.errors import LocalProtocolError
from signalling.events import Body, Modified, ModifyFailed
from signalling.message import Response
from signalling.message.writer import header_lines
from signalling.transaction import Input
from signalling.usage.bye import say_bye
from signalling.usage.cancel import give_up
from signalling.usage.core import SUPPORTED, Core, jitter, later, reason_line, tolerated_body
from signalling.usage.ending import Fate, bury, fate, finish
from signalling.usage.leg import Leg, Stage, Wish
from signalling.usage.request import send_ack, send_in_dialog
from signalling.usage.session import agreed, asking_lines, too_small

MAX_ATTEMPTS = 5
MAX_WAIT = 180.0  # for the final response to a re-INVITE that is provisionally answered
NOT_KNOWN = frozenset({405, 501})  # of UPDATE: the peer knows the method no more than its Allow should have said


def modify(core: Core, command: Modify, now: float) -> None:
    """Wish for a new session description. While one is under way only the newest wish is kept."""
    leg = _living(core, command.leg)
    leg.modify.attempts = 0
    asks = command.body is None
    wish(core, leg, Wish(command.body, asks, dict(command.headers) or None, told=True), now)


def update(core: Core, command: Update, now: float) -> None:
    """Wish for an UPDATE, with or without an offer."""
    leg = _living(core, command.leg)
    leg.modify.attempts = 0
    headers = dict(command.headers) or None
    wish(core, leg, Wish(command.body, False, headers, prefers_update=True, tag=command.tag, told=True), now)


def wish(core: Core, leg: Leg, wanted: Wish, now: float) -> None:
    leg.modify.wanted = wanted.over(leg.modify.wanted)
    pursue(core, leg, now)


def pursue(core: Core, leg: Leg, now: float) -> None:
    """Send the wish if the leg is free for it; called whenever something that stood in the way is over."""
    change = leg.modify
    wanted = change.wanted
    if wanted is None or change.pending or change.server or change.retry or change.unacked or leg.success:
        return
    if leg.stage is Stage.CONFIRMED:
        method = _method(leg, wanted)
        if not method:
            change.wanted = None
            if wanted.told:
                core.emit(ModifyFailed(leg.id, 405))
            return
        _send(core, leg, leg.dialog, method, wanted, now)
    elif leg.is_early and (dialog := _early_dialog(leg, wanted)) is not None:
        _send(core, leg, dialog, "UPDATE", wanted, now)


def _method(leg: Leg, wanted: Wish) -> str:
    """The request that carries a wish to a peer that has answered, "" when it stands none."""
    may_reinvite = leg.policy.reinvite
    changes = wanted.offer is not None or wanted.asks
    if changes and may_reinvite and not (wanted.prefers_update and leg.may_update):
        return "INVITE"
    if leg.may_update and not wanted.asks:
        return "UPDATE"
    return "INVITE" if may_reinvite else ""


def _early_dialog(leg: Leg, wanted: Wish) -> Dialog | None:
    """The dialog in which an UPDATE may go before the call is answered, None while there is none (RFC 3311 §5.1)."""
    if not leg.may_update or wanted.asks or leg.held_answer is not None:
        return None
    if leg.is_incoming:
        reliable = leg.reliable
        ready = reliable is not None and not reliable.is_open and leg.offer_answer.state is Sdp.STABLE
        return leg.dialog if ready and leg.last_body is not None else None
    tag = wanted.tag or next(reversed(leg.early), "")
    found = leg.early.get(tag)
    if found is None or not tag or (wanted.offer is not None and found.answer is None):
        return None
    return found.dialog(leg)


def _send(core: Core, leg: Leg, dialog: Dialog, method: str, wanted: Wish, now: float) -> None:
    """One request for the wish; an INVITE for headers alone repeats our last body byte by byte, so that nothing changes."""
    change = leg.modify
    body = wanted.offer
    if method == "INVITE" and body is None and not wanted.asks:
        body = leg.last_body
    if body is not None and not leg.offers_of(dialog).take(Turn.SENT_OFFER):
        return
    change.wanted = None
    change.sent = wanted
    change.attempts += 1
    before = leg.last_body
    if wanted.offer is not None:
        leg.last_body = wanted.offer
    extra = header_lines(dict(wanted.headers)) if wanted.headers else ""
    timer = "" if leg.is_early else asking_lines(leg)
    lines = f"{dialog.contact}{core.allow_line}{SUPPORTED}{timer}{extra}"
    exchange = _Exchange(core, leg, dialog, method, body, before)
    change.pending = send_in_dialog(core, leg, method, exchange.on_response, now, headers=lines, body=body, dialog=dialog)
    if method == "INVITE":
        change.pending.arm(Input.C, now + MAX_WAIT)


class _Exchange:
    """One re-INVITE or UPDATE of ours and what its responses mean."""

    __slots__ = ("before", "body", "core", "dialog", "has_answer", "leg", "method", "order", "target")

    def __init__(
        self, core: Core, leg: Leg, dialog: Dialog, method: str, body: Body | None, before: Body | None = None
    ) -> None:
        self.core = core
        self.leg = leg
        self.dialog = dialog
        self.method = method
        self.body = body  # our offer
        self.before = before  # our description that stays in force when the offer is refused
        self.has_answer = False  # it came in a reliable 18x of a re-INVITE
        self.order: ReliableOrder | None = None
        self.target = dialog.target  # where we come back to when the request fails (RFC 6141 §3.5)

    def on_response(self, status: int, response: Response | None, now: float) -> None:
        leg = self.leg
        if status < 200:
            if response is not None and is_reliable(response) and not leg.is_over:
                self._reliable(response, now)
            return
        if response is None or status >= 300:
            self._failed(status, response, now)
            return
        repeated = leg.acks.get((response.to.tag, response.cseq.number)) if self.method == "INVITE" else None
        if repeated is not None:
            self.core.transmit(*repeated)
        elif self.method == "INVITE" and leg.modify.unacked != response.cseq.number:
            self._invite_agreed(response, now)
        elif self.method == "UPDATE":
            self._update_agreed(response, now)

    def _reliable(self, response: Response, now: float) -> None:
        """A reliable 18x to a re-INVITE: PRACK; its answer and its Contact count already (RFC 6141 §4)."""
        self.order = self.order or ReliableOrder()
        rack = self.order.take(response)
        if not rack:
            return
        self.dialog.confirm_target(response)
        body = tolerated_body(response)
        if body is not None and self.body is not None and self.leg.offer_answer.take(Turn.GOT_ANSWER):
            self.has_answer = True
            self.leg.remote_body = body
            self.core.emit(Modified(self.leg.id, body))
        send_in_dialog(self.core, self.leg, "PRACK", self._pracked, now, headers=f"RAck: {rack}\r\n")

    def _pracked(self, status: int, response: Response | None, now: float) -> None:
        if status >= 300 and not self.leg.is_over:
            _end_by(self.core, self.leg, "PRACK", status, response, now)

    def _invite_agreed(self, response: Response, now: float) -> None:
        """2xx to our re-INVITE: ACK at once, whatever became of the leg meanwhile."""
        core, leg, change = self.core, self.leg, self.leg.modify
        cseq = response.cseq.number
        sent, change.pending, change.sent = change.sent, None, None
        change.attempts = 0
        if not leg.is_over:
            self.dialog.confirm_target(response)
        body = tolerated_body(response)
        if self.body is None and body is not None and not leg.is_over:
            change.unacked = cseq
            leg.offer_answer.take(Turn.GOT_OFFER)
            leg.remote_body = body
            agreed(core, leg, response, now)
            core.emit(Modified(leg.id, body, needs_ack_body=True))
            return
        send_ack(core, leg, self.dialog, cseq)
        if leg.is_over:
            return
        if body is None and not self.has_answer:
            leg.offer_answer.take(Turn.ROLLED_BACK)
            say_bye(core, leg, reason_line(111), now)
            finish(core, leg, 488, q850=111, reason="no session description", keep_dialog=True)
            return
        agreed(core, leg, response, now)
        if not self.has_answer and body is not None:
            leg.offer_answer.take(Turn.GOT_ANSWER)
            self._tell(sent, body)
        core.resume(leg, now)

    def _update_agreed(self, response: Response, now: float) -> None:
        core, leg, change = self.core, self.leg, self.leg.modify
        sent, change.pending, change.sent = change.sent, None, None
        change.attempts = 0
        if leg.is_over:
            return
        self.dialog.confirm_target(response)
        offers = leg.offers_of(self.dialog)
        body = tolerated_body(response)
        agreed(core, leg, response, now)
        if self.body is not None and body is None:
            offers.take(Turn.ROLLED_BACK)
            core.emit(ModifyFailed(leg.id, 488))
        elif self.body is not None and body is not None:
            offers.take(Turn.GOT_ANSWER)
            if leg.stage is Stage.CALLING and (found := leg.early.get(self.dialog.remote_tag)) is not None:
                found.answer = body
            self._tell(sent, body)
        elif sent is not None and sent.told:
            core.emit(Modified(leg.id, None))
        core.resume(leg, now)

    def _tell(self, sent: Wish | None, body: Body) -> None:
        """The answer goes up when somebody asked, or when the peer used a mere refresh to change something."""
        leg = self.leg
        if (sent is not None and sent.told) or body != leg.remote_body:
            self.core.emit(Modified(leg.id, body))
        leg.remote_body = body

    def _failed(self, status: int, response: Response | None, now: float) -> None:
        core, leg, change = self.core, self.leg, self.leg.modify
        sent, change.pending, change.sent = change.sent, None, None
        if self.body is not None:
            leg.offers_of(self.dialog).take(Turn.ROLLED_BACK)
            leg.last_body = self.before  # a refresh repeats what is in force
        if leg.is_over:
            return
        if not self.has_answer and self.dialog.target != self.target:
            self.dialog.retarget(self.target)
        if response is None or fate(self.method, status) is not Fate.REQUEST:
            _end_by(core, leg, self.method, status, response, now)
            return
        wait = self._delay(response)
        if wait is not None and sent is not None:
            change.wanted = change.wanted.over(sent) if change.wanted is not None else sent
            change.retry = later(core, partial(_retry, core, leg), "glare", now + wait)
            return
        change.attempts = 0
        if sent is not None and sent.told:
            core.emit(ModifyFailed(leg.id, status))
        core.resume(leg, now)

    def _delay(self, response: Response) -> float | None:
        """Seconds until the same wish is tried again, None for never (§14.1: the owner of the Call-ID waits longer)."""
        leg = self.leg
        if leg.modify.attempts >= MAX_ATTEMPTS:
            return None
        if response.status == 491:
            return jitter(self.core, 0.0, 2.0) if leg.is_incoming else jitter(self.core, 2.1, 4.0)
        if self.method == "UPDATE" and response.status in NOT_KNOWN and leg.can_update:
            leg.can_update = False
            return 0.0
        if too_small(leg, response):
            return 0.0
        after = response.number("retry-after")
        if response.status == 500 and after is not None and after <= 10:
            return float(after)
        return None


def _end_by(core: Core, leg: Leg, method: str, status: int, response: Response | None, now: float) -> None:
    """A request inside the dialog has failed in a way that ends the leg (RFC 5057 §5.1)."""
    if leg.is_early:
        give_up(core, leg, status, f"{method} failed", now)
    elif fate(method, status) is Fate.GONE:
        finish(core, leg, status, message=response)
        bury(core, leg)
    elif response is None or fate(method, status) is Fate.LEG:
        say_bye(core, leg, reason_line(102), now)
        finish(core, leg, status, message=response, keep_dialog=True)


def _retry(core: Core, leg: Leg, now: float) -> None:
    leg.modify.retry = None
    pursue(core, leg, now)


def _living(core: Core, leg_id: str) -> Leg:
    leg = core.legs.get(leg_id)
    if leg is None:
        raise LocalProtocolError(f"leg {leg_id} has no session to modify")
    return leg
