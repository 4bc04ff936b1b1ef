"""The agent who has been free longest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from softswitch.acd.strategies.base import Candidate, Waiting


def keys(_waiting: Waiting, candidates: Sequence[Candidate], now: float) -> Mapping[str, float]:
    """Key: the idle time in seconds, negated."""
    return {agent.login: round(agent.idle_since - now, 3) for agent in candidates}
