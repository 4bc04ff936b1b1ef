"""The devices agents work with: a browser page or a phone, behind one door for the call and the ACD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.calls.desks import Desks, NoDesks
from softswitch.directory.model import Agent
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.browser import BrowserLeg, BrowserSession, BrowserSessions
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, NotFound, Refusal, Unreachable


@dataclass(frozen=True, slots=True)
class Device:
    """Where an agent is to be rung: at a page, or at a phone or number `to`. `answers`: the device is to answer by itself."""

    session: BrowserSession | None = None
    to: Destination | None = None
    answers: bool = False


class Stations:
    """Answers from memory. `reachable` changes are told to `on_change(login)`."""

    def __init__(self, directory: Callable[[], Snapshot], browsers: BrowserSessions, registered: Callable[[str], bool]) -> None:
        self.browsers = browsers
        self.desks: Desks = NoDesks()
        self._directory = directory
        self._registered = registered
        self._listeners: list[Callable[[str], None]] = []
        browsers.on_change = self._changed

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Calls `listener(login)` whenever an agent's device may have become reachable or not."""
        self._listeners.append(listener)

    def extension_changed(self, number: str) -> None:
        """A phone logged in or out."""
        at = self.desks.agent_at(f"extension:{number}")
        for agent in self._directory().agents.values():
            if agent.login == at or (agent.extension == number and not self.desks.station(agent.login)):
                self._changed(agent.login)

    def station(self, login: str) -> str:
        """Where the agent works: the station of the sign-in, else the one of the directory. Raises NotFound."""
        agent = self._directory().agents.get(login)
        if agent is None:
            raise NotFound(f"there is no agent {login}")
        return self.desks.station(login) or agent.station

    def reachable(self, agent: Agent, station: str = "") -> bool:
        """Whether the agent's device (or the one at another station) could be rung now; an outside number always can."""
        station = station or self.station(agent.login)
        kind, _, number = station.partition(":")
        if kind == "extension":
            return self._registered(number)
        if kind == "outside":
            return bool(number)
        session = self.browsers.of(agent.login)
        return session is not None and session.ready

    def device(self, login: str) -> Device:
        """The agent's device. Raises Unreachable when it is not there, or is in a call already (busy)."""
        agent = self._directory().agents.get(login)
        if agent is None:
            raise Unreachable(Cause.UNALLOCATED)
        kind, _, number = self.station(login).partition(":")
        if kind == "extension":
            return Device(to=Destination(DestinationKind.EXTENSION, number), answers=agent.auto_answer)
        if kind == "outside":
            return Device(to=Destination(DestinationKind.OUTSIDE, number))
        session = self.browsers.of(login)
        if session is None or not session.ready:
            raise Unreachable(Cause.UNREACHABLE)
        if session.leg is not None:
            raise Unreachable(Cause.BUSY)
        return Device(session, answers=agent.auto_answer)

    def covered(self, login: str) -> bool:
        """Whether a lost page needs no parking of its caller: its sound goes on, or the call plays music for it already."""
        session = self.browsers.of(login)
        return session is not None and session.may_be_back

    def agent_of(self, to: Destination) -> str:
        """The login of the agent who is reached at a destination, "" for nobody's device."""
        if to.kind is DestinationKind.AGENT:
            return to.name
        return self.desks.agent_at(f"extension:{to.name}") if to.kind is DestinationKind.EXTENSION else ""

    def name_of(self, login: str) -> str:
        """What the agent is called, "" when there is none of this login."""
        agent = self._directory().agents.get(login)
        return agent.name if agent is not None else ""

    def answered_leg(self, login: str) -> BrowserLeg | None:
        """The call at the agent's page that it has taken."""
        session = self.browsers.of(login)
        leg = session.leg if session is not None else None
        return leg if leg is not None and leg.is_answered else None

    # what an agent's page does

    def accept(self, login: str) -> None:
        """Takes the call that rings at the page. Raises Conflict when none does."""
        leg = self._leg(login)
        if leg.is_answered:
            raise Conflict("the call is answered already", Refusal.ANSWERED_ALREADY)
        leg.accept()

    def reject(self, login: str) -> None:
        leg = self._leg(login)
        if leg.is_answered:
            raise Conflict("the call is answered already", Refusal.ANSWERED_ALREADY)
        leg.reject()

    def hang_up(self, login: str) -> None:
        """The agent leaves its call."""
        self._leg(login).leave()

    def press(self, login: str, digits: str) -> None:
        """Keys of the page's keypad."""
        self._leg(login).dial_digits(digits)

    def _leg(self, login: str) -> BrowserLeg:
        session = self.browsers.of(login)
        if session is None:
            raise NotFound("no page of this person is connected")
        if session.leg is None:
            raise Conflict("there is no call at this page", Refusal.NO_CALL)
        return session.leg

    def _changed(self, login: str) -> None:
        for listener in self._listeners:
            listener(login)


def agent_facts(session: BrowserSession, caller: LegFacts) -> LegFacts:
    """The facts of an agent's leg in a call from `caller`."""
    return LegFacts(
        inbound=False, kind=PartyKind.AGENT, party=session.login, caller=caller.caller, caller_name=caller.caller_name,
        called=session.login, context=caller.context,
    )  # fmt: skip
