"""The live picture of who hears whom in one call, and the one batch that makes the engine follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from media.commands import Command, ControlRecord, Listen
from media.service import MediaService
from softswitch.calls import scene
from softswitch.calls.ears import Ear
from softswitch.calls.outcome import Ending
from softswitch.calls.scene import PartyRole, Seat
from softswitch.legs.base import Leg
from softswitch.model.states import MonitorMode


def party_name(supervisor: str) -> str:
    """How a supervisor is called who takes part in a call."""
    return f"supervisor:{supervisor}"


@dataclass(eq=False, slots=True)
class Party:
    """One party of a call. Owned by the call's `Mix`; change the fields, then `Mix.apply`.

    `name` is who it is as written: "agent:li", "extension:1001", "outside:0123", "customer". `since` is UTC of its last change.
    `parted` is resolved when its part in the call is over, for whoever waits for that.
    """

    leg: Leg
    role: PartyRole
    name: str = ""
    agent: str = ""
    since: float = 0.0
    circle: int = 0
    held: bool = False
    held_by: Party | None = None  # whoever pressed hold; when it leaves, the held one is back
    muted: bool = False
    away: bool = False  # its own device pressed hold
    player: int = 0
    absent_since: float = 0.0  # UTC since when nothing is heard of its page; 0 while it is there
    stream: int = 0  # what a program says to it
    cover: int = 0  # the music it hears while everybody it talks to is absent
    parted: asyncio.Future[Ending] | None = None

    @property
    def id(self) -> str:
        return str(self.leg.id)

    @property
    def port(self) -> int:
        return self.leg.port

    @property
    def seat(self) -> Seat:
        muted = self.muted or self.away
        return Seat(
            self.port,
            self.role,
            self.circle,
            held=self.held,
            muted=muted,
            player=self.player,
            cover=self.cover,
            stream=self.stream,
        )


@dataclass(slots=True)
class _Supervision:
    """Supervisors beside the parties: what each does, and to which agent (nobody named: to every agent of the call)."""

    modes: dict[Ear, MonitorMode] = field(default_factory=dict)
    targets: dict[Ear, Party] = field(default_factory=dict)


class Mix:
    """Owned by its call. Change the parties, then `apply`: all takes effect on one frame.

    `anchor` is the party that the call's task serves (prompts, music, the queue): the caller, or the customer after an agent
    who had placed the call has left it.
    """

    def __init__(self, media: MediaService, group: int, caller: Leg, role: PartyRole = PartyRole.CUSTOMER) -> None:
        self.group = group
        self.anchor = Party(caller, role, name="customer" if role is PartyRole.CUSTOMER else "")
        self.parties: list[Party] = [self.anchor]
        self.recorder = 0
        self.notice = 0
        """The player of the tone that tells of the recording; all parties of the conversation hear it."""
        self.own_routes: Callable[[], Sequence[Command]] | None = None
        """Takes the place of the picture while the caller is in a room or hears itself."""
        self.covering: Callable[[], Sequence[Command]] = tuple
        """Begins and ends the music for absent parties, before everybody is routed."""
        self.streaming: Callable[[], Sequence[Command]] = tuple
        """Keeps programs that hear a party with it, before everybody is routed."""
        self.sending: Callable[[], Sequence[Command]] = tuple
        """Keeps a recording server with what the recorder hears, after everybody is routed."""
        self._supervision = _Supervision()
        self._media = media

    @property
    def caller(self) -> Leg:
        """The leg of the anchor."""
        return self.anchor.leg

    @property
    def player(self) -> int:
        """What the anchor hears besides people: prompt, music, early sound of a far end."""
        return self.anchor.player

    @player.setter
    def player(self, node: int) -> None:
        self.anchor.player = node

    @property
    def talking(self) -> bool:
        """Whether the anchor is not alone."""
        return len(self.parties) > 1

    @property
    def supervisors(self) -> dict[Ear, MonitorMode]:
        """Who supervises this call, and how."""
        return self._supervision.modes

    @property
    def targets(self) -> dict[Ear, Party]:
        """The agent each supervisor is with; without an entry it is with every agent of the call."""
        return self._supervision.targets

    def party_of(self, leg: Leg) -> Party | None:
        """The party of a leg that is in the call."""
        return next((party for party in self.parties if party.leg is leg), None)

    def agent(self, login: str) -> Party | None:
        """The party of an agent."""
        return next((party for party in self.parties if party.agent == login and login), None)

    @property
    def picture(self) -> tuple[Seat, ...]:
        seats = [party.seat for party in self.parties]
        for source, mode in self.supervisors.items():
            target = self.targets.get(source)
            seats.append(Seat(source.port, PartyRole.SUPERVISOR, mode=mode, target=target.port if target is not None else 0))
        return tuple(seats)

    @property
    def channels(self) -> tuple[Mapping[int, float], Mapping[int, float]]:
        """What each channel of the recorder hears now."""
        return scene.left_and_right(self.picture)

    def apply(self, *, before: Sequence[Command] = (), after: Sequence[Command] = ()) -> None:
        """Routes everybody anew, in one batch with `before` and `after`; the recorder follows on the same frame."""
        batch: list[Command] = [*before, *self.covering(), *self.streaming()]
        picture = self.picture
        batch += self._noticed(scene.routes(picture)) if self.own_routes is None else self.own_routes()
        if self.recorder:
            batch.append(ControlRecord(self.recorder, scene.left_and_right(picture)))
        self.submit([*batch, *self.sending(), *after])

    def _noticed(self, routes: Sequence[Command]) -> Sequence[Command]:
        """With the tone of the recording for every party who is not on hold."""
        if not self.notice:
            return routes
        ears = {party.port for party in self.parties if not party.held}
        return [
            replace(route, sources={**route.sources, self.notice: 0.0})
            if isinstance(route, Listen) and route.listener in ears
            else route
            for route in routes
        ]

    def submit(self, batch: Sequence[Command]) -> None:
        """A batch that changes no routes."""
        if batch:
            self._media.pump.submit(batch)
