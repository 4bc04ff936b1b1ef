"""Mails that wait: one row per recipient, so that one refused address does not hold up or double the others."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

from softswitch.store.schema import Schema

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")

mails = Table(
    "mails", metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("recipient", String, nullable=False),
    Column("message", LargeBinary, nullable=False),  # RFC 5322, complete
    Column("created_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", String, nullable=False),  # of the last attempt
    Index("mails_due", "due_at"),
)  # fmt: skip

SCHEMA = Schema("mail", metadata)
