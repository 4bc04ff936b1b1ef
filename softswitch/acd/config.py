"""Configuration of the core: the directory's agents and queues, its own rules, and what follows from them. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.directory.centre import Agent, Membership, Queue, Reason

MEMBER = Membership()


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


def priority(queue: Queue, importance: int, entered_at: float, now: float) -> float:
    """L1·I + L2·waited/u at this moment (§5.3)."""
    return queue.weight_importance * importance + queue.weight_waited * (now - entered_at) / queue.wait_unit


def place_key(queue: Queue, importance: int, entered_at: float) -> float:
    """What orders the line for good: two priorities differ by the same at any time. Rounded so that ties tie."""
    if queue.choice == "fcfs":
        return -entered_at
    return round(queue.weight_importance * importance - queue.weight_waited * entered_at / queue.wait_unit, 6)


def delay_after(queue: Queue, reason: str) -> float:
    """Seconds without an offer for an agent whose offer failed (§3.2)."""
    delays = {"no_answer": queue.no_answer_delay, "reject": queue.reject_delay, "busy": queue.busy_delay}
    return float(delays.get(reason, 0))


@dataclass(frozen=True, slots=True)
class Rules:
    """Delays and limits of call-centre.md §2.2 and §3.2 that hold for all queues, in seconds."""

    reserved_limit: float = 2.0
    grace: float = 33.0
    """An agent's page may be away for 30 s; one that is there again then has 3 s to take its place."""
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
    agents: Mapping[str, Agent] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
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
            mode, float(found.wrap_up), found.wrap_up_extensions, float(found.wrap_up_extension), float(found.wrap_up_limit),
            found.wrap_up_then, found.code_required,
        )  # fmt: skip
