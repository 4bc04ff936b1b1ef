"""The devices of supervisors: their page, or a phone that is rung for it; and what a phone's keys mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from softswitch.calls.dialling import Dialling, Watch
from softswitch.calls.ears import Ear, PhoneEar
from softswitch.calls.ringing import devices
from softswitch.calls.stations import agent_facts
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.legs.base import Leg, LegFacts, PartyKind
from softswitch.legs.browser import BrowserSession
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Invalid, Refusal, Unreachable
from softswitch.model.ids import CallId
from softswitch.model.states import MonitorMode

RING = 30.0
"""Seconds that a supervisor's phone rings."""

KEYS: Mapping[str, MonitorMode] = {
    "4": MonitorMode.LISTEN, "5": MonitorMode.WHISPER, "6": MonitorMode.BARGE, "7": MonitorMode.TAKE_OVER, "#": MonitorMode.OFF,
}  # fmt: skip


def phone_of(device: str) -> str:
    """The number of a phone, "" for the page. Raises Invalid for anything else."""
    kind, _, number = device.partition(":")
    if device != "browser" and (kind != "extension" or not number):
        raise Invalid("device", 'expected "browser" or "extension:NUMBER"')
    return number


def page_of(board: Switchboard, login: str) -> BrowserSession:
    """A supervisor's page that can hear now. Raises Conflict."""
    session = board.stations.browsers.of(login)
    if session is None or not session.ready:
        raise Conflict("the supervisor's page has no sound yet: the microphone has to be allowed first", Refusal.NO_SOUND)
    if session.leg is not None:
        raise Conflict("the supervisor is in a call")
    return session


def as_leg(ear: Ear, caller: LegFacts) -> Leg:
    """The supervisor's device as a party of a call. Raises Conflict when it is in another call."""
    if isinstance(ear, PhoneEar):
        return ear.leg
    if not isinstance(ear, BrowserSession):
        raise TypeError(f"no device of a supervisor: {ear!r}")
    leg = ear.new_leg(agent_facts(ear, caller))
    leg.answer()
    return leg


class PhoneRing:
    """Rings a supervisor's phone beside all calls: nothing of it stands in a customer's timeline."""

    def __init__(self, board: Switchboard, number: str) -> None:
        self._board = board
        self._number = number
        self._task: asyncio.Task[None] | None = None

    def begin(self, answered: Callable[[Leg], None], failed: Callable[[Unreachable], None]) -> None:
        """Rings; one of the two is called unless it is given up."""
        self._task = asyncio.get_running_loop().create_task(self._ring(answered, failed), name="supervisor's phone")

    def give_up(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _ring(self, answered: Callable[[Leg], None], failed: Callable[[Unreachable], None]) -> None:
        board, number = self._board, self._number
        facts = LegFacts(inbound=False, kind=PartyKind.PHONE, party=number, caller=number, called=number)
        quiet = Timeline(CallId(""), lambda _event: None, board.clock)
        try:
            to = Destination(DestinationKind.EXTENSION, number)
            stages = devices(board, facts, to, group=board.media.new_group(), prefer=())
            watch = Watch(lambda _leg, _status: None, board.report)
            async with Dialling(quiet, stages, RING, watch, end_early=_nothing, is_in_call=lambda _leg: True) as leg:
                answered(leg)
        except Unreachable as fault:
            failed(fault)


def _nothing() -> None:
    """Nobody hears the phone ring."""
