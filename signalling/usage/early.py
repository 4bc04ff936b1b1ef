"""Early dialogs of a call out: provisional responses, their PRACKs, the one that wins (RFC 3261 §13.2.2, 3262, 6228)."""

from __future__ import annotations

from functools import partial

from signalling.dialog import ReliableOrder
from signalling.dialog.offer_answer import Turn
from signalling.dialog.reliable import is_reliable
from signalling.events import Body, EarlyDialog, Progress
from signalling.message import Response
from signalling.usage.cancel import give_up
from signalling.usage.core import Core, allows, tolerated_body
from signalling.usage.ending import Fate, fate
from signalling.usage.identity import passed_headers
from signalling.usage.leg import Early, Leg, Stage
from signalling.usage.request import send_in_dialog

MAX_FORKS = 16
TERMINATED = 199  # RFC 6228: this early dialog is over, others may go on


def on_provisional(core: Core, leg: Leg, response: Response, now: float) -> None:
    """An 18x of a leg that still waits for its final response."""
    tag = response.to.tag
    found = leg.early.get(tag)
    if response.status == TERMINATED:
        if leg.early.pop(tag, None) is not None:
            _drop_change(core, leg, tag, now)
            core.emit(Progress(leg.id, TERMINATED, tag=tag))
        return
    if found is None:
        if len(leg.early) >= MAX_FORKS:
            return
        found = leg.early[tag] = Early(leg, response)
        if len(leg.early) > 1:
            core.emit(EarlyDialog(leg.id, tag, tolerated_body(response)))
    if "allow" in response.headers:
        leg.can_update = allows(response, "UPDATE")
    body = tolerated_body(response) if response.body else None
    if is_reliable(response):
        _reliable(core, leg, found, response, body, now)
        return
    if body is not None and found.preview is None:
        found.preview = body
    core.emit(Progress(leg.id, response.status, body, tag, headers=passed_headers(response)))


def _reliable(core: Core, leg: Leg, found: Early, response: Response, body: Body | None, now: float) -> None:
    found.order = found.order or ReliableOrder()
    rack = found.order.take(response)
    if not rack:
        return  # a repeat: the PRACK repeats itself
    needs_answer = False
    if body is not None:
        if found.offer_answer.take(Turn.GOT_ANSWER):
            found.answer = body
        elif leg.is_delayed and found.answer is None and found.offer_answer.take(Turn.GOT_OFFER):
            found.answer, found.offered, needs_answer = body, rack, True
    if not needs_answer:
        send_prack(core, leg, found, rack, None, now)
    core.emit(
        Progress(
            leg.id, response.status, body, response.to.tag, reliable=True, needs_answer=needs_answer,
            headers=passed_headers(response),
        )
    )  # fmt: skip
    core.resume(leg, now)


def answer_offer(core: Core, leg: Leg, body: Body, now: float) -> bool:
    """Answer the oldest offer that came in a reliable 18x, in its PRACK; False when none waits."""
    for found in leg.early.values():
        if found.offered:
            rack, found.offered = found.offered, ""
            found.offer_answer.take(Turn.SENT_ANSWER)
            leg.last_body = body
            send_prack(core, leg, found, rack, body, now)
            return True
    return False


def send_prack(core: Core, leg: Leg, found: Early, rack: str, body: Body | None, now: float) -> None:
    dialog = found.dialog(leg)
    done = partial(_pracked, core, leg)
    send_in_dialog(core, leg, "PRACK", done, now, headers=f"RAck: {rack}\r\n", body=body, dialog=dialog)


def _pracked(core: Core, leg: Leg, status: int, response: Response | None, now: float) -> None:
    """A PRACK that nobody knows or answers: this call cannot come to anything (RFC 5057 §5.1)."""
    if status >= 300 and fate("PRACK", status) is not Fate.REQUEST and leg.stage is Stage.CALLING:
        give_up(core, leg, status, "PRACK failed", now)


def win(core: Core, leg: Leg, response: Response, now: float) -> Body | None:
    """The first 2xx: its early dialog becomes the leg's. Returns what is agreed on, None when nothing is yet."""
    tag = response.to.tag
    winner = leg.early.pop(tag, None)
    for lost in leg.early:
        _drop_change(core, leg, lost, now)
    if winner is not None and winner.made is not None:
        leg.dialog = winner.made
    leg.dialog.confirm(response)
    if "allow" in response.headers:
        leg.can_update = allows(response, "UPDATE")
    if winner is None:
        winner = Early(leg, response)
    leg.offer_answer = winner.offer_answer
    if winner.answer is not None:
        return winner.answer
    if leg.is_delayed:
        return None
    body = tolerated_body(response) or winner.preview
    if body is not None:
        leg.offer_answer.take(Turn.GOT_ANSWER)
    return body


def _drop_change(core: Core, leg: Leg, tag: str, now: float) -> None:
    """An UPDATE that the peer sent in a dialog that is over gets its answer."""
    change = leg.modify
    if change.server is not None and change.dialog is not None and change.dialog.remote_tag == tag:
        change.server.respond(481, now, leg.dialog.local_tag, core.server_line)
        change.server = change.request = change.dialog = None
