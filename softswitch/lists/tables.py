"""The table of entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Boolean, Column, Connection, Float, Integer, MetaData, String, Table, delete, insert, select, update

from softswitch.lists.model import Entry
from softswitch.store.schema import Schema

metadata = MetaData()
list_entries = Table(
    "list_entries", metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("pattern", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("action", String, nullable=False),
    Column("announcement", String, nullable=False),
    Column("importance", Integer, nullable=False),
    Column("queue", String, nullable=False),
    Column("expires", Float, nullable=False),
    Column("reason", String, nullable=False),
    Column("proposer", String, nullable=False),
    Column("approver", String, nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("created", Float, nullable=False),
)  # fmt: skip
SCHEMA = Schema("lists", metadata)


def read_entries(connection: Connection) -> list[Entry]:
    rows = connection.execute(select(list_entries).order_by(list_entries.c.created)).mappings()
    return [Entry(**row) for row in rows]


def write_entry(connection: Connection, entry: Entry) -> None:
    """New or changed; the hits that the table has stay."""
    values = asdict(entry)
    changed = {key: value for key, value in values.items() if key not in ("id", "hits")}
    if not connection.execute(update(list_entries).where(list_entries.c.id == entry.id).values(changed)).rowcount:
        connection.execute(insert(list_entries).values(values))


def remove_entry(connection: Connection, entry: str) -> None:
    connection.execute(delete(list_entries).where(list_entries.c.id == entry))


def add_hits(connection: Connection, hits: Mapping[str, int]) -> None:
    for entry, count in hits.items():
        table = list_entries
        connection.execute(update(table).where(table.c.id == entry).values(hits=table.c.hits + count))
