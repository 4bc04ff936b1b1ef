"""`conference:NAME`: a room for whoever is sent there; made for the first one, gone with the last."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from media import routes
from media.commands import Listen
from media.service import MediaService
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.model.destination import Destination
from softswitch.model.events import ConferenceJoined, ConferenceLeft


@dataclass(slots=True)
class Room:
    """One room: a group and a bus of the engine, and the calls whose callers are in it."""

    group: int
    bus: int
    members: list[Call] = field(default_factory=list)

    def routes(self) -> Sequence[Listen]:
        """Everybody hears the bus, the bus hears everybody, and the programs that speak to them."""
        programs = [member.mix.anchor.stream for member in self.members if member.mix.anchor.stream]
        return routes.conference(self.bus, [member.caller.port for member in self.members], programs=programs)


class Conferences:
    """All rooms of the node, by name. Owned by the loop."""

    def __init__(self, media: MediaService, *, agc: bool = False, gate: bool = False) -> None:
        """`agc`, `gate`: see `OpenBus`."""
        self._media = media
        self._agc, self._gate = agc, gate
        self._rooms: dict[str, Room] = {}

    async def join(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `conference:NAME`: until the caller hangs up or is sent elsewhere."""
        await call.answer()
        call.stop_music()
        room = self._room(destination.name)
        home = call.caller.group
        call.caller.join(room.group)
        room.members.append(call)
        call.mix.own_routes = room.routes
        call.mix.apply()
        call.emit(ConferenceJoined(member=call.facts.caller, leg=call.caller.id))
        try:
            await asyncio.get_running_loop().create_future()
            return Outcome("done")
        finally:
            self._leave(room, destination.name, call, home)

    def _room(self, name: str) -> Room:
        room = self._rooms.get(name)
        if room is None:
            group = self._media.new_group()
            room = self._rooms[name] = Room(group, self._media.open_bus(group, agc=self._agc, gate=self._gate))
        return room

    def _leave(self, room: Room, name: str, call: Call, home: int) -> None:
        room.members.remove(call)
        call.mix.own_routes = None
        if not call.caller.is_ended:
            call.caller.join(home)
        self._media.submit(room.routes())
        if not room.members:
            self._media.close_bus(room.bus)
            del self._rooms[name]
        call.emit(ConferenceLeft(member=call.facts.caller, leg=call.caller.id))

    def members(self, name: str) -> int:
        """How many are in the room."""
        room = self._rooms.get(name)
        return len(room.members) if room is not None else 0
