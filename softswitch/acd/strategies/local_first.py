"""Agents of the caller's own site first (本地优先); among equals the queue's second strategy."""

from __future__ import annotations

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting


def key(_waiting: Waiting, agent: Candidate, _now: float) -> float:
    """Distance of the sites: 0 the same, 1 another one."""
    return float(agent.distance)


STRATEGY = Strategy(key, composed=True)
