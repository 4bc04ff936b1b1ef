"""How values of the apply file are read and checked; `grammar.py` says which keys there are.

A reader raises ValueError with `expected …, got …`; `Misplaced` adds the index of the array element, for the line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from softswitch.config.problems import shown
from softswitch.model.address import Address
from softswitch.model.destination import DECLARABLE, Destination
from softswitch.model.states import Role

Reader = Callable[[Any], Any]
REQUIRED = object()
_NAME = re.compile(r"\w[\w.\-]{0,63}")
_NUMBER = re.compile(r"[A-Za-z0-9+#*_.\-]{1,64}")


class Misplaced(ValueError):
    def __init__(self, index: int, text: str) -> None:
        super().__init__(text)
        self.index = index


@dataclass(frozen=True, slots=True)
class Key:
    read: Reader
    default: Any = REQUIRED
    expected: str = "a value"
    """Said when a required key is missing."""


def text(value: Any) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(f"expected a string, got {shown(value)}")


def name(value: Any) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise ValueError(f"expected a name (letters, digits, _ . -), got {shown(value)}")


def number(value: Any) -> str:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return value
    raise ValueError(f"expected a number as a string (digits, letters, + # * - . _), got {shown(value)}")


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"expected true or false, got {shown(value)}")


def whole(least: int, most: int, unit: str = "seconds") -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"expected {unit} from {least} to {most}, got {shown(value)}")

    return read


def one_of(*words: str) -> Reader:
    def read(value: Any) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"expected one of {' '.join(words)}, got {shown(value)}")

    return read


def each(item: Reader, expected: str) -> Reader:
    """A list, every element by `item`."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"expected a list of {expected}, got {shown(value)}")
        found = []
        for index, element in enumerate(value):
            try:
                found.append(item(element))
            except ValueError as error:
                raise Misplaced(index, str(error)) from error
        return tuple(dict.fromkeys(found))

    return read


def address(value: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError(f'expected "host" or "host:port", got {shown(value)}')
    return Address.parse(value)


def destination(value: Any) -> Destination:
    found = Destination.parse(value if isinstance(value, str) else shown(value))
    if found.kind not in DECLARABLE:
        raise ValueError(f"expected a destination of {' '.join(DECLARABLE)}, got {shown(value)}")
    return found


def no_or_destination(value: Any) -> Destination | None:
    return None if value == "" else destination(value)


def station(value: Any) -> str:
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if value == "browser" or (kind in ("extension", "outside") and rest):
        return str(value)
    raise ValueError(f'expected "browser", "extension:NUMBER" or "outside:NUMBER", got {shown(value)}')


def decimal(least: float, most: float, unit: str = "") -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise ValueError(f"expected {unit or 'a number'} from {least:g} to {most:g}, got {shown(value)}")

    return read


def listed(item: Reader, expected: str) -> Reader:
    """Like `each`, but order and repetition count."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"expected a list of {expected}, got {shown(value)}")
        return tuple(_at(index, item, element) for index, element in enumerate(value))

    return read


def _at(index: int, item: Reader, element: Any) -> Any:
    try:
        return item(element)
    except ValueError as error:
        raise Misplaced(index, str(error)) from error


def table_of(key: Reader, item: Reader, expected: str) -> Reader:
    """A table whose keys are names, every value by `item`."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table of {expected}, got {shown(value)}")
        found = {}
        for name_, element in value.items():
            try:
                found[key(name_)] = item(element)
            except ValueError as error:
                raise ValueError(f"{name_}: {error}") from error
        return found

    return read


def record(of: type[Any], grammar: Mapping[str, Key]) -> Reader:
    """A nested table that becomes a frozen value."""

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table with {' '.join(grammar)}, got {shown(value)}")
        for given in value:
            if given not in grammar:
                raise ValueError(f"{given}: expected a key of {' '.join(grammar)}, got an unknown key")
        found = {}
        for name_, rule in grammar.items():
            if name_ in value:
                try:
                    found[name_] = rule.read(value[name_])
                except ValueError as error:
                    raise ValueError(f"{name_}: {error}") from error
            elif rule.default is REQUIRED:
                raise ValueError(f"{name_}: expected {rule.expected}, got nothing")
        return of(**found)

    return read


def clock_time(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return value
    raise ValueError(f'expected a time as "HH:MM", got {shown(value)}')


def span(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", value):
        return value
    raise ValueError(f'expected times as "HH:MM-HH:MM", got {shown(value)}')


def zone(value: Any) -> str:
    try:
        return ZoneInfo(value).key if isinstance(value, str) else _refuse_zone(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _refuse_zone(value)


def _refuse_zone(value: Any) -> str:
    raise ValueError(f'expected a time zone such as "Asia/Shanghai", got {shown(value)}')


def http_url(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"https?://[^\s/]+\S*", value):
        return value
    raise ValueError(f"expected an http or https address, got {shown(value)}")


def no_or(item: Reader) -> Reader:
    return lambda value: "" if value == "" else item(value)


def nodes(value: Any) -> dict[str, dict[str, Any]]:
    if isinstance(value, dict) and value and all(isinstance(node, dict) for node in value.values()):
        return value
    raise ValueError(f"expected named nodes, each a table, got {shown(value)}")


def role(*allowed: Role) -> Reader:
    read = one_of(*allowed)
    return lambda value: Role(read(value))
