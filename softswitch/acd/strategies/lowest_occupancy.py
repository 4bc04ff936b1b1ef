"""The agent who was least busy in the last 60 minutes."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Busy share of the working time, 0–1."""
    return round(agent.occupancy, 4)


STRATEGY = Strategy(key, figures=True)
