"""Live calls as values for pages and programs."""

from __future__ import annotations

from softswitch.calls.call import Call
from softswitch.calls.mix import Party
from softswitch.calls.scene import PartyRole
from softswitch.model import events as ev
from softswitch.model.views import CallView, ParticipantView


def view(call: Call, now: float) -> CallView:
    """The call as it stands at `now` (UTC). It has begun: its first event is `call.created`."""
    tally = call.tally()
    created = tally.created
    waited = tally.wait_ms if tally.queued_at is None else tally.wait_ms + max(0, round((now - tally.queued_at) * 1000))
    return CallView(
        id=call.id, direction=created.direction, source=created.source, state=call.state.value, caller=created.caller,
        caller_name=created.caller_name, called=created.called, trunk=tally.trunk, queue=tally.queue,
        agent=tally.agent or _offered_to(call), created_at=created.at, answered_at=tally.answered_at,
        connected_at=tally.connected_at, wait_ms=waited, recording=bool(call.mix.recorder), monitors=call.monitors.views(),
        context=created.context, participants=participants(call), variables=dict(call.variables), slot=call.slot,
        recording_paused=call.conversation.recorder.paused,
    )  # fmt: skip


def participants(call: Call) -> tuple[ParticipantView, ...]:
    """Everybody in the call: parties, who is being rung, supervisors."""
    talks = call.conversation.is_live
    seated = [_seated(party, alone="talking" if talks else "ringing" if not call.is_answered else "held")
              for party in call.mix.parties]  # fmt: skip
    rung = [
        ParticipantView(id=guest.id, party=str(guest.to), role=guest.role.value, state="ringing", since=guest.since)
        for guest in call.guests.ringing
    ]
    watching = [
        ParticipantView(id=f"supervisor:{ear.login}", party=f"agent:{ear.login}", role=PartyRole.SUPERVISOR, state="talking")
        for ear in call.mix.supervisors
    ]
    return (*seated, *rung, *watching)


def _seated(party: Party, alone: str) -> ParticipantView:
    state = "held" if party.held or party.away else "muted" if party.muted else alone
    return ParticipantView(id=party.id, party=party.name, role=party.role.value, state=state, since=party.since)


def _offered_to(call: Call) -> str:
    """The agent at whose device the call rings, if any."""
    for event in reversed(call.timeline.events):
        if isinstance(event, ev.OfferMade):
            return event.agent
        if isinstance(event, ev.OfferFailed | ev.OfferWithdrawn | ev.QueueLeft):
            return ""
    return ""
