"""The call detail record: a pure fold of a call's timeline, so that replay after a crash gives the same row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.store.rows import CdrRow


@dataclass(slots=True)
class Tally:
    """What is known of a call so far; also the source of the live views. Written by `step` alone."""

    created: ev.CallCreated
    trunk: str = ""
    queue: str = ""
    agent: str = ""
    answered_at: float | None = None
    connected_at: float | None = None
    tried_at: float | None = None  # a second party is being tried
    rung: bool = False  # the agent who is tried has answered: `ring_ms` is final
    held_at: float | None = None
    queued_at: float | None = None
    wait_ms: int = 0
    ring_ms: int = 0
    hold_ms: int = 0
    queue_result: str = ""
    served: bool = False  # somebody or something other than waiting was reached: a conference, a conversation
    ended: ev.CallEnded | None = field(default=None)


def _answered(tally: Tally, event: ev.CallAnswered) -> None:
    if event.party == "caller" and tally.answered_at is None:
        tally.answered_at = event.at


def _tried(tally: Tally, event: ev.LegStarted) -> None:
    tally.tried_at = tally.tried_at or event.at
    tally.trunk = tally.trunk or event.trunk


def _offered(tally: Tally, event: ev.OfferMade) -> None:
    tally.tried_at, tally.rung = event.at, False
    tally.queue = event.queue or tally.queue


def _offer_answered(tally: Tally, event: ev.OfferAnswered) -> None:
    """Ringing ends here: what is said before the two are joined (consent, whisper) is none."""
    if tally.tried_at is not None and tally.connected_at is None:
        tally.ring_ms, tally.rung = _ms(tally.tried_at, event.at), True


def _connected(tally: Tally, event: ev.CallConnected) -> None:
    final = tally.rung or tally.connected_at is not None
    if not final and tally.tried_at is not None:
        tally.ring_ms = _ms(tally.tried_at, event.at)
    tally.connected_at = tally.connected_at or event.at
    tally.served, tally.tried_at = True, None
    tally.agent, tally.queue = event.agent or tally.agent, event.queue or tally.queue


def _held(tally: Tally, event: ev.CallHeld) -> None:
    if tally.held_at is None:
        tally.held_at = event.at


def _resumed(tally: Tally, event: ev.CallResumed) -> None:
    if tally.held_at is not None:
        tally.hold_ms += _ms(tally.held_at, event.at)
        tally.held_at = None


def _queued(tally: Tally, event: ev.QueueEntered) -> None:
    tally.queue, tally.queued_at, tally.queue_result = event.queue, event.at, ""


def _left_queue(tally: Tally, event: ev.QueueLeft) -> None:
    tally.queued_at, tally.queue_result = None, event.result
    tally.wait_ms += event.wait_ms


def _joined_room(tally: Tally, _event: ev.ConferenceJoined) -> None:
    tally.served = True


def _ended(tally: Tally, event: ev.CallEnded) -> None:
    if tally.tried_at is not None and tally.connected_at is None and not tally.rung:
        tally.ring_ms = _ms(tally.tried_at, event.at)
    if tally.held_at is not None:
        tally.hold_ms += _ms(tally.held_at, event.at)
    if tally.queued_at is not None:
        tally.wait_ms += _ms(tally.queued_at, event.at)
    tally.ended, tally.held_at, tally.queued_at = event, None, None


STEPS: Mapping[type[ev.Event], Callable[..., None]] = {
    ev.CallAnswered: _answered, ev.LegStarted: _tried, ev.OfferMade: _offered,
    ev.OfferAnswered: _offer_answered, ev.CallConnected: _connected,
    ev.CallHeld: _held, ev.CallResumed: _resumed, ev.QueueEntered: _queued, ev.QueueLeft: _left_queue,
    ev.ConferenceJoined: _joined_room, ev.CallEnded: _ended,
}  # fmt: skip
"""One small step per kind of event; unknown kinds leave the record as it is."""


def step(tally: Tally, event: ev.Event) -> None:
    """Takes one more event in."""
    move = STEPS.get(type(event))
    if move is not None:
        move(tally, event)


def fold(events: Sequence[ev.Event]) -> CdrRow | None:
    """The record of an ended call; None while the timeline is not that of an ended call."""
    if not events or not isinstance(events[0], ev.CallCreated):
        return None
    tally = Tally(events[0], trunk=events[0].trunk, agent=events[0].agent)
    for event in events[1:]:
        step(tally, event)
    return None if tally.ended is None else _row(tally, tally.ended)


def _row(tally: Tally, ended: ev.CallEnded) -> CdrRow:
    created = tally.created
    talk_ms = 0 if tally.connected_at is None else _ms(tally.connected_at, ended.at)  # hold is part of it, as of the recording
    return CdrRow(
        id=created.call, direction=created.direction, caller=created.caller, caller_name=created.caller_name,
        called=created.called, trunk=tally.trunk, source=created.source, queue=tally.queue, agent=tally.agent,
        result=_result(tally, ended), cause=ended.cause, q850=ended.q850, sip_status=ended.sip_status, who=ended.who,
        created_at=created.at, answered_at=tally.answered_at, connected_at=tally.connected_at, ended_at=ended.at,
        wait_ms=tally.wait_ms, ring_ms=tally.ring_ms, talk_ms=talk_ms, hold_ms=tally.hold_ms,
        duration_ms=_ms(created.at, ended.at), sip_call_id=created.sip_call_id, context=created.context,
    )  # fmt: skip


_BY_CAUSE = {
    Cause.BUSY.word: "busy", Cause.NO_ANSWER.word: "no_answer", Cause.NO_USER_RESPONSE.word: "no_answer",
    Cause.REJECTED.word: "rejected", Cause.FORBIDDEN.word: "rejected", Cause.CANCELLED.word: "abandoned",
}  # fmt: skip


def _result(tally: Tally, ended: ev.CallEnded) -> str:
    """A call is answered when people (or a room) were reached, or when a service alone was wanted and it answered."""
    if ended.cause == Cause.NODE_LOST.word:
        return "interrupted"
    if tally.connected_at is not None or tally.served:
        return "answered"
    if tally.queue:
        if ended.who == "caller":
            return "abandoned"
        return "no_answer" if tally.queue_result in ("timeout", "overflow", "") else _BY_CAUSE.get(ended.cause, "failed")
    if ended.who == "caller":
        served_by_machine = tally.answered_at is not None and tally.tried_at is None
        return "answered" if served_by_machine else "abandoned"
    if ended.cause in _BY_CAUSE:
        return _BY_CAUSE[ended.cause]
    return "answered" if tally.answered_at is not None and ended.cause == Cause.NORMAL.word else "failed"


def _ms(start: float, end: float) -> int:
    return max(0, round((end - start) * 1000))
