"""Single named values in the database: schema versions, the directory's version, when the node was last alive."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from softswitch.store.tables import facts


def fact(connection: Connection, name: str) -> str | None:
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()


def set_fact(connection: Connection, name: str, value: str) -> None:
    connection.execute(delete(facts).where(facts.c.name == name))
    connection.execute(insert(facts).values(name=name, value=value))
