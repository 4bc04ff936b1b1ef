"""What no single value shows: whether what an object names exists, and whether its values go together.

Faults are found on the directory as it will be (`prospect`), so that a file may declare things in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from typing import Any

from softswitch.config.problems import shown
from softswitch.directory.grammar import GRAMMAR
from softswitch.directory.model import (
    IDENTITY,
    Agent,
    Calendar,
    Disposition,
    Kind,
    Lookup,
    Mailbox,
    Need,
    Object,
    Overflow,
    PageGroup,
    Queue,
    ReserveTier,
    RingGroup,
    Route,
    Stage,
    Team,
)
from softswitch.directory.reading import Form, Key, days_of
from softswitch.directory.snapshot import TARGETS, Snapshot
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.states import Role

Path = tuple[str | int, ...]
DISPOSITION_LEVELS = 3
_LEADING = (Role.TEAM_LEADER, Role.SUPERVISOR, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` leads into the object: `("queues", 2)`. `missing` is what does not exist, when that is the fault."""

    path: Path
    text: str
    missing: tuple[Kind, str] | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """One name inside an object. `target`: written as a destination, which may point into a flow."""

    path: Path
    kind: Kind
    name: str
    target: Destination | None = None

    def holds(self, snapshot: Snapshot) -> bool:
        return snapshot.has(self.target) if self.target else self.name in snapshot.table(self.kind)


def references(kind: Kind, item: Object) -> Iterator[Reference]:
    """Everything that an object names, in the order of its keys."""
    for key, rule in GRAMMAR[kind].items():
        if hasattr(item, key):
            yield from _named((key,), rule.read.form, getattr(item, key))
    match item:
        case Agent() if item.extension:
            yield Reference(("station",), Kind.EXTENSION, item.extension)
        case Mailbox() if item.owner:
            owner, _, name = item.owner.partition(":")
            yield Reference(("owner",), Kind(owner), name)


def _named(path: Path, form: Form, value: Any) -> Iterator[Reference]:
    """The references of one value by what its form says."""
    if value is None or value == "":
        return
    if isinstance(value, Destination):
        if value.kind in TARGETS:
            yield Reference(path, TARGETS[value.kind], value.name, value)
    elif form.refers:
        yield Reference(path, Kind(form.refers), value)
    elif form.type == "list" and form.of:
        for index, element in enumerate(value):
            yield from _named((*path, index), form.of, element)
    elif form.type == "table" and form.of:
        for name, element in value.items():
            if form.names:
                yield Reference((*path, name), Kind(form.names), name)
            yield from _named((*path, name), form.of, element)
    elif form.keys and is_dataclass(value):
        yield from _inside(path, form.keys, value)


def _inside(path: Path, keys: Mapping[str, Key], value: Any) -> Iterator[Reference]:
    for entry in fields(value):
        if entry.name in keys:
            yield from _named((*path, entry.name), keys[entry.name].read.form, getattr(value, entry.name))


def faults(kind: Kind, item: Object, prospect: Snapshot, strategies: Iterable[str]) -> Iterator[Fault]:
    """All that is wrong with one object in the directory as it will be."""
    for named in references(kind, item):
        if not named.holds(prospect):
            yield Fault(named.path, f"expected an existing {named.kind}, got {shown(named.name)}", (named.kind, named.name))
    match item:
        case Agent():
            yield from _agent(item)
        case Queue():
            yield from _queue(item, tuple(strategies))
        case Disposition():
            yield from _disposition(item, prospect)
        case Calendar():
            yield from _calendar(item)
        case Lookup():
            yield from _lookup(item)
        case ReserveTier():
            yield from _reserve(item, prospect)
        case RingGroup():
            yield from _ring_group(item)
            yield from _own_number(item, prospect)
        case PageGroup():
            yield from _own_number(item, prospect)
        case Team():
            yield from _team(item, prospect)
        case Route() if not item.trunks and not item.ways:
            yield Fault(("trunks",), "expected a list of trunk names, or ways, got nothing")


def users_of(kind: Kind, identity: str, snapshot: Snapshot) -> list[tuple[Kind, str]]:
    """The objects that name this one: it cannot go before they do."""
    found = []
    for other_kind, item in snapshot.objects():
        name = getattr(item, IDENTITY[other_kind])
        if (other_kind, name) != (kind, identity) and any(
            named.kind is kind and named.name.partition("/")[0] == identity for named in references(other_kind, item)
        ):
            found.append((other_kind, name))
    if kind is Kind.USER and identity in snapshot.agents:
        found.append((Kind.AGENT, identity))
    return found


def _team(team: Team, prospect: Snapshot) -> Iterator[Fault]:
    for index, login in enumerate(team.leaders):
        user = prospect.users.get(login)
        if user is not None and user.role not in _LEADING:
            yield Fault(
                ("leaders", index), f"expected a user with one of the roles {' '.join(_LEADING)}, got {user.role} {login}"
            )


def _agent(agent: Agent) -> Iterator[Fault]:
    for queue in agent.membership:
        if queue not in agent.queues:
            yield Fault(("membership", queue), f"expected one of the agent's queues, got {shown(queue)}")


def _queue(queue: Queue, strategies: tuple[str, ...]) -> Iterator[Fault]:
    for key in ("strategy", "second"):
        if (chosen := getattr(queue, key)) not in strategies:
            yield Fault((key,), f"expected one of {' '.join(strategies)}, got {shown(chosen)}")
    if queue.strategy in ("tiered", "local_first") and queue.second == queue.strategy:
        yield Fault(("second",), f"expected another strategy than {queue.strategy}")
    if abs(queue.weight_importance + queue.weight_waited - 1) > 1e-9:
        text = f"expected weight_importance + weight_waited = 1, got {queue.weight_importance + queue.weight_waited:g}"
        yield Fault(("weight_waited",), text)
    yield from _stages(queue.needs, queue.stages)
    for index, rule in enumerate(queue.overflows):
        yield from _overflow(index, rule, queue)


def _overflow(index: int, rule: Overflow, queue: Queue) -> Iterator[Fault]:
    here: Path = ("overflows", index)
    if rule.when == "between" and not rule.between:
        yield Fault((*here, "between"), 'expected times as "HH:MM-HH:MM", got nothing')
    if rule.when == "closing" and not queue.calendar:
        yield Fault((*here, "when"), "expected a queue with a calendar, which tells when it closes")
    if rule.to == Destination.parse(f"queue:{queue.name}"):
        yield Fault((*here, "to"), "expected another queue than this one")


def _stages(needs: tuple[Need, ...], stages: tuple[Stage, ...]) -> Iterator[Fault]:
    """Stages add up; each may only widen who can answer (call-centre.md §5.1)."""
    for index, need in enumerate(needs):
        if any(other.skill == need.skill for other in needs[:index]):
            yield Fault(("needs", index), f"expected each skill once, got {shown(need.skill)} again")
    for index, (former, stage) in enumerate(pairwise(stages)):
        if stage.after <= former.after:
            yield Fault(("stages", index + 1), f"after: expected more than {former.after} seconds, got {stage.after}")
    yield from _widening({need.skill: need.level for need in needs}, stages)


def _widening(levels: dict[str, int], stages: tuple[Stage, ...]) -> Iterator[Fault]:
    threshold, tier = 100, 0
    for index, stage in enumerate(stages):
        here: Path = ("stages", index)
        for skill, level in stage.levels.items():
            if skill not in levels:
                yield Fault(here, f"levels: expected a skill of needs, got {shown(skill)}")
            elif level > levels[skill]:
                yield Fault(
                    here, f"levels: expected at most {levels[skill]} for {skill}, because stages only widen, got {level}"
                )
            else:
                levels[skill] = level
        for skill in stage.optional:
            if skill not in levels:
                yield Fault(here, f"optional: expected a skill of needs, got {shown(skill)}")
        if stage.threshold != 100 and stage.threshold > threshold:  # 100, the default, leaves it as it is
            yield Fault(here, f"threshold: expected at most {threshold}, because stages only widen, got {stage.threshold}")
        if stage.tier and stage.tier < tier:
            yield Fault(here, f"tier: expected at least {tier}, because stages only widen, got {stage.tier}")
        threshold, tier = min(threshold, stage.threshold), max(tier, stage.tier)


def _disposition(item: Disposition, prospect: Snapshot) -> Iterator[Fault]:
    chain = [item.code]
    parent = item.parent
    while parent in prospect.dispositions:
        if parent in chain:
            yield Fault(("parent",), f"expected a parent above, got the circle {' > '.join([*chain, parent])}")
            return
        chain.append(parent)
        parent = prospect.dispositions[parent].parent
    if len(chain) > DISPOSITION_LEVELS:
        yield Fault(("parent",), f"expected at most {DISPOSITION_LEVELS} levels, got {' > '.join(reversed(chain))}")


def _calendar(calendar: Calendar) -> Iterator[Fault]:
    parts = [days_of(line) for line in calendar.open]
    for index, (days, begin, end) in enumerate(parts):
        for other, (more_days, more_begin, more_end) in enumerate(parts[:index]):
            if days & more_days and begin < more_end and more_begin < end:
                yield Fault(("open", index), f"expected hours that do not overlap, got those of {shown(calendar.open[other])}")


def _lookup(lookup: Lookup) -> Iterator[Fault]:
    if bool(lookup.url) == bool(lookup.sql):
        yield Fault(("url",), "expected either url or sql, got " + ("both" if lookup.url else "neither"))
    if lookup.sql and not lookup.sql.lstrip().lower().startswith(("select", "with")):
        yield Fault(("sql",), "expected a query that only reads (select …)")


def _ring_group(group: RingGroup) -> Iterator[Fault]:
    for index, member in enumerate(group.members):
        if member.to.kind not in (DestinationKind.EXTENSION, DestinationKind.OUTSIDE):
            yield Fault(("members", index), f"to: expected extension:NUMBER or outside:NUMBER, got {shown(str(member.to))}")
        elif any(other.to == member.to for other in group.members[:index]):
            yield Fault(("members", index), f"to: expected each member once, got {shown(str(member.to))} again")
    if group.then == Destination(DestinationKind.GROUP, group.name):
        yield Fault(("then",), "expected another destination than this group")


def _own_number(group: RingGroup | PageGroup, prospect: Snapshot) -> Iterator[Fault]:
    """Nobody else may have the number of a group."""
    if not group.number:
        return
    if group.number in prospect.extensions or group.number in prospect.numbers:
        yield Fault(("number",), f"expected a number that nobody has, got {shown(group.number)}")
    groups = prospect.ring_groups if isinstance(group, RingGroup) else prospect.page_groups
    if any(other.number == group.number and other.name < group.name for other in groups.values()):
        yield Fault(("number",), f"expected a number that no other group has, got {shown(group.number)}")


def _reserve(tier: ReserveTier, prospect: Snapshot) -> Iterator[Fault]:
    for other in prospect.reserve_tiers.values():
        if other.name < tier.name and (other.queue, other.step) == (tier.queue, tier.step):
            yield Fault(("step",), f"expected each step of {tier.queue} once, got {tier.step} again ({other.name})")
