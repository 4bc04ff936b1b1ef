"""How an agent is chosen: one file per strategy, one row each in `STRATEGIES` (call-centre.md §4).

A strategy is a pure function that gives every candidate a key; the smallest key is first, ties go to who has been idle longest,
then to the smaller login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from softswitch.acd.strategies import (
    best_fit,
    fastest,
    fewest_calls,
    hunt_n,
    least_skilled,
    least_talk,
    linear,
    local_first,
    longest_idle,
    lowest_occupancy,
    most_skilled,
    progressive_ring,
    random,
    ring_all,
    round_robin,
    tiered,
    weighted_random,
)
from softswitch.acd.strategies.base import Candidate, Strategy, Waiting

STRATEGIES: Mapping[str, Strategy] = MappingProxyType({
    "ring_all": ring_all.STRATEGY,
    "longest_idle": longest_idle.STRATEGY,
    "fewest_calls": fewest_calls.STRATEGY,
    "least_talk": least_talk.STRATEGY,
    "lowest_occupancy": lowest_occupancy.STRATEGY,
    "round_robin": round_robin.STRATEGY,
    "linear": linear.STRATEGY,
    "random": random.STRATEGY,
    "weighted_random": weighted_random.STRATEGY,
    "progressive_ring": progressive_ring.STRATEGY,
    "hunt_n": hunt_n.STRATEGY,
    "tiered": tiered.STRATEGY,
    "most_skilled": most_skilled.STRATEGY,
    "least_skilled": least_skilled.STRATEGY,
    "best_fit": best_fit.STRATEGY,
    "fastest": fastest.STRATEGY,
    "local_first": local_first.STRATEGY,
})  # fmt: skip


def rank(
    strategy: str, waiting: Waiting, candidates: Sequence[Candidate], now: float, second: str = "longest_idle"
) -> tuple[list[str], Mapping[str, float]]:
    """The candidates' logins, best first, and the keys that say why. Raises KeyError for an unknown strategy."""
    first = STRATEGIES[strategy]
    key = first.key
    keys = {agent.login: key(waiting, agent, now) for agent in candidates}
    if not first.composed:
        ordered = sorted(candidates, key=lambda agent: (keys[agent.login], agent.idle_since, agent.login))
        return [agent.login for agent in ordered], keys
    inner = STRATEGIES[second].key if not STRATEGIES[second].composed else longest_idle.key
    tie = {agent.login: inner(waiting, agent, now) for agent in candidates}
    ordered = sorted(candidates, key=lambda agent: (keys[agent.login], tie[agent.login], agent.idle_since, agent.login))
    return [agent.login for agent in ordered], keys
