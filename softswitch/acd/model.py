"""The values the core works on: configuration, agents, visits, offers. Times are epoch seconds that only move forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.model.states import AgentState


@dataclass(frozen=True, slots=True)
class AgentConfig:
    login: str
    queues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """Times in seconds; 0 = no wrap-up, no longest wait."""

    name: str
    strategy: str = "longest_idle"
    ring_timeout: float = 20.0
    wrap_up: float = 30.0
    max_wait: float = 0.0
    overflow: bool = False  # whether a destination waits behind max_wait


@dataclass(frozen=True, slots=True)
class Rules:
    """Delays and limits of call-centre.md §2.2 and §3.2, in seconds."""

    reserved_limit: float = 2.0
    grace: float = 30.0
    exclusion: float = 30.0
    reject_limit: int = 2
    delay: Mapping[str, float] = field(default_factory=lambda: {"no_answer": 10.0, "reject": 15.0, "busy": 30.0})


@dataclass(frozen=True, slots=True)
class AcdConfig:
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    queues: Mapping[str, QueueConfig] = field(default_factory=dict)
    rules: Rules = Rules()

    def members(self) -> dict[str, tuple[str, ...]]:
        """queue -> logins that serve it, in the order of declaration."""
        found: dict[str, list[str]] = {name: [] for name in self.queues}
        for agent in self.agents.values():
            for queue in agent.queues:
                if queue in found:
                    found[queue].append(agent.login)
        return {queue: tuple(logins) for queue, logins in found.items()}

    def wrap_up(self, login: str, queue: str) -> float:
        """Seconds after a contact: of its queue; an outbound contact has that of the agent's first queue."""
        agent = self.agents.get(login)
        name = queue or (agent.queues[0] if agent and agent.queues else "")
        found = self.queues.get(name)
        return found.wrap_up if found else 0.0


@dataclass(slots=True)
class AgentRecord:
    """What the core knows of one agent. Written by `fold.apply` alone, but for `reachable`, which is an input."""

    login: str
    state: AgentState = AgentState.LOGGED_OUT
    reason: str = ""
    since: float = 0.0
    station: str = ""
    reachable: bool = False
    idle_since: float = 0.0
    pending: str = ""  # "" | "not_ready" | "logged_out"; takes effect when READY would be next
    pending_reason: str = ""
    saved: AgentState = AgentState.LOGGED_OUT  # of an OFFLINE agent: the state to come back to
    saved_reason: str = ""
    before_dial: AgentState = AgentState.NOT_READY
    before_dial_reason: str = ""
    wrap_up_since: float = 0.0
    offer: str = ""
    call: str = ""
    queue: str = ""  # of the contact or of the wrap-up after it; "" when the agent dialled
    available_at: float = 0.0  # no offer before, after a rejected or unanswered one
    rejects: int = 0  # in a row

    @property
    def lives(self) -> AgentState:
        """The state under the lost connection, if it is lost."""
        return self.saved if self.state is AgentState.OFFLINE else self.state


@dataclass(slots=True)
class Visit:
    """One stay of one caller in one queue."""

    id: str
    call: str
    queue: str
    entered_at: float  # keeps the place; earlier than `since` when the caller has waited before
    since: float
    offer: str = ""
    excluded: dict[str, float] = field(default_factory=dict)  # login -> until

    @property
    def place(self) -> tuple[float, str]:
        """First come, first served; ties by id."""
        return (self.entered_at, self.id)


@dataclass(slots=True)
class Offer:
    """One attempt to give one visit to one agent."""

    id: str
    visit: str
    call: str
    queue: str
    agent: str
    made_at: float
    rings_since: float = 0.0  # 0 while only reserved
    ring_limit: float = 20.0  # seconds


@dataclass(slots=True)
class AcdState:
    """Everything that events tell. Owned by the core; services read."""

    agents: dict[str, AgentRecord] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    waiting: dict[str, list[Visit]] = field(default_factory=dict)  # queue -> visits by place, those being offered included
