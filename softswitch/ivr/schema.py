"""A node's fields from plain data (TOML, YAML, JSON) into the frozen dataclass of its verb. Pure.

Faults name the field as the author wrote it; a trailing underscore of the dataclass (`else_`) is not part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from softswitch.ivr.verbs.base import Fault, Verb

_HINTS: dict[type, Mapping[str, Any]] = {}


def _hints(schema: type) -> Mapping[str, Any]:
    if schema not in _HINTS:
        _HINTS[schema] = get_type_hints(schema, include_extras=True)
    return _HINTS[schema]


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
        elif _is_needed(field):
            faults.append(Fault(name, "is missing"))
    return (None, faults) if faults else (verb.schema(**values), [])


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _value(hint: Any, data: Any) -> Any:
    """Raises TypeError with a sentence."""
    kind = _bare(hint)
    origin = get_origin(kind)
    if origin is tuple:
        items = [data] if isinstance(data, str) else data
        if isinstance(items, list | tuple) and all(isinstance(item, str) for item in items):
            return tuple(items)
        raise TypeError(f"expected a list of texts, got {data!r}")
    if origin is not None and issubclass(origin, Mapping):
        of = _bare(get_args(kind)[1])
        if isinstance(data, Mapping) and all(_fits(of, item) for item in data.values()):
            return {str(key): value for key, value in data.items()}  # YAML and TOML authors write 1 for the key "1"
        raise TypeError(f"expected a table of {'texts' if of is str else 'whole numbers'}, got {data!r}")
    return _plain(kind, data)


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _fits(kind: type, data: Any) -> bool:
    return isinstance(data, kind) and (kind is bool or not isinstance(data, bool))


def _plain(kind: type, data: Any) -> Any:
    if kind is float and _fits(int, data):
        return float(data)
    if _fits(kind, data):
        return data
    raise TypeError(f"expected {_WORDS[kind]}, got {data!r}")


_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def marked(node: Any, mark: str) -> Iterator[tuple[str, str]]:
    """(field as written, value) of all texts whose type bears `mark`: "target", "prompts", "language", "expression"."""
    for name, hint in _hints(type(node)).items():
        value = getattr(node, name)
        field = name.rstrip("_")
        if isinstance(value, Mapping):
            if _carries(hint, mark) or any(_carries(part, mark) for part in get_args(hint)):
                yield from ((f"{field}.{key}", text) for key, text in value.items())
        elif _carries(hint, mark):
            for text in (value,) if isinstance(value, str) else value:
                yield field, text


def _carries(hint: Any, mark: str) -> bool:
    return get_origin(hint) is Annotated and mark in get_args(hint)[1:]


def described(verb: Verb[Any]) -> dict[str, Any]:
    """The fields of a verb for editors: `{name: {type, needed, default}}`; types are those of the README."""
    found: dict[str, Any] = {}
    for field in fields(verb.schema):
        hint = _hints(verb.schema)[field.name]
        entry: dict[str, Any] = {"type": _type_word(hint), "needed": _is_needed(field)}
        if field.default is not MISSING and field.default not in ("", ()):
            entry["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
        found[field.name.rstrip("_")] = entry
    return found


def _type_word(hint: Any) -> str:
    kind = _bare(hint)
    origin = get_origin(kind)
    marks = [text for text in get_args(hint)[1:] if isinstance(text, str)] if get_origin(hint) is Annotated else []
    if origin is tuple:
        return marks[0] if marks else "list"
    if origin is not None:
        inner = get_args(kind)[1]
        return f"table of {_type_word(inner) if not marks else marks[0]}"
    return marks[0] if marks else {str: "text", int: "integer", float: "number", bool: "boolean"}[kind]
