"""The smallest tier with an eligible agent; inside it the queue's second strategy. When tiers open: `needs.py`."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """The tier."""
    return float(agent.tier)


STRATEGY = Strategy(key, composed=True)
