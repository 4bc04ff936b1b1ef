"""What live calls, agents and queues look like from outside: snapshots for pages, REST and boards.

Frozen, safe to keep, cheap to make. Durations are ms, times UTC epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.model.states import MonitorMode


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorView:
    supervisor: str
    mode: MonitorMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantView:
    """One party of a call, supervisors among them. `party`: "customer", "agent:li", "extension:1001", "outside:0123"."""

    id: str
    party: str
    role: str  # PartyRole
    state: str  # ringing, talking, held, muted, aside (in a consultation)
    since: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A live call."""

    id: str
    direction: str
    source: str
    state: str  # CallState
    caller: str
    caller_name: str
    called: str
    trunk: str = ""
    queue: str = ""
    agent: str = ""
    created_at: float = 0.0
    answered_at: float | None = None
    connected_at: float | None = None
    wait_ms: int = 0
    recording: bool = False
    monitors: tuple[MonitorView, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    participants: tuple[ParticipantView, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    slot: str = ""  # where it is parked
    recording_paused: bool = False

    @property
    def agents(self) -> tuple[str, ...]:
        """The logins of the agents who are in it, or at whom it rings."""
        parties = [participant.party for participant in self.participants] + [f"agent:{self.agent}"]
        return tuple(dict.fromkeys(party[6:] for party in parties if party.startswith("agent:") and len(party) > 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    id: str
    call: str
    queue: str
    caller: str
    caller_name: str
    called: str
    wait_ms: int
    ring_timeout_ms: int
    made_at: float
    context: Mapping[str, str] = field(default_factory=dict)
    auto_answer: bool = False
    """The page answers by itself, after a beep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpView:
    """How the wrap-up that runs may end."""

    mode: str
    codes_required: bool = False
    extensions_left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToday:
    """One agent since midnight of the switch's time zone."""

    answered: int = 0
    missed: int = 0
    talk_ms: int = 0  # with hold, consultation and conference
    ready_ms: int = 0
    not_ready_ms: int = 0
    wrap_up_ms: int = 0
    occupancy: float | None = None  # handling time / (handling time + ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    login: str
    name: str
    state: str  # AgentState
    reason: str
    since: float
    queues: tuple[str, ...]
    station: str
    call: str = ""
    pending: str = ""
    reachable: bool = False
    language: str = "zh-CN"
    calls_today: int = 0
    wrap_up_until: float | None = None
    team: str = ""
    site: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    offer: str = ""
    """The offer that alerts the agent now, of a queue or of a call beside them."""
    customer_name: str = ""
    """Whom the agent talks to, or its number."""
    direction: str = ""  # of that call
    wrap_up: WrapUpView | None = None
    help: str = ""  # "asked" while the agent waits for a supervisor
    occupancy: float | None = None
    """Of the last 60 minutes, 0 to 1."""
    today: AgentToday | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    call: str
    caller: str
    since: float
    position: int
    state: str  # "waiting" | "offering"
    visit: str = ""
    channel: str = "voice"  # "callback": the place of somebody who hung up
    importance: int = 0
    priority: float = 0.0
    stage: int = 0
    """Relaxation stage that has been reached."""
    needs: Mapping[str, int] = field(default_factory=dict)
    customer_name: str = ""
    vip: bool = False
    predicted_ms: int = -1
    """What is left of the wait; -1 = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyView:
    """A queue's emergency switch while it is on. `until` None: until somebody switches it off."""

    announcement: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionFigures:
    """How right today's predictions were; `coverage`: share of the waits that were not longer than the announced P80."""

    count: int = 0
    bias_ms: int | None = None
    mae_ms: int | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """Today so far (product.md §4). `exits`: result → visits that ended so. Shares are 0–1, None before the first one."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    exits: Mapping[str, int] = field(default_factory=dict)
    service_level: float | None = None
    asa_ms: int | None = None
    longest_ms: int = 0
    prediction: PredictionFigures = PredictionFigures()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    name: str
    strategy: str
    calls: tuple[WaitingView, ...]
    agents: Mapping[str, int]  # AgentState -> how many members
    longest_wait_ms: int
    offered: int
    answered: int
    abandoned: int
    service_level: float | None
    title: str = ""
    open: bool = True
    closed_reason: str = ""
    """hours, holiday, workday, special, emergency; "" while open."""
    until: float | None = None
    """When opening hours change next."""
    emergency: EmergencyView | None = None
    ewt_ms: int = -1
    """Predicted wait of somebody who arrives now; -1 = unknown."""
    p80_ms: int = -1
    signed_in: int = 0
    ready: int = 0
    callbacks: int = 0
    """Places in line of callers who hung up."""
    goal: float = 0.8
    """The share that should be answered in time."""
    figures: QueueFigures = QueueFigures()
