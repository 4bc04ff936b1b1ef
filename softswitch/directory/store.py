"""Reading and writing the directory: functions of a connection, for `Store.read` and `Store.write`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from softswitch.directory.codec import pack, unpack
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

    def audited(self, actor: str, at: float) -> AdminChanged:
        detail = {"fields": " ".join(self.fields)} if self.fields else {}
        return AdminChanged(at=at, actor=actor, object=f"{self.kind}:{self.identity}", action=self.action.value, detail=detail)


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
    for change in changes:
        _write(connection, change, cipher)
    append_audited(connection, events)
    set_fact(connection, VERSION, str(version + 1))
    return version + 1


def _write(connection: Connection, change: Change, cipher: Cipher) -> None:
    here = (_objects.c.kind == change.kind.value) & (_objects.c.identity == change.identity)
    if change.item is None:
        connection.execute(delete(_objects).where(here))
        if change.kind is Kind.USER:
            forget_sign_ins(connection, change.identity)
            connection.execute(delete(_credentials).where(_credentials.c.login == change.identity))
        return
    digest = change.item.digest if isinstance(change.item, Token) else ""
    values = {"data": pack(change.kind, change.item, cipher), "digest": digest}
    if change.action is Action.CREATE:
        connection.execute(insert(_objects).values(kind=change.kind.value, identity=change.identity, **values))
    else:
        connection.execute(update(_objects).where(here).values(values))


def forget_sign_ins(connection: Connection, login: str) -> None:
    """Ends the sessions of a user and makes its links worthless."""
    for table in (_links, _sessions):
        connection.execute(delete(table).where(table.c.login == login))
