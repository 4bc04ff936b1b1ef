"""Taking a call that rings elsewhere or is parked: which one, and by which device."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from softswitch.calls.call import Call
from softswitch.calls.parking import ParkingLot
from softswitch.calls.service import CallService
from softswitch.calls.stations import Stations, agent_facts
from softswitch.calls.transfer import RING, joining
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import Leg
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, NotFound, Refusal


class Pickup:
    """Finds calls and joins them to whoever picks up. Raises NotFound, Conflict."""

    def __init__(self, calls: CallService, stations: Stations, lot: ParkingLot, directory: Callable[[], Snapshot]) -> None:
        self._calls = calls
        self._stations = stations
        self._lot = lot
        self._directory = directory
        self.mates_of_phone: Callable[[str], set[str]] = lambda _extension: set()
        """The other devices, as calls name them, of a phone's ring groups."""

    # which call

    def parked(self, slot: str) -> Call:
        return self._lot.at(slot)

    def ringing_at(self, place: str) -> Call:
        """The call that rings at a login or an extension now."""
        names = self._names(place)
        for call, alerted in self._alerting():
            if alerted & names:
                return call
        raise NotFound(f"nothing rings at {place}")

    def ringing_in_group(self, login: str, extension: str = "") -> Call:
        """The call that has rung longest at a colleague: of the same team, else of a common queue, or of a common ring
        group; for a phone that nobody works at, at any phone."""
        mates, group = self._mates(login), self.mates_of_phone(extension)
        for call, alerted in self._alerting():
            if alerted & {f"extension:{extension}", f"agent:{login}"}:
                continue
            if not login or alerted & group or any(self._names(mate) & alerted for mate in mates):
                return call
        raise NotFound("nothing rings in the group")

    def _mates(self, login: str) -> list[str]:
        agents = self._directory().agents
        me = agents.get(login)
        if me is None:
            return []
        return [
            other.login
            for other in agents.values()
            if other is not me and (other.team == me.team if me.team else bool(set(other.queues) & set(me.queues)))
        ]

    def _alerting(self) -> Iterator[tuple[Call, set[str]]]:
        for call in self._calls.all():
            names = {name for dialling in call.alerting for name in dialling.ringing}
            if names:
                yield call, names

    def _names(self, place: str) -> set[str]:
        """A device as calls name it: "agent:li" and the phone where li works are one place."""
        names = {f"agent:{place}", f"extension:{place}"}
        if login := self._stations.desks.agent_at(f"extension:{place}"):
            names.add(f"agent:{login}")
        if place in self._directory().agents:
            names.add(self._stations.station(place))
        return names

    # by which device

    def by_agent(self, call: Call, login: str) -> None:
        """At the agent's own device: its page answers at once, its phone rings."""
        device = self._stations.device(login)
        if device.session is None:
            call.redirect(Destination(DestinationKind.AGENT, login), kind="pickup", actor=login, back=call.back, ring=RING)
            return
        leg = device.session.new_leg(agent_facts(device.session, call.facts))
        leg.answer()
        self.by_leg(call, leg, f"agent:{login}", login)

    def by_leg(self, call: Call, leg: Leg, name: str, agent: str) -> None:
        """By a leg that is answered already and belongs to nobody."""
        if call.is_over or call.conversation.is_live:
            raise Conflict("somebody else has the call already", Refusal.TAKEN_ALREADY)
        call.divert(joining(leg, name, agent))

    def by_caller(self, call: Call, own: Call) -> None:
        """By a phone that has dialled for it: its leg leaves its own call, which is over then."""
        if call.is_over or call.conversation.is_live or call is own:
            raise Conflict("somebody else has the call already", Refusal.TAKEN_ALREADY)
        extension = own.caller.facts.party
        login = self._stations.desks.agent_at(f"extension:{extension}")
        leg = own.give(own.mix.anchor)
        self.by_leg(call, leg, f"extension:{extension}", login)
