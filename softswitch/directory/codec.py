"""Objects of the directory as JSON and back. Secrets lie sealed: with them one can register or sign as somebody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_jsonable_python

from softswitch.directory.model import IDENTITY, TYPES, Kind, Object
from softswitch.directory.secrets import Cipher


@cache
def _adapter(kind: Kind) -> TypeAdapter[Any]:
    return TypeAdapter(TYPES[kind])


@cache
def _secrets(kind: Kind) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(TYPES[kind]) if entry.metadata.get("secret"))


def pack(kind: Kind, item: Object, cipher: Cipher) -> dict[str, Any]:
    """The object as JSON data with sealed secrets."""
    data: dict[str, Any] = to_jsonable_python(item, fallback=dict)
    for name in _secrets(kind):
        if data[name]:
            text = data[name] if isinstance(data[name], str) else json.dumps(data[name])
            data[name] = cipher.seal(text, _purpose(kind, data, name))
    return data


def unpack(kind: Kind, data: dict[str, Any], cipher: Cipher) -> Object:
    """The object of what `pack` made; fields that came later get their defaults. Raises ValueError for a wrong key."""
    opened: dict[str, Any] = {}
    for name in _secrets(kind):
        if data.get(name):
            text = cipher.open(data[name], _purpose(kind, data, name))
            opened[name] = from_json(text) if name in _TABLES else text
    found: Object = _adapter(kind).validate_python(data | opened)
    return found


_TABLES = ("ha1", "headers")
"""Secrets that are tables, not texts."""


def _purpose(kind: Kind, data: Mapping[str, Any], name: str) -> str:
    identity = f"{kind}:{data[IDENTITY[kind]]}"
    return identity if kind in (Kind.TRUNK, Kind.EXTENSION) else f"{identity}.{name}"  # those two have one secret
