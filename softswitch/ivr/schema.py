"""A node's fields from plain data (TOML, YAML, JSON) into the frozen dataclass of its verb. Pure.

Faults name the field as the author wrote it; a trailing underscore of the dataclass (`else_`) is not part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from softswitch.ivr.verbs.base import Fault, Verb


def _hints(schema: type) -> Mapping[str, Any]:
    return get_type_hints(schema, include_extras=True)


def read(verb: Verb[Any], data: Mapping[str, Any]) -> tuple[Any, list[Fault]]:
    """The node, or None and what is wrong with it."""
    hints = _hints(verb.schema)
    by_name: dict[str, Field[Any]] = {field.name.rstrip("_"): field for field in fields(verb.schema)}
    faults = [Fault(name, f"unknown field (expected {' '.join(sorted(by_name))})") for name in data if name not in by_name]
    values: dict[str, Any] = {}
    for name, field in by_name.items():
        if name in data:
            try:
                values[field.name] = _value(hints[field.name], data[name])
            except TypeError as error:
                faults.append(Fault(name, str(error)))
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.append(Fault(name, "is missing"))
    return (None, faults) if faults else (verb.schema(**values), [])


def _value(hint: Any, data: Any) -> Any:
    """Raises TypeError with a sentence."""
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    origin = get_origin(kind)
    if origin is tuple:
        items = [data] if isinstance(data, str) else data
        if isinstance(items, list | tuple) and all(isinstance(item, str) for item in items):
            return tuple(items)
        raise TypeError(f"expected a list of texts, got {data!r}")
    if origin is not None and issubclass(origin, Mapping):
        if isinstance(data, Mapping) and all(isinstance(item, str) for item in data.values()):
            return {str(key): value for key, value in data.items()}  # YAML and TOML authors write 1 for the key "1"
        raise TypeError(f"expected a table of texts, got {data!r}")
    return _plain(kind, data)


def _plain(kind: type, data: Any) -> Any:
    if kind is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, kind) and (kind is bool or not isinstance(data, bool)):
        return data
    raise TypeError(f"expected {_WORDS[kind]}, got {data!r}")


_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def marked(node: Any, mark: str) -> Iterator[tuple[str, str]]:
    """(field as written, value) of all texts whose type is annotated with `mark`: "target", "prompts", "language"."""
    for name, hint in _hints(type(node)).items():
        value = getattr(node, name)
        field = name.rstrip("_")
        if _carries(hint, mark):
            for text in (value,) if isinstance(value, str) else value:
                yield field, text
        elif isinstance(value, Mapping) and any(_carries(part, mark) for part in get_args(hint)):
            for key, text in value.items():
                yield f"{field}.{key}", text


def _carries(hint: Any, mark: str) -> bool:
    return get_origin(hint) is Annotated and mark in get_args(hint)[1:]
