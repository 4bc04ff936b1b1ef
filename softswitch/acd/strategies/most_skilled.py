"""The agent who knows most about what the call needs."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def skill(waiting: Waiting, agent: Candidate) -> float:
    """Sum of weight × level over the needed skills."""
    return float(sum(weight * agent.skills.get(name, 0) for name, _, weight in waiting.needs))


def key(waiting: Waiting, agent: Candidate, _now: float) -> float:
    """The sum, negated."""
    return -skill(waiting, agent)


STRATEGY = Strategy(key)
