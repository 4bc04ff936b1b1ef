"""The apply file: TOML text → checked objects → plan. Everything that is wrong is reported at once, nothing is done here.

`read_apply_file` needs no database: with the default `base` an object may only refer to objects of the same file. With the
directory's snapshot as `base` it may refer to what is there already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from softswitch.config.problems import Problem, Refused, key_text
from softswitch.config.toml_lines import Lines, read_toml
from softswitch.directory.declaring import Declaration, Declared, Rules, prunable
from softswitch.directory.faults import users_of
from softswitch.directory.model import IDENTITY, Flow, Kind, Object
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.store import Action, Change
from softswitch.model.errors import Conflict, NotFound

__all__ = ["ApplyFile", "Declared", "Plan", "Rules", "check_deletion", "read_apply_file", "read_object"]


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
                changes.append(Change(Action.UPDATE, entry.kind, entry.identity, item, changed, old))
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
    return _read(values, filename, lines, rules, base or Snapshot(), prune=prune)


def read_object(kind: Kind, values: Mapping[str, Any], rules: Rules, base: Snapshot) -> ApplyFile:
    """One object with the keys of the apply file, as REST has it. Raises Refused; the problems name keys of the object."""
    try:
        return _read({kind.value: [dict(values)]}, kind.value, Lines({}), rules, base)
    except Refused as refused:
        prefix = key_text((kind.value, 0))
        problems = [
            Problem("", 0, problem.key.removeprefix(prefix).removeprefix(".") or IDENTITY[kind], problem.text)
            for problem in refused.problems
        ]
        raise Refused(problems) from None


def _read(
    values: Mapping[str, Any], file: str, lines: Lines, rules: Rules, base: Snapshot, *, prune: bool = False
) -> ApplyFile:
    declaration = Declaration(file, lines, rules, base, prune=prune)
    declaration.read(values)
    if declaration.problems:
        raise Refused(sorted(declaration.problems, key=lambda problem: problem.line))
    order = {kind: index for index, kind in enumerate(Kind)}
    return ApplyFile(tuple(sorted(declaration.declared, key=lambda entry: order[entry.kind])), declaration.generated)


def check_deletion(kind: Kind, identity: str, base: Snapshot, rules: Rules) -> Change:
    """The deletion of one object. Raises NotFound, or Conflict with who still names it."""
    if identity not in base.table(kind):
        raise NotFound(f"There is no {kind} {identity}")
    users = users_of(kind, identity, base)
    left = base.changed(without=((kind, identity),))
    users += [
        (Kind.FLOW, flow.name) for name, flow in left.flows.items()
        if (Kind.FLOW, name) not in users and rules.flow(flow.tree(), left) and not rules.flow(flow.tree(), base)
    ]  # fmt: skip
    if users:
        named = ", ".join(f"{other} {name}" for other, name in users[:5]) + (" …" if len(users) > 5 else "")
        raise Conflict(f"{kind} {identity} is still used by {named}")
    return Change(Action.DELETE, kind, identity)


def _deletions(base: Snapshot, declared: set[tuple[Kind, str]]) -> list[Change]:
    """What the file does not name, in the reverse order of creation."""
    gone = [
        Change(Action.DELETE, kind, getattr(item, IDENTITY[kind]))
        for kind, item in base.objects()
        if (kind, getattr(item, IDENTITY[kind])) not in declared and prunable(item)
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
