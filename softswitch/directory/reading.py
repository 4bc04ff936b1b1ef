"""The grammar of the apply file: per table its keys, each with the function that reads and checks its value.

A reader raises ValueError with `expected …, got …`; `Misplaced` adds the index of the array element, for the line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from softswitch.config.problems import shown
from softswitch.directory.model import Kind
from softswitch.model.address import Address
from softswitch.model.destination import DECLARABLE, Destination
from softswitch.model.states import Role

Reader = Callable[[Any], Any]
REQUIRED = object()
_NAME = re.compile(r"\w[\w.\-]{0,63}")
_NUMBER = re.compile(r"[A-Za-z0-9+#*_.\-]{1,64}")
_SECTIONS = (
    "transport", "tls", "auth", "health", "limits", "gateway", "inbound", "outbound", "media", "session", "failover",
)  # fmt: skip


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


def overflow(value: Any) -> Destination | None:
    return None if value == "" else destination(value)


def station(value: Any) -> str:
    if value == "browser" or (isinstance(value, str) and value.startswith("extension:") and value != "extension:"):
        return str(value)
    raise ValueError(f'expected "browser" or "extension:NUMBER", got {shown(value)}')


def nodes(value: Any) -> dict[str, dict[str, Any]]:
    if isinstance(value, dict) and value and all(isinstance(node, dict) for node in value.values()):
        return value
    raise ValueError(f"expected named nodes, each a table, got {shown(value)}")


def role(*allowed: Role) -> Reader:
    read = one_of(*allowed)
    return lambda value: Role(read(value))


_SECRET = Key(text, None)
GRAMMAR: Mapping[Kind, Mapping[str, Key]] = {
    Kind.TRUNK: {
        "name": Key(name, expected="a name"),
        "profile": Key(name, "generic"),
        "addresses": Key(each(address, '"host" or "host:port"'), ()),
        "username": Key(text, ""),
        "password": _SECRET,
        "register": Key(boolean, False),
    },
    Kind.EXTENSION: {"number": Key(number, expected="a number"), "password": _SECRET, "name": Key(text, "")},
    Kind.AGENT: {
        "login": Key(name, expected="a login"),
        "name": Key(text, ""),
        "queues": Key(each(name, "queue names"), ()),
        "station": Key(station, "browser"),
        "language": Key(one_of("zh-CN", "en"), "zh-CN"),
    },
    Kind.QUEUE: {
        "name": Key(name, expected="a name"),
        "strategy": Key(name, "longest_idle"),
        "music": Key(name, "default"),
        "wrap_up": Key(whole(0, 3600), 30),
        "ring_timeout": Key(whole(1, 600), 20),
        "announce": Key(one_of("position", "none"), "position"),
        "announce_every": Key(whole(5, 3600), 30),
        "record": Key(boolean, True),
        "max_wait": Key(whole(0, 86400), 0),
        "overflow": Key(overflow, None),
    },
    Kind.FLOW: {
        "name": Key(name, expected="a name"),
        "languages": Key(each(one_of("zh-CN", "en"), "languages"), ("zh-CN", "en")),
        "start": Key(text, expected="the name of the first node"),
        "nodes": Key(nodes, expected="named nodes"),
    },
    Kind.NUMBER: {
        "number": Key(number, expected="a number or pattern"),
        "to": Key(destination, expected="a destination"),
    },
    Kind.ROUTE: {
        "pattern": Key(number, expected="a pattern"),
        "trunks": Key(each(name, "trunk names"), expected="a list of trunk names"),
    },
    Kind.USER: {
        "login": Key(name, expected="a login"),
        "name": Key(text, ""),
        "role": Key(role(Role.AGENT, Role.SUPERVISOR, Role.ADMINISTRATOR), expected="agent, supervisor or administrator"),
    },
    Kind.TOKEN: {
        "name": Key(name, expected="a name"),
        "role": Key(role(Role.API, Role.SUPERVISOR, Role.ADMINISTRATOR), Role.API),
        "secret": _SECRET,
    },
}
SECTIONS: Mapping[Kind, tuple[str, ...]] = {Kind.TRUNK: _SECTIONS}
"""Sub-tables that a table may have beside its keys."""
