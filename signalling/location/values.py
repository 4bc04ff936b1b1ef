"""What DNS says, in our words, and a route made of it: tiers by priority, members by weight, addresses of a member in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Query(NamedTuple):
    name: str  # lower case, without the dot at the end
    kind: str  # "NAPTR" | "SRV" | "A" | "AAAA"


class Srv(NamedTuple):
    priority: int
    weight: int
    port: int
    target: str


class Naptr(NamedTuple):
    order: int
    preference: int
    flags: str
    service: str
    replacement: str


Record = Srv | Naptr | str
"""An address is a string."""


class Hop(NamedTuple):
    """One address to try."""

    transport: str
    address: tuple[str, int]
    host: str  # the name that led here, for logs


class Member(NamedTuple):
    """The addresses of one SRV target; `weight` says how often it comes first among its tier."""

    weight: int
    hops: tuple[Hop, ...]


Route = tuple[tuple[Member, ...], ...]
NOWHERE: Route = ()


def direct(transport: str, address: tuple[str, int]) -> Route:
    """The route to a number."""
    return ((Member(0, (Hop(transport, address, address[0]),)),),)


def ordered(route: Route, draw: Callable[[int], int]) -> list[Hop]:
    """The addresses in the order in which one request tries them (RFC 2782). `draw(n)` is a random whole number of 0 to n."""
    hops: list[Hop] = []
    for tier in route:
        for member in _by_weight(tier, draw):
            hops += [hop for hop in member.hops if hop not in hops]
    return hops


def _by_weight(tier: Sequence[Member], draw: Callable[[int], int]) -> list[Member]:
    left = sorted(tier, key=lambda member: member.weight > 0)  # weight 0 first: chosen only when 0 is drawn
    chosen = []
    while len(left) > 1:
        mark, run, place = draw(sum(member.weight for member in left)), 0, 0
        for place, member in enumerate(left):  # noqa: B007 - it is what is wanted
            run += member.weight
            if run >= mark:
                break
        chosen.append(left.pop(place))
    return chosen + left
