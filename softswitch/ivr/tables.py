"""Tables of flows: versions, figures of nodes, PINs, emergency announcements."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

from softswitch.store.schema import Schema

metadata = MetaData()

versions = Table(
    "flow_versions", metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("tree", Text, nullable=False),  # JSON
    Column("at", Float, nullable=False),
    Column("by", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("published", Float, nullable=False),  # when last; 0 = never
)  # fmt: skip

counters = Table(
    "flow_counters", metadata,
    Column("hour", Integer, primary_key=True),  # epoch hours
    Column("flow", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("result", String, primary_key=True),
    Column("visits", Integer, nullable=False),
    Column("ms", BigInteger, nullable=False),
    Index("flow_counters_of_flow", "flow", "hour"),
)  # fmt: skip
"""How often a node ended with a result in an hour, and how long that took together."""

pins = Table(
    "customer_pins", metadata,
    Column("customer", String, primary_key=True),
    Column("hash", String, nullable=False),  # argon2
    Column("failures", Integer, nullable=False),
    Column("locked_until", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
)  # fmt: skip

announcements = Table(
    "flow_announcements", metadata,
    Column("slot", String, primary_key=True),
    Column("prompts", Text, nullable=False),  # JSON list
    Column("called", Text, nullable=False),  # JSON list
    Column("until", Float, nullable=False),
    Column("by", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("heard", Integer, nullable=False),
    Column("left", Integer, nullable=False),
)  # fmt: skip

SCHEMA = Schema("ivr", metadata)
