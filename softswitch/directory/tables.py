"""The directory's tables: declared objects as JSON, and what signing in needs. `codec.py` knows the objects' form."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from softswitch.directory.steps import objects_as_json
from softswitch.store.schema import Schema


class DirectoryTable(SQLModel, registry=registry()):
    """Base of the tables; keeps them in a metadata of their own."""


class ObjectRow(DirectoryTable, table=True):
    """One declared object. All are read at start and after each change; nothing searches in `data`."""

    __tablename__ = "objects"
    kind: str = Field(primary_key=True)
    identity: str = Field(primary_key=True)
    data: dict[str, Any] = Field(sa_type=JSON)
    digest: str = Field(default="", index=True)
    """Of an API token: what it is found by."""


class CredentialRow(DirectoryTable, table=True):
    """What a user signs in with. A user without a row signs in by links only."""

    __tablename__ = "credentials"
    login: str = Field(primary_key=True)
    password: str = ""  # argon2
    changed_at: float = 0.0
    former: list[str] = Field(default_factory=list, sa_type=JSON)  # argon2 of passwords that must not come back
    failures: int = 0
    locked_until: float = 0.0
    totp: str = ""  # sealed secret; "" = no second factor
    totp_pending: str = ""  # sealed secret that waits for its first code
    totp_counter: int = 0  # the last one that was used: a code works once
    recovery: list[str] = Field(default_factory=list, sa_type=JSON)  # SHA-256 of codes that replace one from the device, once


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
    used_at: float = 0.0
    address: str = ""
    client: str = ""  # what the browser calls itself
    how: str = ""  # link, password, ldap, oidc


SCHEMA = Schema(
    "directory", DirectoryTable.metadata, (lambda connection: objects_as_json(connection, DirectoryTable.metadata),)
)
