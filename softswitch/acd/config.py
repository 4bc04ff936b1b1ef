"""Configuration of the core: agents, queues, rules. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.directory.centre import Choice, Membership, Need, Reason, Stage, WrapUpMode

MEMBER = Membership()


@dataclass(frozen=True, slots=True)
class AgentConfig:
    login: str
    queues: tuple[str, ...] = ()
    membership: Mapping[str, Membership] = field(default_factory=dict)
    skills: Mapping[str, int] = field(default_factory=dict)
    site: str = ""
    auto_ready: bool = False
    occupancy_cap: int = 0  # per cent of the last 60 minutes; 0 = none
    wrap_up_mode: WrapUpMode | str = ""  # "" = the queue's
    dial_from: tuple[str, ...] = ("ready", "not_ready", "wrap_up")
    capacity: Mapping[str, int] = field(default_factory=lambda: {"voice": 1})

    def member(self, queue: str) -> Membership:
        return self.membership.get(queue, MEMBER)


@dataclass(frozen=True, slots=True)
class OverflowRule:
    """`when`: wait, no_agents (seconds; timers of the core); the others are judged at entry by whoever enqueues."""

    when: str
    threshold: float
    to: str


@dataclass(frozen=True, slots=True)
class WrapUpRule:
    """What follows a contact (call-centre.md §3.3)."""

    mode: str = "timed"
    seconds: float = 30.0
    extensions: int = 0
    extension: float = 30.0
    limit: float = 0.0  # until_done, or a missing code: sent on after this long; 0 = never
    then: str = "ready"
    code_required: bool = False

    @property
    def follows(self) -> bool:
        """Whether WRAP_UP follows the release by itself."""
        return self.mode == "until_done" or (self.mode in ("timed", "timed_no_exit") and self.seconds > 0)


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """0 = no wrap-up, no longest wait, no limit."""

    name: str
    strategy: str = "longest_idle"
    second: str = "longest_idle"
    choice: Choice = "priority"
    weight_importance: float = 0.8
    weight_waited: float = 0.2
    wait_unit: float = 1.0
    max_wait_guard: float = 600.0
    importance: int = 0
    needs: tuple[Need, ...] = ()
    stages: tuple[Stage, ...] = ()
    site: str = ""
    remote_delay: float = 0.0
    sticky: tuple[str, ...] = ()
    sticky_wait: float = 30.0
    ring_timeout: float = 20.0
    ring_count: int = 3
    ring_step: float = 5.0
    tier_delay: float = 15.0
    no_answer_limit: int = 1
    reject_limit: int = 2
    no_answer_delay: float = 10.0
    reject_delay: float = 15.0
    busy_delay: float = 30.0
    wrap_up: float = 30.0
    wrap_up_mode: WrapUpMode = "timed"
    wrap_up_extensions: int = 0
    wrap_up_extension: float = 30.0
    wrap_up_limit: float = 0.0
    wrap_up_then: str = "ready"
    code_required: bool = False
    max_length: int = 0
    join_empty: str = "allow"
    empty: str = ""  # destinations as written; "" = none
    leave_empty: float = 0.0
    max_wait: float = 0.0
    overflow: str = ""
    overflows: tuple[OverflowRule, ...] = ()
    return_within: float = 0.0
    service_seconds: float = 20.0

    def priority(self, importance: int, entered_at: float, now: float) -> float:
        """L1·I + L2·waited/u at this moment (§5.3)."""
        return self.weight_importance * importance + self.weight_waited * (now - entered_at) / self.wait_unit

    def key(self, importance: int, entered_at: float) -> float:
        """What orders the line for good: two priorities differ by the same at any time. Rounded so that ties tie."""
        if self.choice == "fcfs":
            return -entered_at
        return round(self.weight_importance * importance - self.weight_waited * entered_at / self.wait_unit, 6)

    def delay_after(self, reason: str) -> float:
        """Seconds without an offer for an agent whose offer failed (§3.2)."""
        delays = {"no_answer": self.no_answer_delay, "reject": self.reject_delay, "busy": self.busy_delay}
        return delays.get(reason, 0.0)


@dataclass(frozen=True, slots=True)
class Rules:
    """Delays and limits of call-centre.md §2.2 and §3.2 that hold for all queues, in seconds."""

    reserved_limit: float = 2.0
    grace: float = 30.0
    exclusion: float = 30.0
    pull_wrap_up: float = 5.0
    most_at_once: int = 20
    """Agents whom ring_all alerts at the same time."""
    sticky_share: float = 0.2
    """Of an agent's working time today that contacts by memory may take."""
    day_offset: float = 0.0
    """The tenant's clock is so much ahead of UTC; daily figures begin again at its midnight."""


@dataclass(frozen=True, slots=True)
class AcdConfig:
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    queues: Mapping[str, QueueConfig] = field(default_factory=dict)
    rules: Rules = Rules()
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    version: int = 0
    seed: int = 0
    """Of the random strategies."""

    def members(self) -> dict[str, tuple[str, ...]]:
        """queue → logins that serve it as configured, in the order of declaration; of today: `AcdCore.members`."""
        found: dict[str, list[str]] = {name: [] for name in self.queues}
        for agent in self.agents.values():
            for queue in agent.queues:
                if queue in found:
                    found[queue].append(agent.login)
        return {queue: tuple(logins) for queue, logins in found.items()}

    def wrap_up_rule(self, login: str, queue: str) -> WrapUpRule:
        """After a contact: of its queue; an outbound contact has that of the agent's first queue."""
        agent = self.agents.get(login)
        found = self.queues.get(queue or (agent.queues[0] if agent and agent.queues else ""))
        if found is None:
            return WrapUpRule(mode="none", seconds=0.0)
        mode = (agent.wrap_up_mode if agent else "") or found.wrap_up_mode
        return WrapUpRule(
            mode, found.wrap_up, found.wrap_up_extensions, found.wrap_up_extension, found.wrap_up_limit, found.wrap_up_then,
            found.code_required,
        )  # fmt: skip
