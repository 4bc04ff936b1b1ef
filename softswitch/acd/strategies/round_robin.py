"""One after another (轮循): who follows the last one offered in the member order; offers that were withdrawn do not count."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Steps after the last one in the member order."""
    return float((agent.order - waiting.after - 1) % max(waiting.members, agent.order + 1))


STRATEGY = Strategy(key, cyclic=True)
