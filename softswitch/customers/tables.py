"""Tables of customers and what is written about contacts; everything searched for has an index."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from softswitch.store.schema import Schema

metadata = MetaData()

customers = Table(
    "customers", metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("grade", String, nullable=False),
    Column("vip", Boolean, nullable=False),
    Column("importance", Integer, nullable=False),
    Column("dedicated_agent", String, nullable=False),
    Column("language", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("version", Integer, nullable=False),
    Index("customers_newest", "updated", "id"),
)  # fmt: skip

customer_numbers = Table(
    "customer_numbers", metadata,
    Column("customer", String, primary_key=True),
    Column("number", String, primary_key=True),  # canonical
    Column("written", String, nullable=False),
    Column("place", Integer, nullable=False),
    Index("customers_by_number", "number"),
)  # fmt: skip
"""Several customers may share a number: a family, an office."""

customer_fields = Table(
    "customer_fields", metadata,
    Column("key", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("title_en", String, nullable=False),
    Column("type", String, nullable=False),
    Column("choices", Text, nullable=False),  # JSON
    Column("required", Boolean, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("place", Integer, nullable=False),
)  # fmt: skip

call_customers = Table(
    "call_customers", metadata,
    Column("call", String, primary_key=True),
    Column("customer", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("calls_of_customer", "customer", "at"),
)  # fmt: skip

call_notes = Table(
    "call_notes", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("call", String, nullable=False, index=True),
    Column("author", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip

call_dispositions = Table(
    "call_dispositions", metadata,
    Column("call", String, primary_key=True),
    Column("agent", String, primary_key=True),
    Column("codes", Text, nullable=False),  # JSON
    Column("note", Text, nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip

SCHEMA = Schema("customers", metadata)
