"""The values the core works on: agents, visits, offers, and the state they make up.

Times are epoch seconds that only move forward. The configuration is in `config.py`; it is here too for whoever reads both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.acd.config import AcdConfig, Rules, WrapUpRule
from softswitch.acd.figures import Figures
from softswitch.acd.line import Line, Place
from softswitch.directory.centre import Need
from softswitch.model.states import AgentState

__all__ = [
    "AcdConfig",
    "AcdState",
    "AgentRecord",
    "Line",
    "Need",
    "Offer",
    "Place",
    "Rules",
    "Visit",
    "WrapUpRule",
]


@dataclass(slots=True)
class AgentRecord:
    """What the core knows of one agent. Written by `fold.apply` alone, but for the inputs at the end."""

    login: str
    state: AgentState = AgentState.LOGGED_OUT
    reason: str = ""
    since: float = 0.0
    lived_since: float = 0.0  # of the state under a lost connection
    station: str = ""
    idle_since: float = 0.0
    pending: str = ""  # "" | "not_ready" | "logged_out"; takes effect when READY would be next
    pending_reason: str = ""
    asked: str = ""  # a reason that waits for a supervisor's approval
    saved: AgentState = AgentState.LOGGED_OUT  # of an OFFLINE agent: the state to come back to
    saved_reason: str = ""
    before: AgentState = AgentState.NOT_READY  # where an own call that fails, a call beside the queues or a pick leads back to
    before_reason: str = ""
    wrap_up_since: float = 0.0
    released_at: float = 0.0  # end of the last contact
    released_from: str = ""  # its queue
    extensions: int = 0  # of the running wrap-up
    overdue: bool = False  # a wrap-up or break is over its time
    offer: str = ""
    call: str = ""
    queue: str = ""  # of the contact or of the wrap-up after it; "" when the agent dialled
    direction: str = ""  # of the contact: in, out, internal
    sticky: bool = False  # the contact came by memory (§5.2)
    suspended: bool = False  # a wrap-up waits under what rings or is dialled now
    available_at: float = 0.0  # no offer before, after a rejected or unanswered one
    rejects: int = 0  # in a row
    no_answers: int = 0  # in a row
    day_skills: Mapping[str, int] | None = None  # skills and queues of the day, set by a supervisor
    day_queues: tuple[str, ...] | None = None
    day_until: float = 0.0
    figures: Figures = field(default_factory=Figures)

    # inputs: told by devices and other services, not folded from events
    reachable: bool = False
    codes: tuple[str, ...] = ()  # result codes stored for the running contact
    beside: dict[str, str] = field(default_factory=dict)  # further live calls beside the contact → direction
    load: dict[str, int] = field(default_factory=dict)  # contacts of other channels

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
    channel: str = "voice"
    importance: int = 0  # 0–100: caller's points and queue's together
    needs: tuple[Need, ...] = ()  # beside those of the queue
    key: float = 0.0  # L1·I - L2·t/u (§5.3); the largest is served first
    front: bool = False  # before everybody who is not; first come, first served among them
    stage: int = 0  # relaxation stage reached
    held_for: str = ""  # the agent whom the caller waits for (§5.2)
    sticky: str = ""  # the kind of memory behind `held_for`
    points: int = 0  # the caller's share of `importance`
    known_to: tuple[str, ...] = ()  # logins of `sticky` candidates
    site: str = ""
    offers: dict[str, str] = field(default_factory=dict)  # live offer → agent; several for strategies that ring several
    wave_at: float = 0.0  # when the first of the live offers was made
    rings_one: bool = False  # picked, or offered to the agent it was held for: nobody else rings
    tries: int = 0  # offers that failed
    excluded: dict[str, float] = field(default_factory=dict)  # login -> until

    @property
    def offer(self) -> str:
        """The first live offer, or ""."""
        return next(iter(self.offers), "")

    @property
    def place(self) -> Place:
        """The smallest is served first; ties by first entry, then by id."""
        if self.front:
            return (0, self.entered_at, self.entered_at, self.id)
        return (1, -self.key, self.entered_at, self.id)


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
    rule: str = ""  # of its decision


@dataclass(slots=True)
class AcdState:
    """Everything that events tell. Owned by the core; services read."""

    agents: dict[str, AgentRecord] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    waiting: dict[str, Line[Visit]] = field(default_factory=dict)  # queue -> visits by place, those being offered included
    trails: dict[str, list[tuple[str, str, bool]]] = field(default_factory=dict)
    """queue → (offer, agent, confirmed): the last confirmed offer and the live ones after it; round_robin goes on there."""
    handling: dict[str, list[float]] = field(default_factory=dict)  # queue → [mean seconds, contacts], exponentially forgotten
    stations: dict[str, str] = field(default_factory=dict)  # station of a phone → who is signed in there
