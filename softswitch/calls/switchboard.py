"""What every call works with: made by the composition root, handed to each call by the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from media.service import MediaService
from softswitch.calls.desks import Desks
from softswitch.calls.dialling import TargetReport
from softswitch.calls.mix import Mix
from softswitch.calls.recorder import NOWHERE, Outpost
from softswitch.calls.stations import Stations
from softswitch.calls.timeline import Timeline
from softswitch.legs.base import Leg, LegFacts, Listener
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.events import Event
from softswitch.model.ids import Ids
from softswitch.model.target import Plan, Target
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.policy import RecordingPolicy


class DialSip(Protocol):
    """Rings one SIP target. Raises MediaError when no port can be had."""

    def __call__(self, target: Target, caller: LegFacts, *, group: int, prefer: tuple[str, ...], listener: Listener) -> Leg: ...


def _nobody_pays(_caller: LegFacts, _leg: Leg, _target: Target, _number: str) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Switchboard:
    """One per process."""

    clock: Clock
    journal: Callable[[Event], None]
    media: MediaService
    ids: Ids
    keeper: Keeper
    plan: Callable[[LegFacts, Destination], Plan]
    """Where a destination is rung by SIP. Raises Unreachable(cause)."""
    dial: DialSip
    stations: Stations
    report: TargetReport
    recording: RecordingPolicy
    redirected: Callable[[Target, str], Target | None] = lambda _target, _place: None
    """Where a Contact of a trunk's 3xx sends a call; None when it may not go there."""
    hold_music: Callable[[], int] = lambda: 0
    """The loaded prompt that a held party hears, 0 for none."""
    transfer_keys: bool = True
    """Whether phones transfer by `*1` and `*2` while they talk."""
    transfer_ring: float = 30.0
    """Seconds after which a transfer that nobody answers goes back to who has sent it."""
    spends: Callable[[LegFacts, Leg, Target, str], None] = _nobody_pays
    """Told of each leg that goes outside: whose it is, the leg, the way, and the number that was dialled."""
    outpost: Callable[[Mix, Timeline], Outpost] = lambda _mix, _timeline: NOWHERE
    """What sends a call's sound to recording servers."""

    @property
    def desks(self) -> Desks:
        """What the call distribution knows of agents."""
        return self.stations.desks
