"""One consistent view of the directory, immutable, with the questions that routing and trunks ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from softswitch.directory.model import (
    IDENTITY,
    Agent,
    AlarmRule,
    Application,
    Calendar,
    Conference,
    Disposition,
    Extension,
    FeatureCode,
    Flow,
    Kind,
    Lookup,
    Mailbox,
    Number,
    Object,
    PageGroup,
    Phone,
    Queue,
    Reason,
    RecordingRule,
    ReserveTier,
    RingGroup,
    Route,
    Schedule,
    Team,
    Token,
    Trunk,
    User,
    Webhook,
)
from softswitch.model.destination import Destination, DestinationKind

_TABLES: Mapping[Kind, str] = {**{kind: f"{kind}s" for kind in Kind}, Kind.MAILBOX: "mailboxes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Objects by identity. `version` grows with each committed change of the directory."""

    version: int = 0
    trunks: Mapping[str, Trunk] = field(default_factory=dict)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    dispositions: Mapping[str, Disposition] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict)
    conferences: Mapping[str, Conference] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    recording_rules: Mapping[str, RecordingRule] = field(default_factory=dict)
    feature_codes: Mapping[str, FeatureCode] = field(default_factory=dict)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    phones: Mapping[str, Phone] = field(default_factory=dict)
    alarm_rules: Mapping[str, AlarmRule] = field(default_factory=dict)
    reserve_tiers: Mapping[str, ReserveTier] = field(default_factory=dict)
    ring_groups: Mapping[str, RingGroup] = field(default_factory=dict)
    page_groups: Mapping[str, PageGroup] = field(default_factory=dict)

    @classmethod
    def of(cls, objects: Iterable[tuple[Kind, Object]], version: int = 0) -> Snapshot:
        tables: dict[str, dict[str, Any]] = {name: {} for name in _TABLES.values()}
        for kind, item in objects:
            tables[_TABLES[kind]][getattr(item, IDENTITY[kind])] = item
        return cls(version=version, **tables)

    def changed(
        self, items: Iterable[tuple[Kind, Object]] = (), without: Iterable[tuple[Kind, str]] = (), version: int | None = None
    ) -> Snapshot:
        """Another view: `without` taken out, then `items` put in. Tables that nothing touches are shared."""
        tables: dict[str, dict[str, Any]] = {}
        for kind, identity in without:
            self._copied(kind, tables).pop(identity, None)
        for kind, item in items:
            self._copied(kind, tables)[getattr(item, IDENTITY[kind])] = item
        return replace(self, version=self.version if version is None else version, **tables)

    def _copied(self, kind: Kind, tables: dict[str, dict[str, Any]]) -> dict[str, Any]:
        name = _TABLES[kind]
        if name not in tables:
            tables[name] = dict(self.table(kind))
        return tables[name]

    def table(self, kind: Kind) -> Mapping[str, Object]:
        found: Mapping[str, Object] = getattr(self, _TABLES[kind])
        return found

    def objects(self) -> Iterable[tuple[Kind, Object]]:
        for kind in Kind:
            for item in self.table(kind).values():
                yield kind, item

    def number_for(self, *forms: str) -> Destination | None:
        """Where a called number goes. `forms` in order: as received, then canonical; the first form that matches wins."""
        found = self.number_entry(*forms)
        return found.to if found is not None else None

    def number_entry(self, *forms: str) -> Number | None:
        """The declared number that a called one matches."""
        for form in forms:
            if found := best_match(form, self.numbers):
                return self.numbers[found]
        for room in self.conferences.values():
            if room.number and room.number in forms:
                return Number(number=room.number, to=Destination(DestinationKind.CONFERENCE, room.name))
        return None

    def route_for(self, number: str) -> Route | None:
        """The route to an outside number."""
        found = best_match(number, self.routes)
        return self.routes[found] if found else None

    def trunks_by_source(self, host: str) -> tuple[Trunk, ...]:
        """The trunks that have this host among their addresses, by name. The source port never counts."""
        return tuple(trunk for _, trunk in sorted(self.trunks.items()) if trunk.has_host(host))

    def trunk_by_source(self, host: str, port: int = 0) -> Trunk | None:
        """The trunk a request from this address belongs to. Of several, one that dials this port, else the first by name."""
        trunks = self.trunks_by_source(host)
        exact = [trunk for trunk in trunks if any(a.host == host and a.port == port for a in trunk.addresses)]
        return next(iter(exact or trunks), None)

    def agents_of(self, queue: str) -> tuple[Agent, ...]:
        return tuple(agent for agent in self.agents.values() if queue in agent.queues)

    def has(self, destination: Destination) -> bool:
        """Does the target exist? Outside numbers, rooms, echo and hangup always do."""
        kind = TARGETS.get(destination.kind)
        name, _, node = destination.name.partition("/")
        if kind is Kind.FLOW and node:
            return name in self.flows and node in self.flows[name].nodes
        if kind is Kind.MAILBOX:
            return name in self.mailboxes  # behind the stroke: the kind of greeting
        return kind is None or destination.name in self.table(kind)


TARGETS: Mapping[DestinationKind, Kind] = {
    DestinationKind.FLOW: Kind.FLOW,
    DestinationKind.QUEUE: Kind.QUEUE,
    DestinationKind.EXTENSION: Kind.EXTENSION,
    DestinationKind.AGENT: Kind.AGENT,
    DestinationKind.VOICEMAIL: Kind.MAILBOX,
    DestinationKind.CALLBACK: Kind.QUEUE,
    DestinationKind.APPLICATION: Kind.APPLICATION,
    DestinationKind.GROUP: Kind.RING_GROUP,
    DestinationKind.PAGE: Kind.PAGE_GROUP,
}
_SIGNS = {"X": "[0-9]", "N": "[2-9]"}


_RANGE = re.compile(r"(\+?)(\d+)-\+?(\d+)")


@lru_cache(maxsize=4096)
def _range(pattern: str) -> tuple[str, int, int] | None:
    """The plus sign and both ends of `+861062340000-+861062340099`, whose end may be short (`...0000-99`); None for others.

    The ends have one length, so "1-800-…" with its separators is no range.
    """
    found = _RANGE.fullmatch(pattern)
    if found is None or len(found[3]) > len(found[2]):
        return None
    first, last = found[2], found[2][: len(found[2]) - len(found[3])] + found[3]
    return (found[1] + "d" * len(first), int(first), int(last)) if first <= last and len(first) > 1 else None


def _fits(pattern: str, number: str) -> bool:
    if "-" in pattern and (ends := _range(pattern)) is not None:
        shape, first, last = ends
        plus = shape.startswith("+")
        digits = number[plus:]
        return (
            number.startswith("+") is plus and len(number) == len(shape) and digits.isdigit() and first <= int(digits) <= last
        )
    return _compiled(pattern).fullmatch(number) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    body, rest = (pattern[:-1], ".*") if pattern.endswith("*") else (pattern, "")
    return re.compile("".join(_SIGNS.get(sign, re.escape(sign)) for sign in body) + rest)


def best_match(number: str, patterns: Mapping[str, object]) -> str | None:
    """The pattern that fits best: the number itself, else one of the full length, else the one with the longest prefix.

    `X` is a digit, `N` 2 to 9, `*` at the end any rest (also none), `A-B` a range of numbers, everything else literal. Among
    equals the pattern with more literal signs wins, then the smaller text.
    """
    if number in patterns and not number.endswith("*"):
        return number
    fitting = [pattern for pattern in patterns if _fits(pattern, number)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    return min(fitting, key=_rank)


def _rank(pattern: str) -> tuple[bool, int, int, str]:
    literal = sum(sign not in "XN*" for sign in pattern)
    return pattern.endswith("*"), -len(pattern), -literal, pattern
