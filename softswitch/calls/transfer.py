"""Sending a customer on: blind transfer with a way back, and joining the legs of two calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.calls.mix import Party
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.scene import PartyRole
from softswitch.legs.base import Leg, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Refusal, Unreachable

if TYPE_CHECKING:
    from softswitch.calls.call import Call, Work

RING = 20.0
"""Seconds after which an agent's transfer that nobody answers goes back (call-centre.md §2.2)."""

_KIND = {DestinationKind.QUEUE: "queue", DestinationKind.FLOW: "flow"}
PEOPLE = (DestinationKind.AGENT, DestinationKind.EXTENSION, DestinationKind.OUTSIDE)
"""Who is rung; everywhere else the switch itself takes the call."""


@dataclass(frozen=True, slots=True)
class Return:
    """Where a transfer goes back to when nobody takes it: the one who sent it on, when free; else the head of the queue."""

    to: Destination | None = None
    agent: str = ""
    queue: str = ""


CONFERENCE = "conf"
"""Where a phone sends the other side that is to come together with its other calls."""
MAX_REFERRALS = 5
"""Transfers by the devices of parties that one call takes (sip.md §5.6)."""


def may_transfer(call: Call, party: Party) -> None:
    """Counts a transfer that a party's device wants. Raises Unreachable for one that may not, or the sixth.

    A caller behind a trunk does not send our people about unless its profile says so.
    """
    facts = party.leg.facts
    call.conversation.referrals += 1
    is_stranger = facts.kind is PartyKind.TRUNK and party is call.mix.anchor and not facts.may_refer
    if is_stranger or call.conversation.referrals > MAX_REFERRALS:
        raise Unreachable(Cause.REJECTED)


def way_back(call: Call, by: Party) -> Return:
    """Back to the party that transfers, or to the queue that the call came from."""
    to = Destination.parse(by.name) if by.name.startswith(("agent:", "extension:")) else None
    return Return(to, by.agent, call.tally().queue)


def blind(call: Call, by: Party, to: Destination, *, actor: str, by_device: bool = False) -> None:
    """Sends the others' side elsewhere and lets the party go. Raises Conflict in a conference and before the answer.

    `by_device`: the party waits in its dialog until somebody has answered, and has the other side back when nobody does.

    The recording pauses until the next conversation, so that the call has one file with true times.
    """
    if (customer := _other(call, by)) is not None and (uri := _by_carrier(call, customer, to)):
        call.referrals.ask(by, customer, to, uri, actor=actor, by_device=by_device)
        return
    back = send_away(call, by, by_device=by_device, keeps=to.kind in (*PEOPLE, DestinationKind.QUEUE, DestinationKind.PARK))
    wait = RING if by.agent and not by_device else call.board.transfer_ring
    ring = wait if to.kind in PEOPLE else 0.0
    call.redirect(to, kind=_KIND.get(to.kind, "blind"), actor=actor, back=back, ring=ring)


def _other(call: Call, by: Party) -> Party | None:
    """Whom the party talks to, when that is one and nobody is being asked."""
    others = [party for party in call.mix.parties if party is not by]
    return others[0] if len(others) == 1 and call.guests.consulted is None else None


def _by_carrier(call: Call, customer: Party, to: Destination) -> str:
    """What the customer's own carrier is to call, where its profile says that it can and the route leads there; else ""."""
    facts = customer.leg.facts
    if to.kind is not DestinationKind.OUTSIDE or not facts.sends_refer:
        return ""
    try:
        first = call.board.plan(facts, to).stages[0][0]
    except Unreachable:
        return ""
    return first.uri if first.trunk and first.name == facts.party else ""


def send_away(call: Call, by: Party, *, by_device: bool, keeps: bool = True) -> Return:
    """The party is no longer in the conversation; where the other side goes when nobody takes it. `keeps`: the recording goes
    on with whoever does. Raises Conflict.
    """
    if call.guests.consulted is not None:
        raise Conflict("somebody is being consulted: complete or cancel that first", Refusal.CONSULTING)
    if len(call.mix.parties) != 2:
        raise Conflict("a conference cannot be transferred: leave it, the others go on" if call.conversation.is_live
                       else "there is no conversation to transfer")  # fmt: skip
    back = way_back(call, by)
    if keeps:
        call.conversation.keep_recording()
    if by_device:
        call.referrals.begin(by)
    else:
        call.part(by, Ending("agent" if by.agent else "callee", Cause.NORMAL))
    return back


async def come_back(call: Call, back: Return, outcome: Outcome) -> Outcome:
    """Nobody took a transfer: to whoever sent it when free, else to the head of the queue it came from, else it is over.

    Who has waited for it in its dialog has the other side back at once.
    """
    party = call.referrals.take_back(outcome)
    if party is not None:
        call.emit(ev.CallTransferred(kind="return", target=party.name, result=outcome.result))
        if party.away:
            asyncio.get_running_loop().call_soon(_holds_still, call, party.leg)
        return await joining(party.leg, party.name, party.agent)(call)
    ready = back.to is not None and (not back.agent or call.board.desks.is_ready(back.agent))
    target = back.to if ready else Destination(DestinationKind.QUEUE, back.queue) if back.queue else None
    call.emit(ev.CallTransferred(kind="return", target=str(target or ""), result=outcome.result))
    if ready and back.to is not None:
        outcome = await call.go(back.to)
        if outcome.ending is not None:
            return outcome
    if back.queue:
        call.front = True
        return await call.go(Destination(DestinationKind.QUEUE, back.queue))
    return outcome


def _holds_still(call: Call, leg: Leg) -> None:
    """A device that has pressed hold before it transferred has the other side back on hold."""
    party = call.mix.party_of(leg)
    if party is not None:
        call.conversation.device_held(party, held=True)


def joining(leg: Leg, name: str, agent: str) -> Work:
    """What a call does that is picked up: it is joined to this leg, wherever it was."""

    async def work(call: Call) -> Outcome:
        desks = call.board.desks
        if agent:
            desks.answered(agent, call.id, internal=call.is_internal)
        try:
            return Outcome.ended(await call.bridge(leg, agent=agent, other=name, queue=call.tally().queue))
        finally:
            if agent:
                desks.released(agent, call.id)

    return work


def replace_party(call: Call, party: Party, leg: Leg, *, name: str, agent: str, actor: str) -> None:
    """Another leg takes a party's place in one batch: an attended transfer by the party's own phone. The recording goes on."""
    heir = Party(leg, PartyRole.AGENT if party.role is PartyRole.AGENT else party.role, name=name, agent=agent)
    held = [other for other in call.mix.parties if other.held]
    stops = [command for other in held for command in call.conversation.release(other, actor=actor)]
    call.conversation.join(heir, before=stops)
    call.emit(ev.CallTransferred(kind="attended", target=name, result="answered", agent=agent, actor=actor))
    call.emit(ev.CallConnected(other=name, leg=leg.id, agent=agent))
    call.part(party, Ending("agent" if party.agent else "callee", Cause.NORMAL))
