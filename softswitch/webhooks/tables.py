"""The outbox of webhooks: what is to be sent, and what became of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from softswitch.store.schema import Schema

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER

deliveries = Table(
    "webhook_deliveries", metadata,
    Column("number", _Id, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("hook", String, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("source", BigInteger, nullable=False),  # the event's row in the journal
    Column("type", String, nullable=False),
    Column("call", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("status", Integer, nullable=False),  # of the last answer, 0 = none
    Column("error", String, nullable=False),
    UniqueConstraint("hook", "source"),
    Index("webhook_deliveries_due", "hook", "state", "lane", "number"),
)  # fmt: skip

SCHEMA = Schema("webhooks", metadata)
