"""Which tables a database has, and how an older one becomes a newer one.

A part of the product owns one `Schema`: its tables as they are now, and numbered steps for databases that are older. A new
database gets the tables at once; an old one gets the steps it has not had. A step is never changed once released.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, MetaData, inspect, text

from softswitch.store.fact_tables import FACTS
from softswitch.store.facts import fact, set_fact
from softswitch.store.tables import facts, metadata
from softswitch.store.trail import chain_up

Step = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    tables: MetaData
    steps: Sequence[Step] = field(default_factory=tuple)
    """`steps[i]` brings version i + 1 to version i + 2; the first release of a schema is version 1 and has no step."""

    @property
    def version(self) -> int:
        return len(self.steps) + 1


class TooNew(Exception):
    """The database was written by a newer release; going on could destroy what this one does not know."""


_LONGER = {"cdr": ("wait_ms", "ring_ms", "talk_ms", "hold_ms", "duration_ms"), "recordings": ("duration_ms",)}
"""A call of 25 days is longer than 2³¹ ms."""


def _facts(connection: Connection) -> None:
    """Release 2: reports, and the audit as a chain. The rows of earlier calls come with `softswitch reports rebuild`."""
    metadata.create_all(connection, tables=FACTS)
    chain_up(connection)
    if connection.dialect.name == "postgresql":  # SQLite's integers are of any length
        for table, names in _LONGER.items():
            for name in names:
                connection.execute(text(f"alter table {table} alter column {name} type bigint"))


SCHEMA = Schema("store", metadata, (_facts,))


def migrate(connection: Connection, schemas: Sequence[Schema]) -> None:
    """Brings every schema to its newest version, in this transaction. Raises TooNew."""
    if not inspect(connection).has_table(facts.name):
        facts.create(connection)
    for schema in schemas:
        name = f"schema.{schema.name}"
        found = int(fact(connection, name) or 0)
        if found > schema.version:
            raise TooNew(f"the database has version {found} of {schema.name}, this release knows {schema.version}")
        if found == 0:
            schema.tables.create_all(connection)
        for step in schema.steps[found - 1 :] if found else ():
            step(connection)
        if found != schema.version:
            set_fact(connection, name, str(schema.version))
