"""Reading and writing the directory: functions of a connection, for `Store.read` and `Store.write`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from softswitch.directory.model import IDENTITY, Kind, Object
from softswitch.directory.secrets import Cipher
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.tables import ROWS, LinkRow, SessionRow, object_of, values_of
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


def read_version(connection: Connection) -> int:
    return int(fact(connection, VERSION) or 0)


def read_snapshot(connection: Connection, cipher: Cipher) -> Snapshot:
    objects = [
        (kind, object_of(kind, row, cipher))
        for kind, table in ROWS.items()
        for row in connection.execute(select(table_of(table)).order_by(table_of(table).c[IDENTITY[kind]]))
    ]
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
    table = table_of(ROWS[change.kind])
    key = table.c[IDENTITY[change.kind]]
    if change.item is None:
        connection.execute(delete(table).where(key == change.identity))
        if change.kind is Kind.USER:
            forget_sign_ins(connection, change.identity)
        return
    values = values_of(change.item, cipher)
    if change.action is Action.CREATE:
        connection.execute(insert(table), [values])  # as a list: columns that are left out get the table's defaults
    else:
        connection.execute(update(table).where(key == change.identity).values(values))


def forget_sign_ins(connection: Connection, login: str) -> None:
    """Ends the sessions of a user and makes its links worthless."""
    for row in (LinkRow, SessionRow):
        table = table_of(row)
        connection.execute(delete(table).where(table.c.login == login))
