"""The history of alarms, and who of the reserve was called."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

from softswitch.store.schema import Schema

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")

alarms = Table(
    "alarm_history", metadata,
    Column("id", String, primary_key=True),
    Column("code", String, nullable=False),
    Column("object", String, nullable=False),
    Column("level", String, nullable=False),  # the most severe it had
    Column("text", String, nullable=False),
    Column("raised_at", Float, nullable=False),
    Column("cleared_at", Float),  # None: active
    Column("acked_by", String, nullable=False),
    Column("acked_at", Float, nullable=False),
    Column("note", String, nullable=False),
    Column("escalated_to", String, nullable=False),
    Index("alarm_history_newest", "raised_at", "id"),
)  # fmt: skip

reserve = Table(
    "reserve_calls", metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("queue", String, nullable=False),
    Column("step", Integer, nullable=False),
    Column("why", String, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("called_at", Float, nullable=False),
    Column("released_at", Float),
    Column("effect", String, nullable=False),  # service level before and after
    Index("reserve_calls_newest", "called_at"),
)  # fmt: skip

SCHEMA = Schema("alerting", metadata)
