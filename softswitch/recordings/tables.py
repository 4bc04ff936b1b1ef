"""What is kept beside the rows of recordings (`store.recordings`): legal holds, and removals that are under way."""

from __future__ import annotations

from sqlalchemy import Column, Float, MetaData, String, Table

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

SCHEMA = Schema("recordings", metadata)
