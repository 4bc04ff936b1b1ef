"""What is kept beside the rows of recordings (`store.recordings`): legal holds, and removals that are under way."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Float, MetaData, String, Table

from softswitch.store.schema import Schema

metadata = MetaData()

holds = Table(
    "recording_holds", metadata,
    Column("recording", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip
"""Recordings that neither age nor anybody's order removes."""

removals = Table(
    "recording_removals", metadata,
    Column("recording", String, primary_key=True),
    Column("file", String, nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip
"""Rows are gone and the audit trail says so; the file goes next. What stands here after a crash is finished at the start."""

objects = Table(
    "recording_objects", metadata,
    Column("recording", String, primary_key=True),
    Column("at", Float, nullable=False),
)  # fmt: skip
"""Recordings whose file lies in the store (`recordings.store`), under the name that the row gives."""


def _objects(connection: Connection) -> None:
    """Release 2: recordings may lie in an object store."""
    objects.create(connection)


SCHEMA = Schema("recordings", metadata, (_objects,))
