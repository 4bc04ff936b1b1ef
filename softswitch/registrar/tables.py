"""What the registrar keeps in the database: the devices of phones that are provisioned."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, delete, insert, select

from softswitch.registrar.devices import Device
from softswitch.store.schema import Schema

metadata = MetaData()
phone_devices = Table(
    "phone_devices", metadata,
    Column("mac", String, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("agent", String, nullable=False),
    Column("address", String, nullable=False),
    Column("at", Float, nullable=False),  # epoch seconds of the newest fetch
    Column("pin", String, nullable=False),  # HMAC
    Column("pin_until", Float, nullable=False),
    Column("tries", Integer, nullable=False),
)  # fmt: skip
SCHEMA = Schema("registrar", metadata)


def read_devices(connection: Connection) -> dict[str, Device]:
    columns = [column for column in phone_devices.c if column.name != "mac"]
    rows = connection.execute(select(phone_devices)).all()
    return {row.mac: Device(**{column.name: row._mapping[column] for column in columns}) for row in rows}


def write_device(connection: Connection, mac: str, device: Device) -> None:
    connection.execute(delete(phone_devices).where(phone_devices.c.mac == mac))
    connection.execute(insert(phone_devices).values({"mac": mac, **asdict(device)}))
