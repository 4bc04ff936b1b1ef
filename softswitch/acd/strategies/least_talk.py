"""The agent who talked least today, per signed-in hour."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Seconds of conversation per hour."""
    return round(agent.talk, 2)


STRATEGY = Strategy(key, figures=True)
