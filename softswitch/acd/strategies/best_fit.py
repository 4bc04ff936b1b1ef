"""The agent whose levels are closest to what is needed; who talked to the caller before has a bonus."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting

KNOWN = 500.0
"""Ten levels of a need of ordinary weight."""


def key(waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Sum of weight × |level - need|, less the bonus."""
    distance = sum(weight * abs(agent.skills.get(name, 0) - level) for name, level, weight in waiting.needs)
    return distance - (KNOWN if agent.login in waiting.known_to else 0.0)


STRATEGY = Strategy(key)
