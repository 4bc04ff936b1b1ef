"""What features keep in the database: the services of extensions, wake-up calls, wishes to be called back, reported calls."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, delete, insert, select

from softswitch.features.call_back import Wish
from softswitch.features.malicious import Evidence
from softswitch.features.personal import Personal, rules_of
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
malicious_calls = Table(
    "malicious_calls", metadata,
    Column("call", String, primary_key=True),
    Column("extension", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON, never changed
)  # fmt: skip
call_backs = Table(
    "call_backs", metadata,
    Column("extension", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("until", Float, nullable=False),  # epoch seconds
)  # fmt: skip


def _call_backs(connection: Connection) -> None:
    """Release 2: wishes to be called back."""
    call_backs.create(connection, checkfirst=True)


SCHEMA = Schema("features", metadata, (_call_backs,))


def read_services(connection: Connection) -> dict[str, Personal]:
    return {row.extension: _services(json.loads(row.services)) for row in connection.execute(select(extension_services))}


def _services(kept: dict[str, Any]) -> Personal:
    return Personal(**{**kept, "forward_rules": rules_of(kept.get("forward_rules", ()))})


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


def read_call_backs(connection: Connection) -> list[Wish]:
    return [Wish(row.extension, row.target, row.until) for row in connection.execute(select(call_backs))]


def write_call_back(connection: Connection, wish: Wish, *, kept: bool) -> None:
    """Keeps a wish to be called back, or drops it."""
    table = call_backs.c
    connection.execute(delete(call_backs).where(table.extension == wish.extension, table.target == wish.target))
    if kept:
        connection.execute(insert(call_backs).values(asdict(wish)))


def read_malicious(connection: Connection) -> list[Evidence]:
    """Every reported call, the newest first."""
    rows = connection.execute(select(malicious_calls).order_by(malicious_calls.c.at.desc()))
    return [Evidence(**{**(found := json.loads(row.evidence)), "recordings": tuple(found["recordings"])}) for row in rows]


def write_malicious(connection: Connection, evidence: Evidence) -> None:
    """The first report of a call by an extension stays as it is."""
    table = malicious_calls.c
    known = select(table.call).where(table.call == evidence.call, table.extension == evidence.extension)
    if connection.execute(known).first() is None:
        values = {"call": evidence.call, "extension": evidence.extension, "at": evidence.at}
        connection.execute(insert(malicious_calls).values({**values, "evidence": json.dumps(asdict(evidence))}))
