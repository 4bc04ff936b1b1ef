"""Fetching somebody out of a queue for another call: an errand is a call whose caller is nobody, only a place in line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from media.events import PortStats
from softswitch.calls.call import Call
from softswitch.calls.mix import Party
from softswitch.legs import base
from softswitch.legs.base import Leg, LegFacts, Listener
from softswitch.model.cause import Cause
from softswitch.model.errors import Unreachable
from softswitch.model.identity import Person
from softswitch.model.ids import LegId
from softswitch.model.release import Release


class StandIn:
    """A `Leg` without sound, in place of the customer who waits in another call."""

    def __init__(self, leg_id: LegId, facts: LegFacts, group: int) -> None:
        self.id = leg_id
        self.facts = facts
        self.group = group
        self.listener: Listener = base.ignore
        self.port = 0
        self.codec = ""
        self.secured = ""
        self.codecs: tuple[str, ...] = ()
        self.announces = 0
        self.fax = None
        self.is_answered = False
        self.is_ended = False
        self.quality: PortStats | None = None

    def ring(self, *, forwarded: bool = False) -> None:
        """Nobody hears it."""

    def open_early(self, *, prefer: str = "", q850: int = 0) -> None:
        """Nobody hears it."""

    def refusal(self) -> Cause | None:
        return None

    def answer(self, *, prefer: str = "") -> None:
        self.is_answered = True

    def press(self, digits: str, *, carried: str = "") -> None:
        """There is no device."""

    def hold(self, *, held: bool) -> None:
        """There is no device."""

    @property
    def person(self) -> Person:
        return Person("")

    def shows(self, person: Person) -> None:
        """Pages are told by the call's events."""

    def report_transfer(self, status: int, slot: str = "") -> None:
        """There is no device."""

    def refer(self, target: str, by: str) -> None:
        """Nobody is there."""

    def join(self, group: int) -> None:
        self.group = group

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        self.is_ended = True


@dataclass(slots=True)
class Errand:
    """One fetching. `found` gives the answered leg and its agent's login, or raises Unreachable when nobody came."""

    call: Call
    for_call: Call
    found: asyncio.Future[tuple[Leg, str]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def begin(self) -> None:
        """From here on whoever is joined to the stand-in is handed over at once."""
        self.call.recording_refused = True  # it is recorded where it talks
        self.call.variables.update(self.for_call.variables)
        self.call.conversation.on_joined = self._hand_over
        self.call.on_finished = self._finished

    def _hand_over(self, party: Party) -> None:
        if self.found.done() or self.for_call.is_over:
            return
        if party.agent:  # before the errand releases it
            self.call.board.desks.joined(party.agent, self.for_call.id, "")
        self.found.set_result((self.call.give(party), party.agent))

    def _finished(self, cause: Cause) -> None:
        if not self.found.done():
            self.found.set_exception(Unreachable(cause))

    def give_up(self) -> None:
        """Nobody is wanted any more."""
        if not self.found.done():
            self.found.cancel()
        self.call.hang_up(Cause.CANCELLED, "caller")
