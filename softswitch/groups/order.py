"""In which order a group's members are rung, and how a member becomes lines: pure, the dice are an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from softswitch.directory.model import Extension, GroupMember, RingGroup
from softswitch.groups.hunting import Line, Pace, Rules, Step
from softswitch.model.destination import Destination, DestinationKind

Draw = Callable[[int], int]
"""`draw(n)` is a random whole number of 0 to n."""


def pace_of(strategy: str) -> Pace:
    return {"all": Pace.TOGETHER, "cascade": Pace.CASCADE}.get(strategy, Pace.ONE_BY_ONE)


def rules_of(group: RingGroup) -> Rules:
    return Rules(pace_of(group.strategy), group.stagger, group.ring_time, group.timeout)


def in_order(
    members: Sequence[GroupMember], strategy: str, *, turn: int, idle_since: Callable[[GroupMember], float], draw: Draw
) -> list[GroupMember]:  # fmt: skip
    """`turn` counts the group's calls; `idle_since` is when a member's last call ended, 0.0 for none yet."""
    if strategy == "round_robin" and members:
        first = turn % len(members)
        return [*members[first:], *members[:first]]
    if strategy == "longest_idle":
        return sorted(members, key=idle_since)
    if strategy in ("random", "weighted"):
        return _drawn(list(members), draw, weighted=strategy == "weighted")
    return list(members)


def _drawn(left: list[GroupMember], draw: Draw, *, weighted: bool) -> list[GroupMember]:
    found: list[GroupMember] = []
    while left:
        weights = [member.weight if weighted else 1 for member in left]
        mark = draw(sum(weights) - 1)
        for index, weight in enumerate(weights):
            mark -= weight
            if mark < 0:
                found.append(left.pop(index))
                break
    return found


def step_of(member: GroupMember, extensions: Mapping[str, Extension]) -> Step:
    """A member's lines: an outside number alone; a phone with, before or without the mobile that is bound to it."""
    if member.to.kind is DestinationKind.OUTSIDE:
        return Step((Line(member.to, str(member.to), member.confirm),))
    return phone_step(member.to.name, extensions)


def phone_step(number: str, extensions: Mapping[str, Extension]) -> Step:
    name = f"extension:{number}"
    seat = Line(Destination(DestinationKind.EXTENSION, number), name)
    own = extensions.get(number)
    if own is None or not own.mobile:
        return Step((seat,))
    mobile = Line(Destination(DestinationKind.OUTSIDE, own.mobile), name, own.mobile_confirm)
    if own.mobile_rings == "instead":
        return Step((mobile,))
    return Step((seat, mobile)) if own.mobile_rings == "with" else Step((seat,), Step((mobile,)))
