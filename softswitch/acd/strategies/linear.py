"""In the member order, always from the top (顺序)."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Position in the member order."""
    return float(agent.order)


STRATEGY = Strategy(key)
