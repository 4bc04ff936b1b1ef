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


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    call: str
    caller: str
    since: float
    position: int
    state: str  # "waiting" | "offering"


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
