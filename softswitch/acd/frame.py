"""What all parts of the core share: configuration, state and what is derived from it, deadlines, the way to make an event."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace

from softswitch.acd.config import AcdConfig
from softswitch.acd.fold import apply
from softswitch.acd.model import AcdState, AgentRecord, Offer, Visit
from softswitch.acd.pools import Pools
from softswitch.acd.staff import Staff
from softswitch.model.errors import Conflict, NotFound, Refusal
from softswitch.model.events import Event
from softswitch.model.states import AgentState

BROWSER = "browser"
UNREACHABLE = "unreachable"
"""Reason of a NOT_READY that the device caused; it ends by itself when the device is back."""
CONNECTION_LOST = "connection lost"


class Frame:
    """One step of the core works on one frame: `begin`, then events by `emit`, each carried into the state at once."""

    def __init__(self, config: AcdConfig, offer_id: Callable[[], str]) -> None:
        self.config = config
        self.state = AcdState()
        self.offer_id = offer_id
        self.now = 0.0
        self.events: list[Event] = []
        self.deadlines: list[tuple[float, str, str]] = []  # a heap; an entry that has lost its reason does nothing
        self.hungry_visits: dict[str, None] = {}  # to be matched at the end of the step
        self.hungry_agents: dict[str, None] = {}
        self.balance: dict[str, float] = {}
        self.deficit: dict[str, float] = {}
        self.watch: Callable[[Event], None] = lambda _event: None
        """Told each event after it was folded: keeps derived state and deadlines."""
        self.derive()

    def derive(self) -> None:
        """Builds anew what follows from state and configuration; whoever uses it seats callers and agents again."""
        self.staff = Staff(self.config, self.state)
        self.pools = Pools(self.config, self.state, self.staff)

    def begin(self, now: float) -> None:
        self.now = now
        self.events = []

    def emit(self, event: Event) -> None:
        if event.at != self.now:
            event = replace(event, at=self.now)
        apply(self.state, event, self.config.rules)
        self.events.append(event)
        self.watch(event)

    def alarm(self, when: float, kind: str, name: str) -> None:
        heapq.heappush(self.deadlines, (when, kind, name))

    # ------------------------------------------------------------------ looking up, with the refusals

    def agent(self, login: str) -> AgentRecord:
        agent = self.state.agents.get(login)
        if agent is None and login in self.config.agents:
            agent = self.state.agents[login] = AgentRecord(login)
        if agent is None:
            raise NotFound(f"there is no agent {login}")
        return agent

    def in_state(self, login: str, *states: AgentState) -> AgentRecord:
        """The agent, when it lives in one of the states, connection lost or not."""
        agent = self.agent(login)
        if agent.lives not in states:
            raise Conflict(f"agent {login} is {agent.state}, expected {' or '.join(states)}", Refusal.OTHER_STATE)
        return agent

    def present(self, login: str, *states: AgentState) -> AgentRecord:
        agent = self.in_state(login, *states)
        if agent.state is AgentState.OFFLINE:
            raise Conflict(f"agent {login} is offline", Refusal.OTHER_STATE)
        return agent

    def visit(self, visit: str) -> Visit:
        try:
            return self.state.visits[visit]
        except KeyError:
            raise Conflict(f"visit {visit} is over", Refusal.LEFT_QUEUE) from None

    def live_offer(self, offer: str) -> Offer:
        try:
            return self.state.offers[offer]
        except KeyError:
            raise Conflict(f"offer {offer} is over", Refusal.OFFER_OVER) from None
