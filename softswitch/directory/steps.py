"""How the directory of an older release becomes one of this release. A step is never changed once released."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, MetaData, insert, text

from softswitch.model.address import Address

_FORMER: Mapping[str, tuple[str, str]] = {
    "trunk": ("trunkrow", "name"),
    "extension": ("extensionrow", "number"),
    "queue": ("queuerow", "name"),
    "user": ("userrow", "login"),
    "agent": ("agentrow", "login"),
    "flow": ("flowrow", "name"),
    "number": ("numberrow", "number"),
    "route": ("routerow", "pattern"),
    "token": ("tokenrow", "name"),
}
_JSON = ("addresses", "overrides", "queues", "languages", "nodes", "trunks")
_BOOLEANS = ("record", "disabled", "declared", "registers")
_DESTINATIONS = ("to", "overflow")


def objects_as_json(connection: Connection, metadata: MetaData) -> None:
    """1 → 2: one table per kind becomes one table of all objects; passwords get a table of their own."""
    for name in ("objects", "credentials"):
        metadata.tables[name].create(connection)
    for column, kind in (("used_at", "FLOAT"), ("address", "VARCHAR"), ("client", "VARCHAR"), ("how", "VARCHAR")):
        empty = "0" if kind == "FLOAT" else "''"
        connection.execute(text(f"ALTER TABLE sessionrow ADD COLUMN {column} {kind} NOT NULL DEFAULT {empty}"))
    connection.execute(text("UPDATE sessionrow SET used_at = created_at"))
    for kind, (table, identity) in _FORMER.items():
        for row in connection.execute(text(f"SELECT * FROM {table}")).mappings().all():  # noqa: S608 - names from above
            data = {key: _read(key, value) for key, value in row.items()}
            password = data.pop("password", "") if kind == "user" else ""
            if password:
                credential = {
                    "login": row["login"], "password": password, "changed_at": 0.0, "former": [], "failures": 0,
                    "locked_until": 0.0, "totp": "", "totp_pending": "", "totp_counter": 0, "recovery": [],
                }  # fmt: skip
                connection.execute(insert(metadata.tables["credentials"]).values(credential))
            if "registers" in data:
                data["register"] = data.pop("registers")
            values = {"kind": kind, "identity": row[identity], "data": data, "digest": data.get("digest", "")}
            connection.execute(insert(metadata.tables["objects"]).values(values))
        connection.execute(text(f"DROP TABLE {table}"))


def _read(key: str, value: Any) -> Any:
    if key in _JSON and isinstance(value, str):
        value = json.loads(value)
    if key == "addresses":
        return [{"host": parsed.host, "port": parsed.port} for parsed in map(Address.parse, value)]
    if key in _BOOLEANS:
        return bool(value)
    if key in _DESTINATIONS:
        kind, _, name = (value or "").partition(":")
        return {"kind": kind, "name": name} if kind else None
    return value
