"""The agent who knows just enough: keeps experts free."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting
from softswitch.acd.strategies.most_skilled import skill


def key(waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Sum of weight × level over the needed skills."""
    return skill(waiting, agent)


STRATEGY = Strategy(key)
