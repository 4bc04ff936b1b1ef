"""A customer, the fields a department adds of its own, and what is written down about contacts. Frozen values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from softswitch.model.errors import Invalid

FieldType = Literal["text", "number", "date", "choice", "boolean"]
LONGEST = 2000
"""Signs of a text field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDefinition:
    """An own field. `masked`: shown whole only to those who may see whole numbers."""

    key: str
    title: str = ""
    title_en: str = ""
    type: FieldType = "text"
    choices: tuple[str, ...] = ()
    required: bool = False
    masked: bool = False
    order: int = 100

    def checked(self, value: Any) -> Any:
        """The value as it is stored; "" for none. Raises Invalid naming the field."""
        if value in (None, ""):
            if self.required:
                raise Invalid(self.key, "expected a value, got nothing")
            return ""
        match self.type:
            case "number":
                return _number(self.key, value)
            case "boolean":
                return _boolean(self.key, value)
            case "date":
                return _date(self.key, value)
            case "choice" if str(value) not in self.choices:
                raise Invalid(self.key, f"expected one of {' '.join(self.choices)}, got {value!s:.60}")
            case _:
                if len(str(value)) > LONGEST:
                    raise Invalid(self.key, f"expected at most {LONGEST} signs")
                return str(value)


def _number(key: str, value: Any) -> float | int:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise Invalid(key, f"expected a number, got {value!s:.60}") from None
    if not math.isfinite(found):
        raise Invalid(key, f"expected a number, got {value!s:.60}")
    return int(found) if found.is_integer() and abs(found) < 1e15 else found


def _boolean(key: str, value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "是": True, "false": False, "0": False, "no": False, "否": False}
    found = words.get(str(value).strip().lower())
    if found is None:
        raise Invalid(key, f"expected true or false, got {value!s:.60}")
    return found


def _date(key: str, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise Invalid(key, f"expected a date as YYYY-MM-DD, got {value!s:.60}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`importance` 0–100 and `grade` (VIP, broadband …) feed the queues; `dedicated_agent` is asked first."""

    id: str
    name: str = ""
    numbers: tuple[str, ...] = ()  # as written; compared in canonical form
    grade: str = ""
    vip: bool = False
    importance: int = 0
    dedicated_agent: str = ""
    language: str = ""
    note: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNote:
    call: str
    author: str
    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDisposition:
    """`codes`: from the top of the tree down."""

    call: str
    agent: str
    codes: tuple[str, ...]
    note: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One earlier call of a customer, for lists and screen pops."""

    call: str
    at: float
    direction: str
    queue: str
    agent: str
    result: str
    codes: tuple[str, ...] = ()
    note: str = ""


_NUMBER = re.compile(r"[+(]?[0-9][0-9*#. ()/-]{0,62}|(?=.{1,64}$)(?:sips?:)?[0-9A-Za-z._+-]+@[0-9A-Za-z.:-]+")
"""A telephone number as people write it, or a SIP address."""
_TEXTS = {"name": 200, "grade": 40, "language": 16, "note": LONGEST, "dedicated_agent": 64}


def checked(values: Mapping[str, Any], definitions: Sequence[FieldDefinition], *, whole: bool) -> dict[str, Any]:
    """Values of a record as they are stored. `whole`: a new record, so that required fields count. Raises Invalid."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        match key:
            case "importance":
                found[key] = _importance(value)
            case "vip":
                found[key] = _boolean(key, value)
            case "numbers":
                found[key] = _numbers(value)
            case "fields":
                found[key] = _own(value, definitions, whole=whole)
            case _:
                found[key] = _text(key, value)
    if whole:
        if "fields" not in found:
            found["fields"] = _own({}, definitions, whole=True)
        if not found.get("name") and not found.get("numbers"):
            raise Invalid("name", "expected a name or a number")
    return found


def _text(key: str, value: Any) -> str:
    if key not in _TEXTS:
        raise Invalid(key, "is no field of a customer")
    if not isinstance(value, str) or len(value) > _TEXTS[key]:
        raise Invalid(key, f"expected a text of at most {_TEXTS[key]} signs")
    return value.strip()


def _importance(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        raise Invalid("importance", f"expected 0 to 100, got {value!s:.20}")
    return value


def _numbers(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 20:
        raise Invalid("numbers", "expected at most 20 numbers")
    for number in value:
        if not isinstance(number, str) or not _NUMBER.fullmatch(number.strip()):
            raise Invalid("numbers", f"expected a telephone number, got {number!s:.60}")
    return tuple(dict.fromkeys(number.strip() for number in value))


def _own(value: Any, definitions: Sequence[FieldDefinition], *, whole: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid("fields", "expected a table of values")
    known = {one.key: one for one in definitions}
    for key in value:
        if key not in known:
            raise Invalid(f"fields.{key}", "there is no such field")
    wanted = known if whole else {key: known[key] for key in value}
    return {key: one.checked(value.get(key)) for key, one in wanted.items()}
