"""Reading and writing the directory: functions of a connection, for `Store.read` and `Store.write`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from softswitch.directory.codec import pack, unpack
from softswitch.directory.describing import as_table
from softswitch.directory.model import Kind, Object, Token
from softswitch.directory.secrets import Cipher
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.tables import CredentialRow, LinkRow, ObjectRow, SessionRow
from softswitch.model.errors import Conflict
from softswitch.model.events import AdminChanged
from softswitch.store.commit import append_audited
from softswitch.store.facts import fact, set_fact

VERSION = "directory.version"


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    action: Action
    kind: Kind
    identity: str
    item: Object | None = None
    """The new value; None for a deletion."""
    fields: tuple[str, ...] = ()
    """What an update changes, by the words of the apply file."""
    old: Object | None = None
    """What an update replaces, for the audit."""

    def audited(self, actor: str, at: float) -> AdminChanged:
        detail = {"fields": " ".join(self.fields)} if self.fields else {}
        if self.old is not None and self.item is not None:
            before, after = as_table(self.kind, self.old), as_table(self.kind, self.item)
            for name in self.fields:
                if name in before and before[name] != after[name]:  # secrets are in neither
                    detail |= {f"before.{name}": _short(before[name]), f"after.{name}": _short(after[name])}
        return AdminChanged(at=at, actor=actor, object=f"{self.kind}:{self.identity}", action=self.action.value, detail=detail)


MOST_AUDITED = 400


def _short(value: Any) -> str:
    """A value in the audit: whole when it is short, as the trees of flows are not."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_AUDITED else f"{text[:MOST_AUDITED]}…"


def table_of(row: type[Any]) -> Table:
    found: Table = row.__table__
    return found


_objects, _credentials, _links, _sessions = (table_of(row) for row in (ObjectRow, CredentialRow, LinkRow, SessionRow))


def read_version(connection: Connection) -> int:
    return int(fact(connection, VERSION) or 0)


def read_snapshot(connection: Connection, cipher: Cipher) -> Snapshot:
    rows = connection.execute(select(_objects.c.kind, _objects.c.data).order_by(_objects.c.kind, _objects.c.identity))
    objects = [(Kind(row.kind), unpack(Kind(row.kind), row.data, cipher)) for row in rows]
    return Snapshot.of(objects, read_version(connection))


def write_changes(
    connection: Connection, changes: Sequence[Change], events: Sequence[AdminChanged], cipher: Cipher, based_on: int
) -> int:
    """Makes the changes and their audit rows; returns the new version. Raises Conflict when `based_on` is not the newest."""
    version = read_version(connection)
    if version != based_on:
        raise Conflict("The configuration was changed by somebody else in the meantime; try again")
    _write_all(connection, changes, cipher)
    append_audited(connection, events)
    set_fact(connection, VERSION, str(version + 1))
    return version + 1


_REMOVE = delete(_objects).where(_objects.c.kind == bindparam("of"), _objects.c.identity == bindparam("named"))
_REPLACE = update(_objects).where(_objects.c.kind == bindparam("of"), _objects.c.identity == bindparam("named"))


def _write_all(connection: Connection, changes: Sequence[Change], cipher: Cipher) -> None:
    """One statement with many rows for each run of changes of the same action, in the order of the plan."""
    for action, run in groupby(changes, key=lambda change: change.action):
        part = list(run)
        if action is Action.DELETE:
            connection.execute(_REMOVE, [{"of": change.kind.value, "named": change.identity} for change in part])
            for change in part:
                if change.kind is Kind.USER:
                    forget_user(connection, change.identity)
        elif action is Action.CREATE:
            rows = [{"kind": change.kind.value, "identity": change.identity, **_values(change, cipher)} for change in part]
            connection.execute(insert(_objects), rows)
        else:
            rows = [{"of": change.kind.value, "named": change.identity, **_values(change, cipher)} for change in part]
            connection.execute(_REPLACE, rows)


def _values(change: Change, cipher: Cipher) -> dict[str, Any]:
    assert change.item is not None
    digest = change.item.digest if isinstance(change.item, Token) else ""
    return {"data": pack(change.kind, change.item, cipher), "digest": digest}


def forget_user(connection: Connection, login: str) -> None:
    """All that a user could sign in with."""
    forget_sign_ins(connection, login)
    connection.execute(delete(_credentials).where(_credentials.c.login == login))


def forget_sign_ins(connection: Connection, login: str) -> None:
    """Ends the sessions of a user and makes its links worthless."""
    for table in (_links, _sessions):
        connection.execute(delete(table).where(table.c.login == login))
