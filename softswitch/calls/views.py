"""Live calls as values for pages and programs (the shape is in web/README.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.cdr import Tally, step
from softswitch.calls.monitor import Monitoring
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.states import CallState


@dataclass(frozen=True, slots=True)
class RecordingView:
    id: str
    status: str
    duration_ms: int
    bytes: int
    sha256: str
    restricted: bool


@dataclass(frozen=True, slots=True)
class CallView:
    """One live call. Times are UTC epoch seconds, durations ms up to now."""

    id: str
    direction: str
    source: str
    state: CallState
    caller: str
    caller_name: str
    called: str
    trunk: str
    queue: str
    agent: str
    created_at: float
    answered_at: float | None
    connected_at: float | None
    ended_at: float | None
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    duration_ms: int
    result: str | None
    cause: Cause | None
    who: str
    sip_status: int
    recordings: tuple[RecordingView, ...]
    monitors: tuple[Monitoring, ...]
    context: Mapping[str, str]


def view(call: Call, now: float) -> CallView:
    """The call as it stands at `now` (UTC). The call has begun: its first event is `call.created`."""
    created = call.timeline.events[0]
    if not isinstance(created, ev.CallCreated):
        raise TypeError("a timeline starts with call.created")
    tally = Tally(created, trunk=created.trunk)
    for event in call.timeline.events[1:]:
        tally = step(tally, event)
    end = tally.ended.at if tally.ended is not None else now
    held = tally.hold_ms + _ms(tally.held_at, end)
    return CallView(
        id=call.id, direction=created.direction, source=created.source, state=call.state, caller=created.caller,
        caller_name=created.caller_name, called=created.called, trunk=tally.trunk, queue=tally.queue,
        agent=tally.agent or _offered_to(call), created_at=created.at, answered_at=tally.answered_at,
        connected_at=tally.connected_at, ended_at=tally.ended.at if tally.ended is not None else None,
        wait_ms=tally.wait_ms + _ms(tally.queued_at, end), ring_ms=tally.ring_ms + _ms(tally.tried_at, end),
        talk_ms=max(0, _ms(tally.connected_at, end) - held), hold_ms=held, duration_ms=_ms(created.at, end), result=None,
        cause=call.ending.cause if call.ending is not None else None, who=call.ending.who if call.ending is not None else "",
        sip_status=tally.ended.sip_status if tally.ended is not None else 0, recordings=_recordings(call),
        monitors=call.monitors.views(), context=created.context,
    )  # fmt: skip


def _offered_to(call: Call) -> str:
    """The agent at whose device the call rings, if any."""
    for event in reversed(call.timeline.events):
        if isinstance(event, ev.OfferMade):
            return event.agent
        if isinstance(event, ev.OfferFailed | ev.OfferWithdrawn | ev.QueueLeft):
            return ""
    return ""


def _recordings(call: Call) -> tuple[RecordingView, ...]:
    found: dict[str, RecordingView] = {}
    for event in call.timeline.events:
        if isinstance(event, ev.RecordingStarted):
            found[event.recording] = RecordingView(event.recording, "recording", 0, 0, "", event.restricted)
        elif isinstance(event, ev.RecordingFinished):
            found[event.recording] = RecordingView(
                event.recording, event.status, event.duration_ms, event.bytes, event.sha256, event.restricted
            )
    return tuple(found.values())


def _ms(start: float | None, end: float) -> int:
    return 0 if start is None else max(0, round((end - start) * 1000))
