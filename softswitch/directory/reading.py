"""How values of the apply file are read and checked; `grammar.py` says which keys there are.

A reader raises ValueError with `expected …, got …`; `Misplaced` adds the index of the array element, for the line number.
Readers also know their `Form`, from which pages make input fields and `references.py` what must exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from softswitch.config.problems import shown
from softswitch.model.address import Address
from softswitch.model.destination import DECLARABLE, Destination
from softswitch.model.states import Role

REQUIRED = object()
_NAME = re.compile(r"\w[\w.\-]{0,63}")
_NUMBER = re.compile(r"[A-Za-z0-9+#*_.\-]{1,64}")
_MAC = re.compile(r"[0-9a-f]{12}")
_BETWEEN = str.maketrans("", "", ":-. ")
_MAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


@dataclass(frozen=True, slots=True)
class Form:
    """What an input field for the value looks like. `type`: text name number boolean integer decimal choice list table record
    destination address station owner time span hours zone url mail tree."""

    type: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    of: Form | None = None
    """The elements of a list, the values of a table."""
    keys: Mapping[str, Key] | None = None
    """Of a record."""
    refers: str = ""
    """The kind of object that the value names."""
    names: str = ""
    """Of a table: the kind of object that its keys name."""


@dataclass(frozen=True, slots=True)
class Reader:
    read: Callable[[Any], Any]
    form: Form

    def __call__(self, value: Any) -> Any:
        return self.read(value)


def _reader(form: Form) -> Callable[[Callable[[Any], Any]], Reader]:
    return lambda read: Reader(read, form)


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
    secret: bool = False
    """May be written as `env:NAME` or `file:PATH`, is never shown, and keeps its stored value when it is left out."""


@_reader(Form("text"))
def text(value: Any) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(f"expected a string, got {shown(value)}")


@_reader(Form("name"))
def name(value: Any) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise ValueError(f"expected a name (letters, digits, _ . -), got {shown(value)}")


def reference(kind: str) -> Reader:
    """The name of an object of this kind; `references.py` checks that it exists."""
    return Reader(name.read, Form("name", refers=kind))


@_reader(Form("number"))
def number(value: Any) -> str:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return value
    raise ValueError(f"expected a number as a string (digits, letters, + # * - . _), got {shown(value)}")


@_reader(Form("mail"))
def mail_address(value: Any) -> str:
    if isinstance(value, str) and _MAIL.fullmatch(value):
        return value
    raise ValueError(f"expected a mail address, got {shown(value)}")


@_reader(Form("text"))
def mac(value: Any) -> str:
    """As twelve digits in lower case, whatever stands between them."""
    plain = value.translate(_BETWEEN).lower() if isinstance(value, str) else ""
    if _MAC.fullmatch(plain):
        return str(plain)
    raise ValueError(f"expected a MAC address (12 hexadecimal digits), got {shown(value)}")


@_reader(Form("boolean"))
def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"expected true or false, got {shown(value)}")


def whole(least: int, most: int, unit: str = "seconds") -> Reader:
    @_reader(Form("integer", unit, least, most))
    def read(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"expected {unit} from {least} to {most}, got {shown(value)}")

    return read


def decimal(least: float, most: float, unit: str = "") -> Reader:
    @_reader(Form("decimal", unit, least, most))
    def read(value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise ValueError(f"expected {unit or 'a number'} from {least:g} to {most:g}, got {shown(value)}")

    return read


def one_of(*words: str) -> Reader:
    known = frozenset(words)

    @_reader(Form("choice", choices=words))
    def read(value: Any) -> str:
        if isinstance(value, str) and value in known:
            return value
        raise ValueError(f"expected one of {' '.join(words)}, got {shown(value)}")

    return read


def each(item: Reader, expected: str) -> Reader:
    """A list without repetition, every element by `item`."""
    read_all = listed(item, expected)
    return Reader(lambda value: tuple(dict.fromkeys(read_all(value))), read_all.form)


def listed(item: Reader, expected: str) -> Reader:
    """Like `each`, but repetition counts."""

    @_reader(Form("list", of=item.form))
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

    @_reader(Form("table", of=item.form, choices=key.form.choices, names=key.form.refers))
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

    @_reader(Form("record", keys=grammar))
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table with {' '.join(grammar)}, got {shown(value)}")
        for given in value:
            if given not in grammar:
                raise ValueError(f"{given}: expected a key of {' '.join(grammar)}, got an unknown key")
        return of(**dict(_record_values(value, grammar)))

    return read


def _record_values(value: Mapping[str, Any], grammar: Mapping[str, Key]) -> Iterator[tuple[str, Any]]:
    for name_, rule in grammar.items():
        if name_ in value:
            try:
                yield name_, rule.read(value[name_])
            except ValueError as error:
                raise ValueError(f"{name_}: {error}") from error
        elif rule.default is REQUIRED:
            raise ValueError(f"{name_}: expected {rule.expected}, got nothing")


def no_or(item: Reader) -> Reader:
    """`""` for none, else by `item`."""
    return Reader(lambda value: "" if value == "" else item(value), item.form)


def role(*allowed: Role) -> Reader:
    read = one_of(*allowed)
    return Reader(lambda value: Role(read(value)), read.form)


@_reader(Form("address"))
def address(value: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError(f'expected "host" or "host:port", got {shown(value)}')
    return Address.parse(value)


@_reader(Form("destination"))
def destination(value: Any) -> Destination:
    found = Destination.parse(value if isinstance(value, str) else shown(value))
    if found.kind not in DECLARABLE:
        raise ValueError(f"expected a destination of {' '.join(DECLARABLE)}, got {shown(value)}")
    return found


no_or_destination = Reader(lambda value: None if value == "" else destination(value), destination.form)


@_reader(Form("station"))
def station(value: Any) -> str:
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if value == "browser" or (kind in ("extension", "outside") and rest):
        return str(value)
    raise ValueError(f'expected "browser", "extension:NUMBER" or "outside:NUMBER", got {shown(value)}')


@_reader(Form("owner"))
def owner(value: Any) -> str:
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if value == "" or (kind in ("agent", "queue", "team") and rest):
        return str(value)
    raise ValueError(f'expected "agent:LOGIN", "queue:NAME", "team:NAME" or "", got {shown(value)}')


@_reader(Form("time"))
def clock_time(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return value
    raise ValueError(f'expected a time as "HH:MM", got {shown(value)}')


@_reader(Form("span"))
def span(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", value):
        return value
    raise ValueError(f'expected times as "HH:MM-HH:MM", got {shown(value)}')


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = f"(?:{'|'.join(DAYS)})"
_HOURS = re.compile(rf"({_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*) (\d\d:\d\d)-(\d\d:\d\d)")


@_reader(Form("hours"))
def hours(value: Any) -> str:
    """`Mon-Fri 09:00-18:00`, `Sat,Sun 10:00-12:00`; the end minute is included and may not be before the begin."""
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'expected hours such as "Mon-Fri 09:00-18:00" or "Sat,Sun 10:00-16:00", got {shown(value)}')
    begin, end = found[2], found[3]
    if not ("00:00" <= begin < end <= "24:00") or any(part[3:] > "59" for part in (begin, end)):
        raise ValueError(f"expected an end after the begin, both from 00:00 to 24:00, got {shown(value)}")
    return str(value)


def days_of(text_: str) -> tuple[frozenset[int], str, str]:
    """Weekdays (Monday = 0), begin and end of a line that `hours` accepted."""
    found = _HOURS.fullmatch(text_)
    if found is None:
        raise ValueError(f"expected hours, got {text_!r}")
    days: set[int] = set()
    for part in found[1].split(","):
        first, _, last = part.partition("-")
        start, stop = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(start, stop + 1 if stop >= start else stop + 8)}
    return frozenset(days), found[2], found[3]


@_reader(Form("zone"))
def zone(value: Any) -> str:
    try:
        return ZoneInfo(value).key if isinstance(value, str) else _refuse_zone(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _refuse_zone(value)


def _refuse_zone(value: Any) -> str:
    raise ValueError(f'expected a time zone such as "Asia/Shanghai", got {shown(value)}')


@_reader(Form("url"))
def http_url(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"https?://[^\s/]+\S*", value):
        return value
    raise ValueError(f"expected an http or https address, got {shown(value)}")


@_reader(Form("tree"))
def nodes(value: Any) -> dict[str, dict[str, Any]]:
    if isinstance(value, dict) and value and all(isinstance(node, dict) for node in value.values()):
        return value
    raise ValueError(f"expected named nodes, each a table, got {shown(value)}")
