"""A phone's INVITE that takes the place of a leg of ours, or is added to its call: Replaces and Join (sip.md §4.6)."""

from __future__ import annotations

from softswitch.calls.call import Call
from softswitch.calls.mix import Party
from softswitch.calls.pickup import Pickup
from softswitch.calls.scene import PartyRole
from softswitch.calls.service import CallService
from softswitch.calls.stations import Stations
from softswitch.calls.transfer import replace_party
from softswitch.legs.base import Leg, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, NotFound


class Replacing:
    """Finds the call that a dialog of ours belongs to and brings the new leg in. Which dialog it is, signalling has judged."""

    def __init__(self, calls: CallService, stations: Stations, pickup: Pickup) -> None:
        self._calls = calls
        self._stations = stations
        self._pickup = pickup

    def replace(self, leg: Leg, named: str) -> None:
        """The new leg takes the place of the leg `named`: a pick-up while that rings, else it takes over its conversation."""
        self._bring(leg, named, join=False)

    def join(self, leg: Leg, named: str) -> None:
        """The new leg is a member of the conversation of the leg `named`."""
        self._bring(leg, named, join=True)

    def _bring(self, leg: Leg, named: str, *, join: bool) -> None:
        if leg.facts.kind is not PartyKind.PHONE:
            leg.hang_up(Cause.FORBIDDEN)
            return
        if (cause := leg.refusal()) is not None:
            leg.hang_up(cause)
            return
        try:
            self._enter(leg, named, join=join)
        except NotFound:
            leg.hang_up(Cause.UNALLOCATED)
        except Conflict:
            leg.hang_up(Cause.REJECTED)

    def _enter(self, leg: Leg, named: str, *, join: bool) -> None:
        call, party = self._find(named)
        name = f"extension:{leg.facts.party}"
        agent = self._stations.desks.agent_at(name)
        if party is None:
            if call.is_over or call.conversation.is_live:
                raise Conflict("somebody else has the call already")
            leg.answer(prefer=call.caller.codec)
            self._pickup.by_leg(call, leg, name, agent)
            return
        if not call.conversation.is_live:
            raise Conflict("there is no conversation")
        leg.answer(prefer=party.leg.codec)
        if not join:
            replace_party(call, party, leg, name=name, agent=agent, actor=agent or leg.facts.party)
            return
        call.conversation.join(Party(leg, PartyRole.MEMBER, name=name, agent=agent))
        call.emit(ev.ConferenceJoined(member=name, leg=leg.id, actor=leg.facts.party))

    def _find(self, named: str) -> tuple[Call, Party | None]:
        """The call, and the party when the leg is one; None while it only rings. Raises NotFound."""
        for call in self._calls.each():
            for party in call.mix.parties:
                if party.leg.id == named:
                    return call, party
            if any(named in dialling.legs for dialling in call.alerting):
                return call, None
        raise NotFound("no call has this dialog")
