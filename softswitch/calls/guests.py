"""Third parties that an agent brings into a call: the consulted one before a transfer, the members of a conference.

Each is rung by a task of its own beside the call's. Once it has answered it is a `Party` like any other; what happens when
somebody leaves is decided here, so that the customer is never left alone on hold.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from media.commands import Command, Play, StopPlay
from softswitch.calls.dialling import Dialling, Watch
from softswitch.calls.mix import Party
from softswitch.calls.outcome import Ending
from softswitch.calls.ringing import devices
from softswitch.calls.scene import PartyRole
from softswitch.legs.base import Leg, LegFacts, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Busy, Conflict, NotFound, Refusal, Unreachable

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.errand import Errand

RING = 20.0
"""Seconds that a consulted or invited party rings."""
ASIDE = 1
"""The circle of an agent and the one it consults."""
MOST_PARTIES = 32

_PEOPLE = (DestinationKind.AGENT, DestinationKind.EXTENSION, DestinationKind.OUTSIDE)
_MAY_BE_ASKED = (*_PEOPLE, DestinationKind.QUEUE)


@dataclass(eq=False, slots=True)
class Guest:
    """One third party, from the first ring. `party` is set once it has answered."""

    id: str
    to: Destination
    role: PartyRole
    by: Party
    agent: str  # the login behind an agent's device, "" otherwise
    since: float
    party: Party | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    errand: Errand | None = field(default=None, repr=False)
    dialling: Dialling | None = field(default=None, repr=False)
    tone: int = 0  # what `by` hears while it rings


class Guests:
    """Owned by its call. Raises Conflict for what cannot be done now, and then nothing has changed."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.consulted: Guest | None = None
        self.ringing: list[Guest] = []

    # the consultation

    def consult(self, by: Party, to: Destination) -> Guest:
        """Holds the customer (of a conference: steps aside) and rings the third party for the agent."""
        call = self._call
        self._check(to)
        if self.consulted is not None:
            raise Conflict("somebody is being consulted already", Refusal.CONSULTING)
        others = [party for party in call.mix.parties if party is not by]
        if not others:
            raise Conflict("there is no conversation", Refusal.NO_CONVERSATION)
        guest = self.consulted = self._guest(to, PartyRole.CONSULTED, by)
        by.circle = ASIDE
        if len(others) == 1:
            call.conversation.hold(others[0], held=True, actor=by.agent or "agent", by=by)
        call.mix.apply()
        call.emit(ev.ConsultStarted(target=str(to), agent=by.agent, actor=by.agent))
        if by.agent:
            call.board.desks.consulting(by.agent)
        self._start(guest)
        return guest

    def complete(self, by: Party) -> None:
        """Attended transfer: the customer and the consulted one stay, the agent leaves. One batch, the recording goes on."""
        guest = self._answered(by)
        self._together(guest, PartyRole.AGENT if by.role is PartyRole.AGENT else PartyRole.CUSTOMER)
        self._note_transfer(guest)
        self._call.part(by, Ending(_word(by), Cause.NORMAL), before=self._release_all(by.agent))

    def merge(self, by: Party) -> None:
        """All three talk."""
        guest = self._answered(by)
        self._together(guest, PartyRole.MEMBER)
        call = self._call
        call.mix.apply(before=self._release_all(by.agent))
        call.emit(ev.ConsultEnded(target=str(guest.to), result="conference", agent=by.agent, actor=by.agent))
        self._note_joined(guest)

    def cancel(self, by: Party) -> None:
        """The consulted one goes, whether it has answered or still rings; the customer is back."""
        guest = self._consulted(by)
        self.consulted = None
        self._drop(guest)
        self._back(guest, "cancelled", Cause.NORMAL)

    def _consulted(self, by: Party) -> Guest:
        if self.consulted is None or self.consulted.by is not by:
            raise Conflict("nobody is being consulted", Refusal.NOT_CONSULTING)
        return self.consulted

    def _answered(self, by: Party) -> Guest:
        guest = self._consulted(by)
        if guest.party is None:
            raise Conflict("the consulted party has not answered yet", Refusal.NOT_ANSWERED)
        return guest

    def _together(self, guest: Guest, role: PartyRole) -> None:
        """The consulted one is no longer aside with the agent; routes follow with the next batch."""
        self.consulted, guest.role, guest.by.circle = None, role, 0
        if guest.party is not None:
            guest.party.role, guest.party.circle = role, 0

    def _note_transfer(self, guest: Guest) -> None:
        call, to, leg = self._call, str(guest.to), guest.party.leg.id if guest.party is not None else ""
        by, actor = guest.by.agent, guest.by.agent or "agent"
        call.emit(ev.ConsultEnded(target=to, result="transferred", agent=by, actor=actor))
        call.emit(ev.CallTransferred(kind="attended", target=to, result="answered", agent=guest.agent, actor=actor))
        call.emit(ev.CallConnected(other=to, leg=leg, agent=guest.agent))
        if guest.agent:
            call.board.desks.joined(guest.agent, call.id, call.tally().queue)

    def _note_joined(self, guest: Guest) -> None:
        leg = guest.party.leg.id if guest.party is not None else ""
        self._call.emit(ev.ConferenceJoined(member=str(guest.to), leg=leg, agent=guest.agent, actor=guest.by.agent))
        self._tell_desks()

    def _back(self, guest: Guest, result: str, cause: Cause) -> None:
        """The agent is with the customer again."""
        call, by = self._call, guest.by
        by.circle = 0
        call.mix.apply(before=self._release_all(by.agent))
        word = cause.word if result == "failed" else ""
        call.emit(ev.ConsultEnded(target=str(guest.to), result=result, cause=word, agent=by.agent, actor=by.agent))
        if by.agent:
            call.board.desks.consulted(by.agent, result)

    def _release_all(self, actor: str) -> list[Command]:
        release = self._call.conversation.release
        return [command for party in self._call.mix.parties for command in release(party, actor=actor or "agent")]

    # the conference

    def invite(self, by: Party, to: Destination) -> Guest:
        """Rings somebody who joins the conversation when it answers; the others go on talking."""
        self._check(to)
        if not self._call.conversation.is_live:
            raise Conflict("there is no conversation", Refusal.NO_CONVERSATION)
        if any(str(guest.to) == str(to) for guest in self.ringing) or any(p.name == str(to) for p in self._call.mix.parties):
            raise Conflict(f"{to} is in the conversation already", Refusal.ALREADY_IN)
        guest = self._guest(to, PartyRole.MEMBER, by)
        self._start(guest)
        return guest

    def remove(self, identity: str, *, actor: str) -> None:
        """Takes a participant out, or stops ringing one. Raises NotFound; Conflict for the customer and for the last two."""
        guest = next((guest for guest in self.ringing if guest.id == identity), None)
        if guest is not None:
            if guest is self.consulted:
                self.cancel(guest.by)
            else:
                self._drop(guest)
            return
        party = self.party(identity)
        if len(self._call.mix.parties) < 3:
            raise Conflict("two are talking: hang up instead")
        if party is self._call.mix.anchor:
            raise Conflict("the call is this party's: hang up or transfer it instead")
        self._call.part(party, Ending(actor, Cause.NORMAL))

    def party(self, identity: str) -> Party:
        """A participant that has answered, by id or name. Raises NotFound."""
        for party in self._call.mix.parties:
            if identity in (party.id, party.name):
                return party
        raise NotFound("nobody in this call has this id")

    # ringing

    def _check(self, to: Destination) -> None:
        if to.kind not in _MAY_BE_ASKED:
            raise Conflict(f"{to} is no person: transfer the call there instead")
        if len(self._call.mix.parties) + len(self.ringing) >= MOST_PARTIES:
            raise Conflict(f"a call has {MOST_PARTIES} parties at most", Refusal.TOO_MANY_PARTIES)

    def _guest(self, to: Destination, role: PartyRole, by: Party) -> Guest:
        board = self._call.board
        return Guest(board.ids.leg(), to, role, by, board.stations.agent_of(to), board.clock.utc())

    def _start(self, guest: Guest) -> None:
        self.ringing.append(guest)
        guest.task = asyncio.get_running_loop().create_task(self._ring(guest))
        self._call.touched()

    async def _ring(self, guest: Guest) -> None:
        """Task of one guest: until it has joined or failed."""
        cause = Cause.CANCELLED
        try:
            if guest.to.kind is DestinationKind.QUEUE:
                self._join(guest, await self._fetched(guest))
                return
            if guest.agent:
                self._call.board.desks.alert(guest.agent, self._call.id, internal=True)
            async with self._dialling(guest) as leg:
                self._join(guest, leg)
        except (Conflict, Busy):
            cause = Cause.BUSY
        except Unreachable as fault:
            cause = fault.cause
        finally:
            if guest.party is None:
                self._failed(guest, cause)

    async def _fetched(self, guest: Guest) -> Leg:
        """Whoever answers in a queue; the agent hears ringback meanwhile. Raises Unreachable."""
        if self._call.fetch is None:
            raise Unreachable(Cause.NO_ROUTE)
        errand = guest.errand = self._call.fetch(self._call, guest.to)
        self._progress(guest, None)
        try:
            leg, login = await errand.found
        finally:
            if not errand.found.done() or errand.found.cancelled():
                errand.give_up()
        if login:
            guest.to, guest.agent = Destination(DestinationKind.AGENT, login), login
        return leg

    def _dialling(self, guest: Guest) -> Dialling:
        call, board, mix = self._call, self._call.board, self._call.mix
        stages = devices(board, _facts(call, guest), guest.to, group=mix.group, prefer=guest.by.leg.codecs)
        watch = Watch(lambda leg, _status: self._progress(guest, leg), board.report)

        def silence() -> None:
            mix.apply(before=self._silence(guest))

        guest.dialling = Dialling(call.timeline, stages, RING, watch, end_early=silence, is_in_call=call.keeps)
        return guest.dialling

    def _progress(self, guest: Guest, leg: Leg | None) -> None:
        """The agent who consults hears ringback or the far end's early sound; a conference is not disturbed."""
        mix = self._call.mix
        if guest is not self.consulted:
            return
        if leg is not None:
            stops = self._silence(guest)
            guest.by.player = leg.port
            mix.apply(before=stops)
        elif not guest.by.player:
            media = self._call.board.media
            guest.tone = guest.by.player = media.ids.next()
            mix.apply(before=[Play(guest.tone, mix.group, (), media.tones.ring, loop=True)])

    def _silence(self, guest: Guest) -> list[Command]:
        """Ends what the agent hears of a far end that rings."""
        if guest.role is PartyRole.CONSULTED and not guest.by.held:
            guest.by.player = 0
        tone, guest.tone = guest.tone, 0
        return [StopPlay(tone)] if tone else []

    def _join(self, guest: Guest, leg: Leg) -> None:
        call = self._call
        stops = self._silence(guest)
        aside = ASIDE if guest is self.consulted else 0
        guest.party = Party(leg, guest.role, name=str(guest.to), agent=guest.agent, circle=aside)
        self.ringing.remove(guest)
        if guest.agent:
            call.board.desks.answered(guest.agent, call.id, internal=True)
        call.conversation.join(guest.party, before=stops)
        call.emit(ev.CallAnswered(party="agent" if guest.agent else "callee", leg=leg.id, agent=guest.agent))
        if guest.role is PartyRole.MEMBER:
            self._note_joined(guest)

    def _failed(self, guest: Guest, cause: Cause) -> None:
        """It has not answered, or nobody wants it any more."""
        call = self._call
        self.ringing.remove(guest)
        stops = self._silence(guest)
        if guest.agent:
            call.board.desks.released(guest.agent, call.id)
        if call.is_over:
            call.mix.submit(stops)
        elif guest is self.consulted:
            self.consulted = None
            call.mix.submit(stops)
            self._back(guest, "failed", cause)
        else:
            call.mix.apply(before=stops)
            if guest.role is PartyRole.MEMBER:
                call.emit(ev.ConferenceLeft(member=str(guest.to), actor=cause.word))
        call.touched()

    def _drop(self, guest: Guest) -> None:
        if guest.party is not None:
            self._call.conversation.leave(guest.party, Ending("system", Cause.NORMAL))
        elif guest.task is not None:
            guest.task.cancel()

    # somebody leaves

    def left(self, party: Party) -> None:
        """A party's part is over, whatever way. Called when it is out of the picture."""
        call, guest = self._call, self.consulted
        if party.role is PartyRole.MEMBER:
            call.emit(ev.ConferenceLeft(member=party.name, leg=party.leg.id, agent=party.agent))
        if guest is not None and guest.party is party:
            self.consulted = None
            self._back(guest, "failed", Cause.NORMAL)
        elif guest is not None and guest.by is party:
            self._deserted(guest)
        elif guest is not None and all(other in (guest.by, guest.party) for other in call.mix.parties):
            self._customer_gone(guest)
        self._tell_desks()

    def _customer_gone(self, guest: Guest) -> None:
        """The two who are left talk to each other."""
        if guest.party is not None:
            self._together(guest, PartyRole.MEMBER)
        else:
            self.consulted = None
            self._drop(guest)
        self._back(guest, "failed", Cause.NORMAL)

    def _deserted(self, guest: Guest) -> None:
        """The agent hung up during a consultation: that is the transfer; a lost one's customer goes back to the queue."""
        call, by = self._call, guest.by
        if by.agent and call.board.desks.is_lost(by.agent):
            self.consulted = None
            self._drop(guest)
            call.emit(ev.ConsultEnded(target=str(guest.to), result="failed", cause="lost", agent=by.agent))
        elif guest.party is not None:
            self._together(guest, PartyRole.AGENT)
            call.mix.apply(before=self._release_all(by.agent))
            self._note_transfer(guest)
        elif call.conversation.is_live:  # of a conference, which goes on without the agent
            self.consulted = None
            self._drop(guest)
            call.emit(ev.ConsultEnded(target=str(guest.to), result="cancelled", agent=by.agent, actor=by.agent))
        else:
            self.consulted = None
            self._drop(guest)
            call.emit(ev.ConsultEnded(target=str(guest.to), result="transferred", agent=by.agent, actor=by.agent))
            call.redirect(guest.to, actor=by.agent or "agent")

    def _tell_desks(self) -> None:
        parties = self._call.mix.parties
        together = sum(1 for party in parties if not party.circle) > 2
        for party in parties:
            if party.agent and not party.circle:
                self._call.board.desks.conference(party.agent, more=together)

    def dismiss(self) -> None:
        """The call is over or goes elsewhere: nobody is rung for it any more."""
        guest, self.consulted = self.consulted, None
        if guest is not None:
            self._call.emit(ev.ConsultEnded(target=str(guest.to), result="failed", agent=guest.by.agent))
        for ringing in tuple(self.ringing):
            if ringing.errand is not None:
                ringing.errand.give_up()
            if ringing.dialling is not None:
                ringing.dialling.give_up(Cause.CANCELLED)
            if ringing.task is not None:
                ringing.task.cancel()


def _word(party: Party) -> str:
    """Who hung up, as `call.ended` says it."""
    return "agent" if party.agent else "callee"


def _facts(call: Call, guest: Guest) -> LegFacts:
    """Who calls the third party: the agent, with the customer's page and data beside."""
    kind, _, number = guest.by.name.partition(":")
    number = "" if kind == "supervisor" else number
    hops = call.caller.facts.hops
    return LegFacts(
        inbound=True, kind=PartyKind.AGENT, party=guest.by.agent, caller=number or call.facts.caller,
        caller_name=call.board.stations.name_of(guest.by.agent), called=guest.to.name, context=call.facts.context, hops=hops,
    )  # fmt: skip
