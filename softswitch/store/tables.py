"""The tables that are written by the thousand, as SQLAlchemy Core. Types are portable between SQLite and PostgreSQL.

Times are UTC epoch seconds (float), durations ms, as in the events.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER

facts = Table(
    "facts", metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)  # fmt: skip
"""Single values of the node and the store: `schema.NAME`, `directory.version`, `alive_at`."""

journal = Table(
    "journal", metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("call", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("data", Text, nullable=False),  # the other fields as compact JSON
    Index("journal_of_call", "call", "seq"),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),  # 1, 2, 3 … without gaps
    Column("call", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("data", Text, nullable=False),
    Column("hash", String, nullable=False),  # of this row and the hash before: `trail.py`
    Column("actor", String, nullable=False),
    Column("object", String, nullable=False),
    Index("audit_newest", "at"),
    Index("audit_of_actor", "actor", "id"),
    Index("audit_of_object", "object", "id"),
)  # fmt: skip
"""Who did what: the events of `rows.AUDITED` once more, as a chain. Only `trail.extend` writes here."""

outbox = Table(
    "outbox", metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("call", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("data", Text, nullable=False),
)  # fmt: skip
"""Events that may be shown only when committed; a row is removed once the bus has had its event."""

live_calls = Table(
    "live_calls", metadata,
    Column("call", String, primary_key=True),
    Column("created_at", Float, nullable=False),
)  # fmt: skip
"""Calls whose end is not committed. What stands here when the switch starts was interrupted."""

cdr = Table(
    "cdr", metadata,
    Column("id", String, primary_key=True),
    Column("direction", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("caller_name", String, nullable=False),
    Column("called", String, nullable=False),
    Column("trunk", String, nullable=False),
    Column("source", String, nullable=False),
    Column("queue", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("result", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("q850", Integer, nullable=False),
    Column("sip_status", Integer, nullable=False),
    Column("who", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("answered_at", Float),
    Column("connected_at", Float),
    Column("ended_at", Float, nullable=False),
    Column("wait_ms", BigInteger, nullable=False),
    Column("ring_ms", BigInteger, nullable=False),
    Column("talk_ms", BigInteger, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("sip_call_id", String, nullable=False),
    Column("context", Text, nullable=False),  # JSON
    Index("cdr_newest", "created_at", "id"),
    Index("cdr_of_caller", "caller", "created_at"),
    Index("cdr_of_called", "called", "created_at"),
    Index("cdr_of_queue", "queue", "created_at"),
    Index("cdr_of_agent", "agent", "created_at"),
)  # fmt: skip

recordings = Table(
    "recordings", metadata,
    Column("id", String, primary_key=True),
    Column("call", String, nullable=False, index=True),
    Column("file", String, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("expires_at", Float, index=True),  # None: kept for ever
)  # fmt: skip
