"""TOML to `CarrierProfile`: `extends`, overrides, and errors that name file, line, key and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from sip_profiles.schema import REFUSED, CarrierProfile, Example

CARRIERS = Path(__file__).parent / "carriers"
_MAX_DEPTH = 8

T = TypeVar("T")


class ProfileError(ValueError):
    """A profile cannot be used; the text is `FILE:LINE: key: expected …, got …`."""


@cache
def carrier(name: str) -> CarrierProfile:
    """The shipped profile called `name`. Raises ProfileError for an unknown name or a faulty file."""
    if name not in names():  # before a path is made of it: the name may come over HTTP
        raise ProfileError(f"expected one of the profiles {' '.join(names())}, got {name!r}")
    return load(CARRIERS / f"{name}.toml")


def names() -> tuple[str, ...]:
    """Every shipped carrier profile."""
    return tuple(sorted(path.stem for path in CARRIERS.glob("*.toml")))


def examples(name: str) -> tuple[Example, ...]:
    """The messages of a shipped profile's own file, which are its tests. Raises ProfileError."""
    if name not in names():
        raise ProfileError(f"expected one of the profiles {' '.join(names())}, got {name!r}")
    return examples_in(CARRIERS / f"{name}.toml")


def examples_in(path: Path) -> tuple[Example, ...]:
    """The `[[example]]` tables of a file. Raises ProfileError."""
    return examples_as(path, Example())


def examples_as(path: Path, empty: T) -> tuple[T, ...]:
    """The `[[example]]` tables of a file, each over `empty`. Raises ProfileError."""
    text = path.read_text("utf-8")
    where = _Lines(str(path), text)
    return tuple(_merged(empty, table, ("example",), where) for table in _read(path, text).get("example", ()))


def load(path: Path, *, depth: int = 0) -> CarrierProfile:
    """Reads one file and what it extends (a name of the same folder, else a shipped one)."""
    if not path.is_file():
        raise ProfileError(f"{path.name}: expected one of the profiles {' '.join(names())}, got {path.stem!r}")
    text = path.read_text("utf-8")
    data = _read(path, text)
    data.pop("example", None)
    parent = data.pop("extends", "")
    base = CarrierProfile()
    if parent:
        if depth >= _MAX_DEPTH:
            raise ProfileError(f"{path}: extends: expected a chain that ends, got more than {_MAX_DEPTH} profiles")
        beside = path.with_name(f"{parent}.toml")
        base = load(beside if beside.is_file() else CARRIERS / f"{parent}.toml", depth=depth + 1)
    return overridden(base, data, where=_Lines(str(path), text))


def _read(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ProfileError(f"{path}: {fault}") from fault


def merge_file(path: Path, base: T) -> T:
    """The values of one file over `base`, which is any value of the schema. Raises ProfileError."""
    text = path.read_text("utf-8")
    data = _read(path, text)
    data.pop("example", None)
    return _merged(base, data, (), _Lines(str(path), text))


def overridden(profile: CarrierProfile, changes: Mapping[str, Any], *, where: _Lines | None = None) -> CarrierProfile:
    """The profile with some keys changed: `{"limits": {"channels": 30}}`. Sections not named stay as they are."""
    return _merged(profile, changes, (), where or _Lines("", ""))


class _Lines:
    """Finds the line of a key in TOML text, which tomllib does not tell."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()

    def fault(self, key: tuple[str, ...], expected: str, got: object) -> ProfileError:
        place = f"{self._file}:{self._number(key)}: " if self._file else ""
        return ProfileError(f"{place}{'.'.join(key)}: expected {expected}, got {got!r}")

    def _number(self, key: tuple[str, ...]) -> int:
        section: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[+([^\]]+)\]", line)
            if header:
                section = tuple(part.strip() for part in header[1].split("."))
                if section == key:
                    return number
                continue
            entry = re.match(r"\s*([\w.-]+)\s*=", line)
            if entry is None:
                continue
            here = (*section, *entry[1].split("."))
            if here == key[: len(here)]:
                return number
        return 1


def _merged(value: T, changes: Mapping[str, Any], key: tuple[str, ...], where: _Lines) -> T:
    known = {part.name: part for part in fields(cast(Any, value))}
    hints = get_type_hints(type(value))
    updates: dict[str, Any] = {}
    for name, change in changes.items():
        here = (*key, name)
        if name not in known and (instead := REFUSED.get(".".join(here))) is not None:
            raise where.fault(here, instead, name)
        if name not in known:
            raise where.fault(here, f"one of {' '.join(known)}", name)
        current: Any = getattr(value, name)
        if is_dataclass(current):
            if not isinstance(change, Mapping):
                raise where.fault(here, "a table", change)
            updates[name] = _merged(current, change, here, where)
        else:
            updates[name] = _checked(change, hints[name], known[name], here, where)
    return cast(T, replace(cast(Any, value), **updates))


def _checked(change: object, kind: object, part: Field[Any], key: tuple[str, ...], where: _Lines) -> object:
    choices: tuple[str, ...] | None = part.metadata.get("choices")
    if choices is not None and kind != tuple[str, ...] and change not in choices:
        raise where.fault(key, f"one of {' '.join(choices)}", change)
    if kind == tuple[str, ...]:
        if isinstance(change, list | tuple) and all(isinstance(entry, str) for entry in change):
            unknown = [entry for entry in change if choices is not None and entry not in choices]
            if choices is not None and unknown:
                raise where.fault(key, f"some of {' '.join(choices)}", unknown[0])
            return tuple(change)
        raise where.fault(key, "a list of strings", change)
    if kind == tuple[int, ...]:
        if isinstance(change, list | tuple) and all(type(entry) is int for entry in change):
            return tuple(change)
        raise where.fault(key, "a list of whole numbers", change)
    if kind == Mapping[str, Any]:
        if isinstance(change, Mapping):
            return dict(change)
        raise where.fault(key, "a table", change)
    if kind is float and isinstance(change, int) and not isinstance(change, bool):
        return float(change)
    if (kind is int and isinstance(change, bool)) or not isinstance(change, cast(type, kind)):
        raise where.fault(key, _KIND.get(kind, str(kind)), change)
    if isinstance(change, int | float) and not isinstance(change, bool) and change < 0:
        raise where.fault(key, "0 or more", change)
    return change


_KIND: Mapping[object, str] = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
