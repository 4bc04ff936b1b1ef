"""How an agent is chosen: one file per strategy, one row each in `STRATEGIES` (call-centre.md §4).

A strategy is a pure function that gives every candidate a key; the smallest key is first, ties go to who has been idle longest,
then to the smaller login.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from softswitch.acd.strategies import longest_idle
from softswitch.acd.strategies.base import Candidate, Waiting

Keys = Callable[[Waiting, Sequence[Candidate], float], Mapping[str, float]]

STRATEGIES: Mapping[str, Keys] = MappingProxyType({"longest_idle": longest_idle.keys})


def rank(strategy: str, waiting: Waiting, candidates: Sequence[Candidate], now: float) -> tuple[list[str], Mapping[str, float]]:
    """The candidates' logins, best first, and the keys that say why. Raises KeyError for an unknown strategy."""
    keys = STRATEGIES[strategy](waiting, candidates, now)
    ordered = sorted(candidates, key=lambda agent: (keys[agent.login], agent.idle_since, agent.login))
    return [agent.login for agent in ordered], keys
