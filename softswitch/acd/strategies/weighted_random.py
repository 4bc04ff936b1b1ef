"""Any eligible agent, with a probability proportional to the membership's weight of 1–100."""

from __future__ import annotations

from math import log

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting
from softswitch.acd.strategies.random import lot


def key(waiting: Waiting, agent: Candidate, _now: float) -> float:
    """An exponential lot of the weight's rate: the smallest of such lots belongs to each with its share of the weights."""
    return -log(lot(waiting.seed, agent.login)) / max(1, agent.weight)


STRATEGY = Strategy(key, dice=True)
