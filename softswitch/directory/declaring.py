"""From the tables of an apply file to checked objects, with every problem at its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import yaml

from sip_profiles import loader
from softswitch.config.problems import Problem, key_text, shown
from softswitch.config.toml_lines import Lines
from softswitch.directory.faults import Fault, Path, faults, references
from softswitch.directory.grammar import GRAMMAR, SECTIONS
from softswitch.directory.model import (
    IDENTITY,
    TYPES,
    Agent,
    Application,
    Conference,
    Extension,
    Flow,
    FlowFault,
    Kind,
    Lookup,
    Mailbox,
    Object,
    Token,
    Trunk,
    User,
    Webhook,
)
from softswitch.directory.reading import REQUIRED, Key, Misplaced
from softswitch.directory.secrets import NoSources, Sources, digest_of, ha1, new_password, new_token, pin_fits, pin_hash
from softswitch.directory.snapshot import Snapshot
from softswitch.model.states import Role

FlowCheck = Callable[[Mapping[str, Any], Snapshot], Sequence[FlowFault]]
Secrets = Mapping[str, Any]
PIN_LENGTHS = (4, 12)


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


def prunable(item: Object) -> bool:
    """Users and tokens that were made by hand are not the file's business."""
    return bool(getattr(item, "declared", True))


class Declaration:
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
        self._faulty: set[tuple[Kind, str] | None] = set()

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
        secrets = {key: read.pop(key) for key, rule in grammar.items() if rule.secret}
        if kind is Kind.TRUNK:
            read["overrides"] = {key: table[key] for key in sections if key in table}
        item: Object = TYPES[kind](**read)
        self.declared.append(Declared(kind, getattr(item, IDENTITY[kind]), self._completed(item, secrets, path), path))

    def _value(self, table: Mapping[str, Any], key: str, path: Path, kind: Kind) -> Any:
        rule = GRAMMAR[kind][key]
        here = (*path, key)
        if key not in table:
            if rule.default is REQUIRED:
                self._problem(here, f"expected {rule.expected}, got nothing")
            return None if rule.secret else rule.default
        try:
            value = rule.read(table[key])
            return self._revealed(value, rule) if rule.secret else value
        except Misplaced as error:
            self._problem(here, str(error), at=(*here, error.index))
        except ValueError as error:
            self._problem(here, str(error))
        return None

    def _revealed(self, value: Any, rule: Key) -> Any:
        if isinstance(value, Mapping):
            return {name: self._revealed(text, rule) for name, text in value.items()}
        kind, _, rest = value.partition(":")
        if kind == "env":
            return self._rules.sources.environment(rest)
        value = self._rules.sources.file(rest) if kind == "file" else value
        if not value and rule.default is None:
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

    def _completed(self, item: Object, secrets: Secrets, path: Path) -> Object:
        """The object with its secrets: given, kept from the directory, or generated."""
        match item:
            case Trunk():
                return self._trunk(item, secrets["password"], path)
            case Extension():
                return self._extension(item, secrets["password"])
            case Token():
                if secrets["secret"] is None and (old := self._base.tokens.get(item.name)):
                    return replace(item, digest=old.digest)
                return replace(item, digest=digest_of(secrets["secret"] or self._generated(f"token {item.name}", new_token())))
            case Webhook() | Application():
                kind = Kind.WEBHOOK if isinstance(item, Webhook) else Kind.APPLICATION
                kept = getattr(self._base.table(kind).get(item.name), "secret", "")
                secret = secrets["secret"] or kept or self._generated(f"{kind} {item.name}", new_token())
                return replace(item, secret=secret)
            case Lookup():
                former = self._base.lookups.get(item.name, item)
                given = {key: value for key, value in secrets.items() if value is not None}
                return replace(item, **{"headers": former.headers, "database": former.database, **given})
            case Mailbox():
                return self._mailbox(item, secrets["pin"], path)
            case Conference():
                room = self._base.conferences.get(item.name, item)
                return replace(
                    item,
                    pin=self._pin(secrets["pin"], room.pin, (*path, "pin")),
                    moderator_pin=self._pin(secrets["moderator_pin"], room.moderator_pin, (*path, "moderator_pin")),
                )
            case User():
                old_user = self._base.users.get(item.login)
                return replace(item, disabled=old_user.disabled) if old_user else item
        return item

    def _generated(self, label: str, secret: str) -> str:
        self.generated[label] = secret
        return secret

    def _extension(self, extension: Extension, secret: str | None) -> Extension:
        known = self._base.extensions.get(extension.number)
        if secret is None and known and known.realm == self._rules.realm:
            return replace(extension, realm=known.realm, ha1=known.ha1)
        secret = secret or self._generated(f"extension {extension.number}", new_password())
        return replace(extension, realm=self._rules.realm, ha1=ha1(extension.number, self._rules.realm, secret))

    def _mailbox(self, mailbox: Mailbox, pin: str | None, path: Path) -> Mailbox:
        known = self._base.mailboxes.get(mailbox.name)
        return replace(mailbox, pin=self._pin(pin, known.pin if known else "", (*path, "pin")))

    def _pin(self, pin: str | None, known: str, path: Path) -> str:
        """Its hash; what is known stays when none is given, or the same one."""
        if pin is None or (known and pin_fits(known, pin)):
            return known
        if not (pin.isascii() and pin.isdigit() and PIN_LENGTHS[0] <= len(pin) <= PIN_LENGTHS[1]):
            self._problem(path, f"expected {PIN_LENGTHS[0]} to {PIN_LENGTHS[1]} digits")
        return pin_hash(pin)

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
        prospect = self._prospect()
        for entry in self.declared:
            if entry.implied:
                continue
            for fault in faults(entry.kind, entry.item, prospect, self._rules.strategies):
                self._fault(entry, fault)
            if isinstance(entry.item, Flow):
                for flaw in self._rules.flow(entry.item.tree(), prospect):
                    self._problem((*entry.path, *flaw.path), flaw.text)
        self._check_nodes(prospect)

    def _fault(self, entry: Declared, fault: Fault) -> None:
        if fault.missing in self._faulty:
            return  # it is there but could not be read; that is reported already
        place = (*entry.path, *fault.path)
        named = place[:-1] if len(fault.path) > 1 and isinstance(fault.path[-1], int) else place
        self._problem(named, fault.text, at=place)

    def _check_nodes(self, prospect: Snapshot) -> None:
        """Nodes of changed flows that stored objects lead into must stay."""
        flows = {entry.identity: entry for entry in self.declared if entry.kind is Kind.FLOW}
        declared = {(entry.kind, entry.identity) for entry in self.declared}
        for kind, item in prospect.objects() if flows else ():
            identity = getattr(item, IDENTITY[kind])
            if (kind, identity) in declared:
                continue
            for named in references(kind, item):
                flow = flows.get(named.name.partition("/")[0]) if named.kind is Kind.FLOW else None
                if flow is not None and not named.holds(prospect):
                    node = named.name.partition("/")[2]
                    text = f"expected the node {shown(node)}, which {kind} {identity} leads into"
                    self._problem((*flow.path, "nodes"), text)

    def _prospect(self) -> Snapshot:
        """The directory as it will be, as far as the file could be read."""
        kept = self._base.objects() if self._prune else ()
        gone = ((kind, getattr(item, IDENTITY[kind])) for kind, item in kept if prunable(item))
        return self._base.changed(((entry.kind, entry.item) for entry in self.declared), gone)
