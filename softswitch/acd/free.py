"""Whether an agent may be offered a call now, and if not, why."""

from __future__ import annotations

from softswitch.acd.config import AcdConfig
from softswitch.acd.figures import HOUR
from softswitch.acd.model import AgentRecord
from softswitch.model.states import AgentState

_READY = AgentState.READY


def is_free(agent: AgentRecord, config: AcdConfig, now: float) -> bool:
    return agent.state is _READY and not what_hinders(agent, config, now)


def what_hinders(agent: AgentRecord | None, config: AcdConfig, now: float) -> str:
    """Why the agent may not be offered any call now; "" when it may."""
    profile = config.agents.get(agent.login) if agent is not None else None
    if agent is None or profile is None:
        return AgentState.LOGGED_OUT
    if agent.state is not _READY:
        return agent.state
    if agent.available_at > now:
        return "delay"
    if agent.beside or agent.load.get("voice", 0) >= profile.capacity.get("voice", 1):
        return "capacity"
    if profile.occupancy_cap and occupancy(agent, now) * 100 > profile.occupancy_cap:
        return "occupancy"
    return ""


def occupancy(agent: AgentRecord, now: float) -> float:
    """Busy share of the working time of the last 60 minutes, 0–1."""
    return agent.figures.occupancy(agent.lives, agent.lived_since, now)


def cap_relaxes_at(agent: AgentRecord, cap: int, now: float) -> float:
    """The earliest time at which an agent above its occupancy cap may be below it again."""
    return now + max(1.0, (occupancy(agent, now) - cap / 100) * HOUR * 0.25)
