"""Ring groups of the running switch: the handler of `group:NAME`, what is known of members, and what pages and lamps show."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.directory.model import GroupMember, RingGroup
from softswitch.directory.snapshot import Snapshot
from softswitch.features.forwarding import EMERGENCY, Forwarding
from softswitch.features.personal import PersonalServices
from softswitch.groups.hunting import Line, Pace, Rules
from softswitch.groups.order import Draw, in_order, phone_step, rules_of, step_of
from softswitch.groups.ringing import Ringer
from softswitch.legs.base import PartyKind
from softswitch.legs.phones import Phones
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Forbidden, Unreachable

_RINGABLE = (DestinationKind.EXTENSION, DestinationKind.OUTSIDE)


@dataclass(frozen=True, slots=True)
class MemberView:
    """`state`: free, busy, dnd, offline, outside; `name` as the directory has it."""

    to: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class GroupView:
    """`ringing` calls now; `calls` and `answered` since the start of the switch."""

    name: str
    title: str
    number: str
    strategy: str
    ringing: int
    calls: int
    answered: int
    members: tuple[MemberView, ...]


def _draw(most: int) -> int:
    return secrets.randbelow(max(0, most) + 1)


class RingGroups:
    """Owned by the loop. `on_change(name)` is told when a group begins or ceases to ring."""

    def __init__(
        self, directory: Callable[[], Snapshot], phones: Phones, services: PersonalServices, forwarding: Forwarding,
        is_registered: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._directory = directory
        self._phones = phones
        self._services = services
        self._forwarding = forwarding
        self._is_registered = is_registered
        self.draw: Draw = _draw
        self.on_change: Callable[[str], None] = lambda _name: None
        self._ringing: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()

    # calls

    async def to_group(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `group:NAME`: rings the members; when nobody takes the call it goes on to `then`."""
        group = self._directory().ring_groups.get(destination.name)
        if group is None:
            return Outcome.failed(Cause.UNALLOCATED)
        try:
            return await self._hunt(call, group)
        except Unreachable as fault:
            if group.then is None:
                return Outcome.failed(fault.cause)
        return await call.go(group.then)

    async def _hunt(self, call: Call, group: RingGroup) -> Outcome:
        extensions = self._directory().extensions
        members = self._ordered(call, group)
        steps = [step_of(member, extensions) for member in members]
        self._calls[group.name] += 1
        call.emit(
            ev.GroupEntered(group=group.name, strategy=group.strategy, members=tuple(str(member.to) for member in members))
        )
        self._rings(group.name, 1)
        still = True
        try:
            async with Ringer(
                call, steps, rules_of(group), lambda line: self._place(call, line, follow=group.follow_forwards), group.prefix
            ) as ringer:
                await ringer.answered()
                self._answered[group.name] += 1
                self._rings(group.name, -1)
                still = False
                return Outcome.ended(await ringer.bridge())
        finally:
            if still:
                self._rings(group.name, -1)

    async def with_mobile(self, call: Call, destination: Destination, seconds: float) -> Outcome:
        """An extension that has a mobile: both rung as the extension says. Its own services have been looked at before."""
        step = phone_step(destination.name, self._directory().extensions)
        rules = Rules(Pace.ONE_BY_ONE, ring_time=seconds, timeout=seconds * (2 if step.then is not None else 1))
        try:
            async with Ringer(call, [step], rules, lambda line: line.to) as ringer:
                return Outcome.ended(await ringer.bridge())
        except Unreachable as fault:
            return Outcome.failed(fault.cause)

    def _ordered(self, call: Call, group: RingGroup) -> list[GroupMember]:
        """Who is rung in which order; whoever calls the own group is no member meanwhile."""
        facts = call.facts
        own = f"extension:{facts.party}" if facts.kind is PartyKind.PHONE else ""
        members = [member for member in group.members if str(member.to) != own]
        turn = self._calls[group.name]
        return in_order(members, group.strategy, turn=turn, idle_since=self._idle_since, draw=self.draw)

    def _idle_since(self, member: GroupMember) -> float:
        return self._phones.idle_since.get(member.to.name, 0.0)

    def _place(self, call: Call, line: Line, *, follow: bool) -> Destination:
        """Where a line is rung now. Raises Unreachable for a member that is busy, undisturbed or not logged in."""
        kind, _, number = line.member.partition(":")
        if kind != DestinationKind.EXTENSION:
            return line.to
        own, state = self._services.of(number), self.state(number)
        if state == "dnd" and call.facts.caller not in EMERGENCY:
            raise Unreachable(Cause.DO_NOT_DISTURB)
        if line.to.kind is DestinationKind.OUTSIDE and state != "busy":
            return line.to  # the mobile of somebody whose phone is free, or not there
        forward = {"busy": own.forward_busy, "offline": own.forward_unreachable}.get(state, "")
        if follow and (to := own.forward_always or forward):
            return self._forwarded(number, to)
        if state == "busy":
            raise Unreachable(Cause.BUSY)
        if state == "offline":
            raise Unreachable(Cause.UNREACHABLE)
        return line.to

    def _forwarded(self, number: str, to: str) -> Destination:
        """Where a member's own service leads, when that is somebody who can be rung."""
        try:
            found = self._forwarding.reach(number, to)
        except Forbidden as fault:
            raise Unreachable(Cause.FORBIDDEN) from fault
        if found.kind not in _RINGABLE:
            raise Unreachable(Cause.UNREACHABLE)
        return found

    def state(self, number: str) -> str:
        """free, busy (it speaks or dials), dnd or offline."""
        if self._services.of(number).dnd:
            return "dnd"
        if self._phones.in_call(number):
            return "busy"
        return "free" if self._is_registered(number) else "offline"

    def _rings(self, name: str, by: int) -> None:
        before = self._ringing[name]
        self._ringing[name] += by
        if (before > 0) != (self._ringing[name] > 0):
            self.on_change(name)

    # questions

    def ringing(self, name: str) -> int:
        """How many callers the group is rung for now."""
        return self._ringing[name]

    def mates(self, extension: str) -> set[str]:
        """The members, as calls name them, whose calls this extension may take: of its groups that allow it."""
        me = Destination(DestinationKind.EXTENSION, extension)
        groups = (group for group in self._directory().ring_groups.values() if group.pickup)
        return {str(other.to) for group in groups if any(each.to == me for each in group.members) for other in group.members}

    def views(self) -> list[GroupView]:
        """All groups, by name."""
        return [self.view(name) for name in sorted(self._directory().ring_groups)]

    def view(self, name: str) -> GroupView:
        """Raises KeyError."""
        group = self._directory().ring_groups[name]
        return GroupView(
            name, group.title, group.number, group.strategy, self._ringing[name], self._calls[name], self._answered[name],
            tuple(map(self._member, group.members)),
        )  # fmt: skip

    def _member(self, member: GroupMember) -> MemberView:
        if member.to.kind is DestinationKind.OUTSIDE:
            return MemberView(str(member.to), "", "outside")
        own = self._directory().extensions.get(member.to.name)
        return MemberView(str(member.to), own.name if own is not None else "", self.state(member.to.name))
