"""What a strategy is told, and what it is: a pure key per candidate and how many ring at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

_NO_SKILLS: Mapping[str, int] = MappingProxyType({})


class Waiting(NamedTuple):
    """The caller to be served. `entered_at` is epoch seconds."""

    visit: str
    queue: str
    entered_at: float
    needs: tuple[tuple[str, int, int], ...] = ()
    """skill, level asked for at this stage, weight."""
    after: int = -1
    """Position in the member order that was offered last; -1 = none yet."""
    members: int = 1
    seed: int = 0
    known_to: tuple[str, ...] = ()
    """Who talked to the caller before."""


class Candidate(NamedTuple):
    """An agent who may be offered the call now. `idle_since`: end of the last contact, sign-in or return from not ready."""

    login: str
    idle_since: float
    order: int = 0  # position in the queue's member order
    weight: int = 50
    tier: int = 1
    distance: int = 0  # 0: the caller's own site
    skills: Mapping[str, int] = _NO_SKILLS
    answered: float = 0.0  # contacts today per signed-in hour
    talk: float = 0.0  # seconds of conversation today per signed-in hour
    occupancy: float = 0.0  # of the last 60 minutes, 0–1
    handling: float = 0.0  # mean seconds per contact of this queue


class Ringing(NamedTuple):
    """A visit that is being offered, for strategies that ring several agents."""

    live: int  # offers that ring
    for_seconds: float  # since the first of them
    together: int  # the queue's ring_count
    step: float  # the queue's ring_step, seconds
    most: int  # limit of the switch


Key = Callable[[Waiting, Candidate, float], float]


def one(_ringing: Ringing) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Strategy:
    """`key`: the smallest is first; ties go to `second` where it is composed, then to the longest idle, then to the login."""

    key: Key
    figures: bool = False
    """Reads today's figures, which change while an agent is idle."""
    dice: bool = False
    """Draws lots with the decision's seed."""
    cyclic: bool = False
    """Goes round the member order."""
    composed: bool = False
    """Ranks equal keys by the queue's second strategy."""
    at_once: Callable[[Ringing], int] = one
    """How many agents may ring now for one caller."""
    joins: bool = False
    """Whether agents who become free join those who ring."""
