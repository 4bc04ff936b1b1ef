"""Single objects edited over REST: the same keys, checks and audit as the apply file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from softswitch.directory.apply import Rules, check_deletion, read_object
from softswitch.directory.describing import as_table, schema, secrets_of, tag_of
from softswitch.directory.model import IDENTITY, Kind, Object, Token, User
from softswitch.directory.service import Directory
from softswitch.model.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Described:
    """An object as REST shows it. `secrets`: which it has; `made`: secrets that were generated now, shown once."""

    kind: Kind
    identity: str
    values: Mapping[str, Any]
    secrets: Mapping[str, bool]
    tag: str
    made: Mapping[str, str] = field(default_factory=dict, repr=False)
    created: bool = False


class Changed(Conflict):
    """Somebody else changed the object since it was read."""

    code = "changed"


class Editor:
    """Stateless over the directory. `rules` gives what other parts of the product know about valid values."""

    def __init__(self, directory: Directory, rules: Callable[[], Rules]) -> None:
        self._directory = directory
        self._rules = rules

    def schema(self) -> dict[str, Any]:
        return schema(self._rules().strategies)

    def list(self, kind: Kind) -> list[Described]:
        """All objects of a kind, by identity."""
        return [_described(kind, item) for _, item in sorted(self._directory.current().table(kind).items())]

    def get(self, kind: Kind, identity: str) -> Described:
        """Raises NotFound."""
        found = self._directory.current().table(kind).get(identity)
        if found is None:
            raise NotFound(f"There is no {kind} {identity}")
        return _described(kind, found)

    async def put(self, kind: Kind, identity: str, values: Mapping[str, Any], actor: str, *, tag: str = "") -> Described:
        """Makes or replaces one object. A key that is left out has its default, a secret its stored value.

        `tag` is that of the object the editor saw; `""`: whatever is there. Raises Refused, Changed, Invalid, Conflict.
        """
        base = self._directory.current()
        old = base.table(kind).get(identity)
        _check_tag(kind, old, tag)
        key = IDENTITY[kind]
        if values.get(key, identity) != identity:
            raise Invalid(key, f"expected {identity}, the name in the address")
        file = read_object(kind, {**values, key: identity}, self._rules(), base)
        declared = tuple(replace(entry, item=_by_hand(entry.item, base.table(entry.kind).get(entry.identity)))
                         for entry in file.declared)  # fmt: skip
        plan = replace(file, declared=declared).plan(base)
        await self._directory.change(plan.changes, actor, based_on=plan.based_on)
        return replace(self.get(kind, identity), made=file.generated, created=old is None)

    async def delete(self, kind: Kind, identity: str, actor: str, *, tag: str = "") -> None:
        """Raises NotFound, Changed, Conflict with who still names it."""
        base = self._directory.current()
        _check_tag(kind, base.table(kind).get(identity), tag)
        change = check_deletion(kind, identity, base, self._rules())
        await self._directory.change([change], actor, based_on=base.version)


def _described(kind: Kind, item: Object) -> Described:
    return Described(kind, getattr(item, IDENTITY[kind]), as_table(kind, item), secrets_of(kind, item), tag_of(kind, item))


def _check_tag(kind: Kind, item: Object | None, tag: str) -> None:
    if tag and (item is None or (tag != "*" and tag != tag_of(kind, item))):
        raise Changed("The object was changed by somebody else in the meantime; load it again")


def _by_hand(item: Object, old: Object | None) -> Object:
    """Users and tokens that are made over REST are, like those of the command line, never pruned by an apply file."""
    if isinstance(item, User | Token):
        return replace(item, declared=old.declared if isinstance(old, User | Token) else False)
    return item
