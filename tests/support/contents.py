"""Everything that lies in a database, as a thief would read it."""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, select

from softswitch.store.database import Store


async def contents(store: Store) -> str:
    """All values of all rows of all tables."""

    def read(connection: Connection) -> str:
        metadata = MetaData()
        metadata.reflect(connection)
        return "\n".join(repr(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table)))

    return await store.read(read)
