"""The agent who has been free longest."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, now: float) -> float:
    """The idle time in seconds, negated."""
    return round(agent.idle_since - now, 3)


STRATEGY = Strategy(key)
