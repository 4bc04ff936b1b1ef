"""A conference room: who is in it, who is heard, and the one batch that makes the engine follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from media import routes
from media.commands import Command, Listen, Play, Tone
from media.events import ActiveSpeakers, Event
from media.service import MediaService
from softswitch.calls.call import Call
from softswitch.calls.record import Recording
from softswitch.directory.centre import Conference
from softswitch.legs.base import PartyKind

ENTRY = Tone((600.0, 800.0), level=-26.0, on=180, off=20)
EXIT = Tone((400.0, 300.0), level=-26.0, on=180, off=20)
TONE_SECONDS = 0.19


class RoomRole(StrEnum):
    """A moderator knows the moderator's PIN, or leads the house."""

    MODERATOR = "moderator"
    MEMBER = "member"


@dataclass(eq=False, slots=True)
class Member:
    """One caller at a room. Until it `is_in` it waits for a moderator, with music. `player` is what is said to it alone."""

    call: Call
    role: RoomRole
    home: int  # the media group of its call, where it goes back to
    since: float
    muted: bool = False
    is_in: bool = False
    talking: bool = False
    player: int = 0
    out: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Resolved when somebody has it removed, or the room ends."""
    admitted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Resolved when it need not wait any more."""

    @property
    def id(self) -> str:
        return str(self.call.caller.id)

    @property
    def port(self) -> int:
        return self.call.caller.port

    @property
    def name(self) -> str:
        """Who it is: "extension:1001", "agent:li", or the number that calls."""
        facts = self.call.caller.facts
        if facts.kind in (PartyKind.PHONE, PartyKind.AGENT):
            return f"{'agent' if facts.kind is PartyKind.AGENT else 'extension'}:{facts.party}"
        return self.call.facts.caller

    def dismiss(self) -> None:
        if not self.out.done():
            self.out.set_result(None)

    def admit(self) -> None:
        if not self.admitted.done():
            self.admitted.set_result(None)


class Room:
    """A group and a bus of the engine, and the calls whose callers are in it. Owned by the loop."""

    def __init__(
        self,
        name: str,
        declared: Conference | None,
        media: MediaService,
        changed: Callable[[Room], None],
        *,
        agc: bool,
        gate: bool,
    ) -> None:
        self.name = name
        self.declared = declared or Conference(name=name, announce="none")
        self.is_declared = declared is not None
        self.locked = self.declared.locked
        self.members: list[Member] = []
        self.recording: Recording | None = None
        self.group = media.new_group()
        self._bus = media.open_bus(self.group, agc=agc, gate=gate)
        self._media = media
        self._changed = changed
        self._tones: list[int] = []
        self._forget = media.pump.subscribe(self._bus, self._heard)

    @property
    def inside(self) -> list[Member]:
        """Those who hear each other."""
        return [member for member in self.members if member.is_in]

    @property
    def has_moderator(self) -> bool:
        return any(member.role is RoomRole.MODERATOR for member in self.members)

    def routes(self) -> Sequence[Listen]:
        """Everybody inside hears the bus; the bus hears who is not muted, tones, and the programs that speak to members."""
        inside = self.inside
        programs = [member.call.mix.anchor.stream for member in inside if member.call.mix.anchor.stream]
        heard = [member.port for member in inside if not member.muted and not member.call.mix.anchor.away]
        silent = [member.port for member in inside if member.port not in heard]
        picture = routes.conference(self._bus, heard, silent, [*programs, *self._tones])
        alone = {member.port: member.player for member in inside if member.player}
        return [
            Listen(route.listener, {**route.sources, alone[route.listener]: 0.0}) if route.listener in alone else route
            for route in picture
        ]

    def apply(self, *, before: Sequence[Command] = ()) -> None:
        self._media.submit([*before], self.routes())

    def enter(self, member: Member) -> None:
        """It hears the others from now on."""
        member.is_in = True
        member.call.stop_music()
        member.call.caller.join(self.group)
        member.call.mix.own_routes = self.routes
        self.apply(before=self._announce(ENTRY))
        self._changed(self)

    def leave(self, member: Member) -> None:
        """It is back in its own call; the others go on."""
        self.members.remove(member)
        member.call.mix.own_routes = None
        if not member.call.caller.is_ended:
            member.call.caller.join(member.home)
        if self.members and member.is_in:
            self.apply(before=self._announce(EXIT))
        self._changed(self)

    def _announce(self, tone: Tone) -> list[Command]:
        """A tone for all; it plays its cadence once."""
        if self.declared.announce != "tone" or len(self.inside) < 2:
            return []
        player = self._media.ids.next()
        self._tones.append(player)
        asyncio.get_running_loop().call_later(TONE_SECONDS, self._over, player)
        return [Play(player, self.group, (), tone)]

    def _over(self, player: int) -> None:
        self._tones.remove(player)
        if self.members:
            self.apply()

    def mute(self, member: Member, *, muted: bool) -> None:
        """Nobody hears a muted member; it hears all."""
        if member.muted != muted:
            member.muted = muted
            self.apply()
            self._changed(self)

    def record(self, recording: Recording, *, actor: str) -> None:
        """Writes what the room hears, both channels the same."""
        self.recording = recording
        sound = {self._bus: 0.0}
        self._media.submit(recording.start(self.group, (sound, sound), actor=actor, rule="room"))
        self._changed(self)

    def stop_recording(self) -> None:
        if self.recording is not None:
            self._media.submit(self.recording.stop())
            self.recording = None
            self._changed(self)

    def close(self) -> None:
        """The last one has left."""
        self.stop_recording()
        self._forget()
        self._media.close_bus(self._bus)

    def _heard(self, event: Event) -> None:
        if isinstance(event, ActiveSpeakers):
            for member in self.members:
                member.talking = member.port in event.ports
            self._changed(self)
