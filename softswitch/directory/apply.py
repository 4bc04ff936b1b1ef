"""The apply file: TOML text → checked objects → plan. Everything that is wrong is reported at once, nothing is done here.

`read_apply_file` needs no database: with the default `base` an object may only refer to objects of the same file. With the
directory's snapshot as `base` it may refer to what is there already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

import yaml

from sip_profiles import loader
from softswitch.config.problems import Problem, Refused, key_text, shown
from softswitch.config.toml_lines import Lines, read_toml
from softswitch.directory.grammar import GRAMMAR, SECTIONS
from softswitch.directory.model import (
    IDENTITY,
    TYPES,
    Agent,
    Application,
    Extension,
    Flow,
    FlowFault,
    Kind,
    Mailbox,
    Object,
    Route,
    Token,
    Trunk,
    User,
    Webhook,
)
from softswitch.directory.reading import REQUIRED, Misplaced
from softswitch.directory.secrets import NoSources, Sources, digest_of, ha1, new_password, new_token, pin_fits, pin_hash
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.store import Action, Change
from softswitch.model.destination import Destination
from softswitch.model.states import Role

_SECRETS = ("password", "secret", "pin")

Path = tuple[str | int, ...]
FlowCheck = Callable[[Mapping[str, Any], Snapshot], Sequence[FlowFault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What other parts of the product know about valid values; the composition root fills it."""

    realm: str = "softswitch"
    flow: FlowCheck = lambda _tree, _snapshot: ()
    strategies: Sequence[str] = ("longest_idle",)
    sources: Sources = field(default_factory=NoSources)


@dataclass(frozen=True, slots=True)
class Declared:
    """One object of the file. `implied`: made by another table (the user of an `[[agent]]`)."""

    kind: Kind
    identity: str
    item: Object
    path: Path
    implied: bool = False


@dataclass(frozen=True, slots=True)
class ApplyFile:
    """A file without mistakes. `generated` are new secrets, to be shown once and only after the file was applied."""

    declared: tuple[Declared, ...]
    generated: Mapping[str, str] = field(repr=False)

    def plan(self, base: Snapshot, *, prune: bool = False) -> Plan:
        """What has to change so that `base` becomes what the file says; deletions only with `prune`."""
        changes, unchanged = [], 0
        for entry in self.declared:
            old = base.table(entry.kind).get(entry.identity)
            item = _with_version(entry.item, old)
            if old is None:
                changes.append(Change(Action.CREATE, entry.kind, entry.identity, item))
            elif changed := _differences(old, item):
                changes.append(Change(Action.UPDATE, entry.kind, entry.identity, item, changed))
            else:
                unchanged += 1
        if prune:
            changes.extend(_deletions(base, {(entry.kind, entry.identity) for entry in self.declared}))
        return Plan(tuple(changes), unchanged, base.version)


@dataclass(frozen=True, slots=True)
class Plan:
    changes: tuple[Change, ...]
    unchanged: int
    based_on: int

    def of(self, action: Action) -> list[Change]:
        return [change for change in self.changes if change.action is action]

    def lines(self) -> list[str]:
        """For people: `+ trunk carrier`, `~ queue sales (record, wrap_up)`, `- number 1000`, and the totals."""
        signs = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}
        lines = [
            f"{signs[c.action]} {c.kind} {c.identity}" + (f" ({', '.join(c.fields)})" if c.fields else "") for c in self.changes
        ]
        counts = [f"{len(self.of(action))} to {action}" for action in Action]
        return [*lines, f"{', '.join(counts)}, {self.unchanged} unchanged"]

    def items(self) -> list[dict[str, object]]:
        """For REST: `{action, kind, name, fields}`."""
        return [{"action": c.action, "kind": c.kind, "name": c.identity, "fields": list(c.fields)} for c in self.changes]


def read_apply_file(text: str, filename: str, rules: Rules, base: Snapshot | None = None, *, prune: bool = False) -> ApplyFile:
    """Reads and checks a file. Raises Refused with every problem, in the order of the file."""
    values, lines = read_toml(text, filename)
    reader = _Reader(filename, lines, rules, base or Snapshot(), prune=prune)
    reader.read(values)
    if reader.problems:
        raise Refused(sorted(reader.problems, key=lambda problem: problem.line))
    return ApplyFile(tuple(sorted(reader.declared, key=lambda entry: list(Kind).index(entry.kind))), reader.generated)


class _Reader:
    """Gathers objects and problems over one pass through the file, then checks what refers to what."""

    def __init__(self, file: str, lines: Lines, rules: Rules, base: Snapshot, *, prune: bool) -> None:
        self.problems: list[Problem] = []
        self.declared: list[Declared] = []
        self.generated: dict[str, str] = {}
        self._file = file
        self._lines = lines
        self._rules = rules
        self._base = base
        self._prune = prune
        self._faulty: set[tuple[Kind, str]] = set()

    def read(self, values: Mapping[str, Any]) -> None:
        for name, tables in values.items():
            if name not in GRAMMAR:
                self._unknown((name,), "one of the tables", list(Kind))
            elif not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
                self._problem(
                    (name,), f"expected [[{name}]], got {'[' + name + ']' if isinstance(tables, dict) else shown(tables)}"
                )
            else:
                for index, table in enumerate(tables):
                    self._table(Kind(name), table, (name, index))
        self._no_doubles()
        self._declare_users_of_agents()
        self._check_references()

    def _problem(self, path: Path, text: str, at: Path | None = None) -> None:
        """`at` is the place for the line number when it is deeper than the key that is named."""
        self.problems.append(Problem(self._file, self._lines.of(at or path), key_text(path), text))

    def _unknown(self, path: Path, what: str, known: Sequence[str]) -> None:
        near = get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else " ".join(known)
        self._problem(path, f"expected {what}, got an unknown key ({hint})")

    # tables -> objects

    def _table(self, kind: Kind, table: dict[str, Any], path: Path) -> None:
        before = len(self.problems)
        if kind is Kind.FLOW and "file" in table:
            table = self._flow_from_file(table, path)
        grammar, sections = GRAMMAR[kind], SECTIONS.get(kind, ())
        for key in table:
            if key not in grammar and key not in sections:
                self._unknown((*path, key), f"a key of [[{kind}]]", [*grammar, *sections])
        read = {key: self._value(table, key, path, kind) for key in grammar}
        if len(self.problems) > before:
            self._faulty.add((kind, str(table.get(IDENTITY[kind]))))
            return
        secret = next((read.pop(key) for key in _SECRETS if key in read), None)
        if kind is Kind.TRUNK:
            read["overrides"] = {key: table[key] for key in sections if key in table}
        item: Object = TYPES[kind](**read)
        self.declared.append(Declared(kind, getattr(item, IDENTITY[kind]), self._completed(item, secret, path), path))

    def _value(self, table: Mapping[str, Any], key: str, path: Path, kind: Kind) -> Any:
        rule = GRAMMAR[kind][key]
        here = (*path, key)
        if key not in table:
            if rule.default is REQUIRED:
                self._problem(here, f"expected {rule.expected}, got nothing")
            return rule.default
        try:
            value = rule.read(table[key])
            return self._revealed(value) if key in _SECRETS else value
        except Misplaced as error:
            self._problem(here, str(error), at=(*here, error.index))
        except ValueError as error:
            self._problem(here, str(error))
        return None

    def _revealed(self, value: str) -> str:
        kind, _, rest = value.partition(":")
        if kind == "env":
            return self._rules.sources.environment(rest)
        value = self._rules.sources.file(rest) if kind == "file" else value
        if not value:
            raise ValueError('expected a secret, "env:NAME" or "file:PATH", got ""')
        return value

    def _flow_from_file(self, table: dict[str, Any], path: Path) -> dict[str, Any]:
        """`[[flow]]` with `file = "main.yaml"`: the tree lies in a YAML or JSON file beside the apply file."""
        try:
            text = self._rules.sources.file(str(table["file"]))
            tree = json.loads(text) if str(table["file"]).endswith(".json") else yaml.safe_load(text)
            if not isinstance(tree, dict):
                raise ValueError(f"expected a table with start and nodes, got {shown(tree)}")
        except (ValueError, yaml.YAMLError) as error:
            self._problem((*path, "file"), str(error).replace("\n", " "))
            tree = {"start": "", "nodes": {"-": {}}}
        return {**tree, **{key: value for key, value in table.items() if key != "file"}}

    def _completed(self, item: Object, secret: str | None, path: Path) -> Object:
        """The object with its secret: given, kept from the directory, or generated."""
        match item:
            case Trunk():
                return self._trunk(item, secret, path)
            case Extension():
                known = self._base.extensions.get(item.number)
                if secret is None and known and known.realm == self._rules.realm:
                    return replace(item, realm=known.realm, ha1=known.ha1)
                secret = secret or self._generated(f"extension {item.number}", new_password())
                return replace(item, realm=self._rules.realm, ha1=ha1(item.number, self._rules.realm, secret))
            case Token():
                if secret is None and (old := self._base.tokens.get(item.name)):
                    return replace(item, digest=old.digest)
                return replace(item, digest=digest_of(secret or self._generated(f"token {item.name}", new_token())))
            case Webhook() | Application():
                former = self._base.table(Kind.WEBHOOK if isinstance(item, Webhook) else Kind.APPLICATION).get(item.name)
                kept = getattr(former, "secret", "")
                label = f"{'webhook' if isinstance(item, Webhook) else 'application'} {item.name}"
                return replace(item, secret=secret or kept or self._generated(label, new_token()))
            case Mailbox():
                old_mailbox = self._base.mailboxes.get(item.name)
                if secret is None or (old_mailbox and pin_fits(old_mailbox.pin, secret)):
                    return replace(item, pin=old_mailbox.pin if old_mailbox else "")
                return replace(item, pin=pin_hash(secret))
            case User():
                old_user = self._base.users.get(item.login)
                return replace(item, disabled=old_user.disabled) if old_user else item
        return item

    def _generated(self, label: str, secret: str) -> str:
        self.generated[label] = secret
        return secret

    def _trunk(self, trunk: Trunk, secret: str | None, path: Path) -> Trunk:
        known = self._base.trunks.get(trunk.name)
        trunk = replace(trunk, password=secret or (known.password if known and known.username == trunk.username else ""))
        if trunk.register and not trunk.username:
            self._problem((*path, "username"), "expected an account to register with, got nothing")
        if trunk.username and not trunk.password:
            self._problem((*path, "password"), f"expected the password of {trunk.username}, got nothing")
        try:
            loader.overridden(loader.carrier(trunk.profile), trunk.overrides)
        except loader.ProfileError as error:
            if trunk.profile not in loader.names():
                known_names = " ".join(loader.names())
                self._problem((*path, "profile"), f"expected one of the profiles {known_names}, got {shown(trunk.profile)}")
            else:
                key, _, text = str(error).partition(": ")
                self._problem((*path, *key.split(".")), text)
        return trunk

    def _declare_users_of_agents(self) -> None:
        """`[[agent]]` makes the user with role agent, unless `[[user]]` or the directory gives that login another role."""
        named = {entry.identity for entry in self.declared if entry.kind is Kind.USER}
        for entry in list(self.declared):
            if isinstance(entry.item, Agent) and entry.identity not in named:
                old = self._base.users.get(entry.identity)
                user = User(login=entry.identity, name=entry.item.name, role=old.role if old else Role.AGENT,
                            disabled=old.disabled if old else False, declared=old.declared if old else True)  # fmt: skip
                self.declared.append(Declared(Kind.USER, entry.identity, user, entry.path, implied=True))

    # what refers to what

    def _no_doubles(self) -> None:
        first: dict[tuple[Kind, str], Path] = {}
        for entry in self.declared:
            before = first.setdefault((entry.kind, entry.identity), entry.path)
            if before != entry.path:
                here = (*entry.path, IDENTITY[entry.kind])
                self._problem(
                    here, f"expected each {entry.kind} once, got {shown(entry.identity)} again (line {self._lines.of(before)})"
                )

    def _check_references(self) -> None:
        snapshot = self._prospect()
        for entry in self.declared:
            if not entry.implied:
                for key, kind, names in _references(entry.item):
                    for name in names:
                        if name not in snapshot.table(kind):
                            self._dangling((*entry.path, key), kind, name)
                for key, target in _destinations(entry.item):
                    if not snapshot.has(target):
                        self._dangling((*entry.path, key), Kind(target.kind), target.name)
            if entry.kind is Kind.QUEUE and (strategy := getattr(entry.item, "strategy", "")) not in self._rules.strategies:
                known = " ".join(self._rules.strategies)
                self._problem((*entry.path, "strategy"), f"expected one of {known}, got {shown(strategy)}")
            if isinstance(entry.item, Flow):
                for fault in self._rules.flow(entry.item.tree(), snapshot):
                    self._problem((*entry.path, *fault.path), fault.text)

    def _prospect(self) -> Snapshot:
        """The directory as it will be, as far as the file could be read."""
        kept: Iterable[tuple[Kind, Object]] = self._base.objects()
        if self._prune:
            kept = ((kind, item) for kind, item in kept if not _prunable(item))
        return Snapshot.of([*kept, *((entry.kind, entry.item) for entry in self.declared)])

    def _dangling(self, path: Path, kind: Kind, name: str) -> None:
        if (kind, name) in self._faulty:
            return  # it is there but could not be read; that is reported already
        self._problem(path, f"expected an existing {kind}, got {shown(name)}")


def _references(item: Object) -> Iterable[tuple[str, Kind, tuple[str, ...]]]:
    """Key, kind and names of what an object refers to by name."""
    match item:
        case Agent():
            yield "queues", Kind.QUEUE, item.queues
            if item.extension:
                yield "station", Kind.EXTENSION, (item.extension,)
        case Route():
            yield "trunks", Kind.TRUNK, item.trunks


def _destinations(item: Object) -> Iterable[tuple[str, Destination]]:
    for key in ("to", "overflow"):
        if isinstance(target := getattr(item, key, None), Destination):
            yield key, target


def _prunable(item: Object) -> bool:
    """Users and tokens that were made by hand are not the file's business."""
    return bool(getattr(item, "declared", True))


def _deletions(base: Snapshot, declared: set[tuple[Kind, str]]) -> list[Change]:
    """What the file does not name, in the reverse order of creation."""
    gone = [
        Change(Action.DELETE, kind, getattr(item, IDENTITY[kind]))
        for kind, item in base.objects()
        if (kind, getattr(item, IDENTITY[kind])) not in declared and _prunable(item)
    ]
    return gone[::-1]


def _with_version(item: Object, old: Object | None) -> Object:
    """A changed flow gets the next version number."""
    if isinstance(item, Flow) and isinstance(old, Flow):
        same = replace(item, version=old.version)
        return same if _plain(same) == _plain(old) else replace(item, version=old.version + 1)
    return item


def _plain(flow: Flow) -> str:
    return json.dumps(flow.tree(), sort_keys=True)


def _differences(old: Object, new: Object) -> tuple[str, ...]:
    shown_as = {"ha1": "password", "digest": "secret"}
    return tuple(
        shown_as.get(entry.name, entry.name)
        for entry in fields(new)
        if getattr(old, entry.name) != getattr(new, entry.name) and entry.name != "version"
    )
