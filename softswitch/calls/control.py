"""What an agent does with calls: one set of orders for the page, for programs and for the keys of phones.

Every order names a *hand*: the party that gives it and the call it is in. It raises NotFound, Conflict, Forbidden or Invalid
with a sentence for the person who gave it, and then nothing has changed; so a second click is a Conflict, not a second deed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.mix import Party, party_name
from softswitch.calls.outcome import Ending
from softswitch.calls.parking import ANY, ParkingLot
from softswitch.calls.pickup import Pickup
from softswitch.calls.scene import PartyRole
from softswitch.calls.service import CallService
from softswitch.calls.stations import Stations
from softswitch.calls.transfer import blind
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Forbidden, Invalid, Refusal

_DIALLED = re.compile(r"[0-9+*#() .-]{1,64}")
_DIGITS = re.compile(r"[0-9A-D*#]{1,32}")


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts in which call. `actor` is who gave the order: the agent's login, a supervisor's, a token's name."""

    call: Call
    party: Party
    actor: str


class CallControl:
    """Owned by the loop. Made once; the floor, the WebSocket, REST and feature codes all act through it."""

    def __init__(self, calls: CallService, stations: Stations, lot: ParkingLot, directory: Callable[[], Snapshot]) -> None:
        self.calls = calls
        self.lot = lot
        self.pickup = Pickup(calls, stations, lot, directory)
        self._stations = stations
        self._directory = directory

    # whose call

    def hand(self, login: str, actor: str = "") -> Hand:
        """The agent's own part. Raises Conflict when it is in no call."""
        found = [(call, party) for call in self.calls.all() if (party := call.mix.agent(login)) is not None]
        if not found:
            raise Conflict(f"agent {login} is in no call", Refusal.NO_CALL)
        call, party = next(((call, party) for call, party in found if not party.held and not party.away), found[-1])
        return Hand(call, party, actor or login)

    def hand_in(self, call_id: str, actor: str, agent: str = "") -> Hand:
        """The part of the agent who has a call, or of the one that is named. Raises NotFound, Conflict when nobody talks.

        Who has taken the call over acts for itself.
        """
        call = self.calls.get(call_id)
        parties = [party for party in call.mix.parties if party.agent == agent] if agent else call.mix.parties
        if not agent:
            parties = sorted(parties, key=lambda party: party.name != party_name(actor))
        for role in (PartyRole.AGENT, PartyRole.CONSULTED, PartyRole.MEMBER):
            for party in parties:
                if party.role is role:
                    return Hand(call, party, actor)
        raise Conflict(f"agent {agent} is not in this call" if agent else "nobody talks in this call yet")

    def of_phone(self, extension: str, *, but: Call | None = None) -> Hand:
        """The part of a phone in another call than the one it is dialling with. Raises Conflict."""
        login = self._stations.desks.agent_at(f"extension:{extension}")
        for call in reversed(self.calls.all()):
            for party in call.mix.parties:
                mine = party.name == f"extension:{extension}" or (party.agent and party.agent == login)
                if mine and call is not but and call.conversation.is_live:
                    return Hand(call, party, login or extension)
        raise Conflict("this phone is in no call", Refusal.NO_CALL)

    # hold, mute, keys

    def hold(self, hand: Hand) -> None:
        """The customer hears music."""
        self._free(hand)
        held = hand.call.conversation.opposite(hand.party)
        if not held:
            raise Conflict("there is no conversation to hold", Refusal.NO_CONVERSATION)
        if all(party.held for party in held):
            raise Conflict("the call is on hold already", Refusal.ALREADY_HELD)
        for party in held:
            hand.call.conversation.hold(party, held=True, actor=hand.actor, by=hand.party)
        self._tell_held(hand, held=True)

    def resume(self, hand: Hand) -> None:
        self._free(hand)
        held = [party for party in hand.call.mix.parties if party.held and party is not hand.party]
        if not held:
            raise Conflict("the call is not on hold", Refusal.NOT_HELD)
        for party in held:
            hand.call.conversation.hold(party, held=False, actor=hand.actor)
        self._tell_held(hand, held=False)

    def hold_for_lost(self, login: str) -> Call | None:
        """The agent's page is gone: the only other one hears music. The call, None when nothing was to be done."""
        for call in self.calls.all():
            party = call.mix.agent(login)
            if party is None or len(call.mix.parties) != 2 or any(other.held for other in call.mix.parties):
                continue
            for other in call.conversation.opposite(party):
                call.conversation.hold(other, held=True, actor="system", by=party)
            return call
        return None

    def release(self, call: Call) -> None:
        """Whoever was held for a lost page hears the agent again."""
        for party in call.mix.parties:
            call.conversation.hold(party, held=False, actor="system")

    def _tell_held(self, hand: Hand, *, held: bool) -> None:
        if hand.party.agent:
            self._stations.desks.held(hand.party.agent, held=held)

    def _free(self, hand: Hand) -> None:
        """Raises Conflict during a consultation: the customer is held by it."""
        guest = hand.call.guests.consulted
        if guest is not None and guest.by is hand.party:
            raise Conflict("somebody is being consulted: complete, merge or cancel that first", Refusal.CONSULTING)

    def mute(self, hand: Hand, *, muted: bool, participant: str = "") -> None:
        """The acting party, or a participant, is not heard any more. It still hears."""
        party = hand.call.guests.party(participant) if participant else hand.party
        if party.muted is muted:
            raise Conflict("muted already" if muted else "not muted")
        hand.call.conversation.mute(party, muted=muted)
        hand.call.touched()

    def press(self, hand: Hand, digits: str) -> None:
        """Keys for everybody whom the party talks to. Raises Invalid."""
        if not _DIGITS.fullmatch(digits):
            raise Invalid("digits", "expected keys of 0-9 A-D * #")
        hand.call.conversation.press(hand.party, digits)

    # consult, transfer, conference

    def consult(self, hand: Hand, to: str) -> None:
        """Holds the customer and rings a third party for the agent."""
        hand.call.guests.consult(hand.party, self.resolve(hand.party, to))

    def consult_complete(self, hand: Hand) -> None:
        """Attended transfer; while the third party still rings, it becomes a blind one with the way back."""
        guest = hand.call.guests.consulted
        if guest is not None and guest.by is hand.party and guest.party is None:
            to = guest.to
            hand.call.guests.cancel(hand.party)
            blind(hand.call, hand.party, to, actor=hand.actor)
            return
        hand.call.guests.complete(hand.party)

    def consult_merge(self, hand: Hand) -> None:
        """Three-way conference."""
        hand.call.guests.merge(hand.party)

    def consult_cancel(self, hand: Hand) -> None:
        """The customer is back."""
        hand.call.guests.cancel(hand.party)

    def transfer(self, hand: Hand, to: str, data: Mapping[str, str] | None = None) -> None:
        """Blind transfer anywhere, with data for whoever comes next."""
        target = self.resolve(hand.party, to)
        if target.kind is DestinationKind.PARK:
            self.lot.reserve(hand.call, target.name)
        if data:
            self.set_data(hand, data)
        blind(hand.call, hand.party, target, actor=hand.actor)

    def invite(self, hand: Hand, to: str) -> str:
        """Rings somebody into the conversation. Returns the participant's id."""
        return hand.call.guests.invite(hand.party, self.resolve(hand.party, to)).id

    def remove(self, hand: Hand, participant: str) -> None:
        hand.call.guests.remove(participant, actor=hand.actor)

    # park, pick up

    def park(self, hand: Hand, slot: str = "") -> str:
        """The customer waits in a slot. Returns its number."""
        found = self.lot.reserve(hand.call, slot or ANY)
        try:
            blind(hand.call, hand.party, Destination(DestinationKind.PARK, found), actor=hand.actor)
        except Conflict:
            self.lot.release(hand.call)
            raise
        return found

    # the rest

    def hang_up(self, hand: Hand) -> None:
        """The party leaves: others go on when there are two or more of them, else the call is over."""
        call, party = hand.call, hand.party
        if len(call.conversation.others) > 1 or call.guests.consulted is not None:
            call.part(party, Ending("agent", Cause.NORMAL))
        else:
            call.hang_up(Cause.NORMAL, "agent", hand.actor)

    def record(self, hand: Hand, action: str, *, forced: bool = False) -> None:
        """`action`: start, stop, pause, resume. `forced`: whoever leads may also end what a rule records."""
        recorder = hand.call.conversation.recorder
        if hand.party.agent and not forced:
            agent = self._directory().agents.get(hand.party.agent)
            if agent is None or "record" not in agent.rights:
                raise Forbidden("this agent may not steer the recording")
        match action:
            case "start":
                recorder.start(hand.actor)
            case "stop":
                recorder.stop(hand.actor, forced=forced)
            case "pause":
                recorder.pause(hand.actor, "agent")
            case "resume":
                recorder.resume(hand.actor)
            case _:
                raise Invalid("action", f"expected start, stop, pause or resume, got {action!r}")
        hand.call.touched()

    def set_data(self, hand: Hand, values: Mapping[str, str]) -> None:
        """Data of the call: goes with it through every transfer and into the record."""
        if len(values) > 64 or any(len(name) > 64 or len(value) > 4096 for name, value in values.items()):
            raise Invalid("values", "at most 64 values, names up to 64 and texts up to 4096 characters")
        hand.call.variables.update(values)
        hand.call.emit(ev.CallData(values=dict(values), agent=hand.party.agent, actor=hand.actor))

    # numbers

    def resolve(self, by: Party, text: str) -> Destination:
        """What is dialled or written means: a number as from a phone, a login, or a destination, with the rules for numbers."""
        kind, _, number = by.name.partition(":")
        return self.destination(text, login=by.agent, extension=number if kind == "extension" and not by.agent else "")

    def destination(self, text: str, *, login: str = "", extension: str = "") -> Destination:
        """The same for somebody who is in no call yet. Raises Invalid, Forbidden (rights, lists), Conflict (unknown number)."""
        text = text.strip()
        if _DIALLED.fullmatch(text):
            to = self._dialled(re.sub(r"[() .-]", "", text), login, extension)
        elif text in self._directory().agents:
            to = Destination(DestinationKind.AGENT, text)
        else:
            to = self._written(text, login, extension)
        if to.kind is DestinationKind.HANGUP:
            raise Forbidden(Cause.REJECTED.sentence)  # a list, or a number that is declared to refuse
        if to.kind is DestinationKind.OUTSIDE and login:
            agent = self._directory().agents.get(login)
            if agent is not None and "outside" not in agent.rights:
                raise Forbidden("this agent may not call outside numbers", Refusal.NO_OUTSIDE)
        return to

    def _written(self, text: str, login: str, extension: str) -> Destination:
        try:
            to = Destination.parse(text)
        except ValueError as fault:
            raise Invalid("to", str(fault)) from fault
        if to.kind is DestinationKind.OUTSIDE:
            self._dialled(to.name, login, extension, outside=True)
            return to
        if to.kind in (DestinationKind.HANGUP, DestinationKind.FEATURE):
            raise Invalid("to", f"nobody can be sent to {to}")
        if to.kind is not DestinationKind.PARK and not self._directory().has(to):
            raise Invalid("to", f"there is no {to}")
        return to

    def _dialled(self, number: str, login: str, extension: str, *, outside: bool = False) -> Destination:
        kind = PartyKind.AGENT if login else PartyKind.PHONE
        who = login or extension
        admission = self.calls.admit(LegFacts(inbound=True, kind=kind, party=who, caller=who, called=number))
        if admission.destination is None:
            error = Forbidden if admission.cause in (Cause.FORBIDDEN, Cause.REJECTED) else Conflict
            raise error(admission.cause.sentence)
        if admission.destination.kind is DestinationKind.FEATURE and not outside:
            raise Invalid("to", f"{number} is a code for phones, nobody can be sent there")
        return admission.destination
