"""What features keep in the database: the services of extensions, wake-up calls."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, delete, insert, select

from softswitch.features.personal import Personal
from softswitch.features.wake_up import WakeUp
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
    Column("wanted", String, nullable=False),  # HHMM
    Column("days", String, nullable=False),  # "0123456" of weekdays, "" for once
    Column("tries", Integer, nullable=False),
)  # fmt: skip
SCHEMA = Schema("features", metadata)


def read_services(connection: Connection) -> dict[str, Personal]:
    return {row.extension: Personal(**json.loads(row.services)) for row in connection.execute(select(extension_services))}


def write_services(connection: Connection, extension: str, services: Personal) -> None:
    connection.execute(delete(extension_services).where(extension_services.c.extension == extension))
    if services != Personal():
        values = {"extension": extension, "services": json.dumps(asdict(services))}
        connection.execute(insert(extension_services).values(values))


def read_wake_ups(connection: Connection) -> dict[str, WakeUp]:
    return {row.extension: WakeUp(row.at, row.wanted, row.days, row.tries) for row in connection.execute(select(wake_ups))}


def write_wake_up(connection: Connection, extension: str, wake_up: WakeUp | None) -> None:
    connection.execute(delete(wake_ups).where(wake_ups.c.extension == extension))
    if wake_up is not None:
        connection.execute(insert(wake_ups).values({"extension": extension, **asdict(wake_up)}))
