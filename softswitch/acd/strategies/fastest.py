"""The agent whose contacts of this queue are shortest: mean of the last 50, shrunk to the queue's mean."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Mean handling time in seconds."""
    return round(agent.handling, 3)


STRATEGY = Strategy(key, figures=True)
