"""The directory's tables as SQLModel classes, and the way between rows and the values of `model.py`."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from softswitch.directory import model
from softswitch.directory.model import Kind, Object
from softswitch.directory.secrets import Cipher
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.states import Role
from softswitch.store.schema import Schema


class DirectoryTable(SQLModel, registry=registry()):
    """Base of the tables; keeps them in a metadata of their own."""


class TrunkRow(DirectoryTable, table=True):
    name: str = Field(primary_key=True)
    profile: str
    addresses: list[str] = Field(sa_type=JSON)
    username: str
    password: str  # sealed; "" when there is none
    registers: bool
    overrides: dict[str, Any] = Field(sa_type=JSON)


class ExtensionRow(DirectoryTable, table=True):
    number: str = Field(primary_key=True)
    name: str
    realm: str
    ha1: str  # sealed JSON: with it one can register, as with the password


class QueueRow(DirectoryTable, table=True):
    name: str = Field(primary_key=True)
    strategy: str
    music: str
    wrap_up: int
    ring_timeout: int
    announce: str
    announce_every: int
    record: bool
    max_wait: int
    overflow: str


class UserRow(DirectoryTable, table=True):
    login: str = Field(primary_key=True)
    name: str
    role: str
    disabled: bool = False
    declared: bool = True
    password: str = ""  # argon2; "" = signs in by links only


class AgentRow(DirectoryTable, table=True):
    login: str = Field(primary_key=True)
    name: str
    queues: list[str] = Field(sa_type=JSON)
    station: str
    language: str


class FlowRow(DirectoryTable, table=True):
    name: str = Field(primary_key=True)
    languages: list[str] = Field(sa_type=JSON)
    start: str
    nodes: dict[str, Any] = Field(sa_type=JSON)
    version: int


class NumberRow(DirectoryTable, table=True):
    number: str = Field(primary_key=True)
    to: str


class RouteRow(DirectoryTable, table=True):
    pattern: str = Field(primary_key=True)
    trunks: list[str] = Field(sa_type=JSON)


class TokenRow(DirectoryTable, table=True):
    name: str = Field(primary_key=True)
    role: str
    digest: str = Field(index=True)
    declared: bool = True


class LinkRow(DirectoryTable, table=True):
    """A one-time sign-in link; the row goes when it is used."""

    digest: str = Field(primary_key=True)
    login: str = Field(index=True)
    expires_at: float


class SessionRow(DirectoryTable, table=True):
    digest: str = Field(primary_key=True)
    login: str = Field(index=True)
    created_at: float
    expires_at: float


SCHEMA = Schema("directory", DirectoryTable.metadata)

ROWS: dict[Kind, type[DirectoryTable]] = {
    Kind.TRUNK: TrunkRow, Kind.EXTENSION: ExtensionRow, Kind.QUEUE: QueueRow, Kind.USER: UserRow, Kind.AGENT: AgentRow,
    Kind.FLOW: FlowRow, Kind.NUMBER: NumberRow, Kind.ROUTE: RouteRow, Kind.TOKEN: TokenRow,
}  # fmt: skip


def values_of(item: Object, cipher: Cipher) -> dict[str, Any]:
    """The columns of an object. A user's password is not among them: it has a door of its own (`users.py`)."""
    match item:
        case model.Trunk():
            password = cipher.seal(item.password, f"trunk:{item.name}") if item.password else ""
            return {
                "name": item.name, "profile": item.profile, "addresses": [str(a) for a in item.addresses],
                "username": item.username, "password": password, "registers": item.register,
                "overrides": {section: dict(keys) for section, keys in item.overrides.items()},
            }  # fmt: skip
        case model.Extension():
            sealed = cipher.seal(json.dumps(dict(item.ha1)), f"extension:{item.number}")
            return {"number": item.number, "name": item.name, "realm": item.realm, "ha1": sealed}
        case model.Queue():
            return {**_plain(item), "overflow": str(item.overflow or "")}
        case model.Number():
            return {"number": item.number, "to": str(item.to)}
        case model.User() | model.Token():
            return {**_plain(item), "role": item.role.value}
        case model.Agent():
            return {**_plain(item), "queues": list(item.queues)}
        case model.Flow():
            return {**_plain(item), "languages": list(item.languages), "nodes": {n: dict(v) for n, v in item.nodes.items()}}
        case model.Route():
            return {"pattern": item.pattern, "trunks": list(item.trunks)}


def object_of(kind: Kind, row: Any, cipher: Cipher) -> Object:
    """The object of a row (anything with the columns as attributes). Raises ValueError when a secret cannot be opened."""
    match kind:
        case Kind.TRUNK:
            password = cipher.open(row.password, f"trunk:{row.name}") if row.password else ""
            addresses = tuple(Address.parse(text) for text in row.addresses)
            return model.Trunk(name=row.name, profile=row.profile, addresses=addresses, username=row.username,
                               password=password, register=row.registers, overrides=row.overrides)  # fmt: skip
        case Kind.EXTENSION:
            opened = json.loads(cipher.open(row.ha1, f"extension:{row.number}"))
            return model.Extension(number=row.number, name=row.name, realm=row.realm, ha1=opened)
        case Kind.QUEUE:
            overflow = Destination.parse(row.overflow) if row.overflow else None
            return model.Queue(**{**_columns(kind, row), "overflow": overflow})
        case Kind.USER:
            return model.User(login=row.login, name=row.name, role=Role(row.role), disabled=row.disabled, declared=row.declared)
        case Kind.AGENT:
            return model.Agent(**{**_columns(kind, row), "queues": tuple(row.queues)})
        case Kind.FLOW:
            return model.Flow(**{**_columns(kind, row), "languages": tuple(row.languages)})
        case Kind.NUMBER:
            return model.Number(number=row.number, to=Destination.parse(row.to))
        case Kind.ROUTE:
            return model.Route(pattern=row.pattern, trunks=tuple(row.trunks))
        case Kind.TOKEN:
            return model.Token(name=row.name, role=Role(row.role), digest=row.digest, declared=row.declared)


def _plain(item: Object) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def _columns(kind: Kind, row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.TYPES[kind].__dataclass_fields__}
