"""What features keep in the database: the services of extensions, wake-up calls, traced calls."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, delete, insert, select

from softswitch.features.personal import Personal
from softswitch.store.schema import Schema

metadata = MetaData()
extension_services = Table(
    "extension_services", metadata,
    Column("extension", String, primary_key=True),
    Column("services", Text, nullable=False),  # JSON of `Personal`
)  # fmt: skip
wake_ups = Table(
    "wake_ups", metadata,
    Column("extension", String, primary_key=True),
    Column("at", Float, nullable=False),  # epoch seconds of the next ringing
    Column("wanted", String, nullable=False),  # HH:MM
    Column("days", String, nullable=False),  # "0123456" of weekdays, "" for once
    Column("tries", Integer, nullable=False),
)  # fmt: skip
traces = Table(
    "malicious_calls", metadata,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("extension", String, nullable=False),
    Column("call", String, nullable=False),
    Column("facts", Text, nullable=False),  # JSON, never changed
)  # fmt: skip
SCHEMA = Schema("features", metadata)


def read_services(connection: Connection) -> dict[str, Personal]:
    return {row.extension: Personal(**json.loads(row.services)) for row in connection.execute(select(extension_services))}


def write_services(connection: Connection, extension: str, services: Personal) -> None:
    connection.execute(delete(extension_services).where(extension_services.c.extension == extension))
    if services != Personal():
        values = {"extension": extension, "services": json.dumps(asdict(services))}
        connection.execute(insert(extension_services).values(values))
