"""The agent who answered fewest contacts today, per signed-in hour (接听最少)."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Contacts per hour."""
    return round(agent.answered, 4)


STRATEGY = Strategy(key, figures=True)
