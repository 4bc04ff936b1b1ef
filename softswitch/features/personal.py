"""What people have set for their own extension: forwarding, do not disturb, call waiting, short numbers, lock (sip.md §8.1).

One owner for codes, REST and pages; kept in memory, written behind. Numbers are as the person dials them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.destination import DECLARABLE, Destination
from softswitch.model.errors import Invalid, NotFound, Unreachable
from softswitch.model.events import AdminChanged, Event

_CALLER = re.compile(r"list:(vip|white|black)|[A-Za-z0-9+#*_.\-]{1,64}")
MOST_RULES, MOST_CALLERS = 20, 100
_DIALLED = re.compile(r"\+?[0-9*#]{1,32}")
_PIN = re.compile(r"[0-9]{3,12}")
RING_LEAST, RING_MOST = 5, 60
"""Seconds until a call goes on because nobody answers."""
MOST_SHORT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardRule:
    """Calls of some callers, or at some times, go elsewhere. All that is said has to be so."""

    to: str
    callers: tuple[str, ...] = ()
    """Numbers or patterns, `anonymous`, or `list:vip` for a list of the house; empty: all callers."""
    calendar: str = ""
    """Only while this calendar is open, or (`closed`) closed; "": at all times."""
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """The services of one extension. A forward is a number or a written destination, "" for none."""

    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    forward_unreachable: str = ""
    """When no device is logged in."""
    no_answer_after: int = 20
    """Seconds that it rings before `forward_no_answer`, 5 to 60."""
    forward_rules: tuple[ForwardRule, ...] = ()
    """Looked at before `forward_always`; the first that fits counts."""
    rules_on: bool = True
    dnd: bool = False
    call_waiting: bool = True
    """Off: a second call finds it busy."""
    max_calls: int = 0
    """So many at a time; one more finds it busy. 0: no limit."""
    reject_anonymous: bool = False
    hotline: str = ""
    """Rung when the phone dials nothing (`s`, or an empty number)."""
    short: Mapping[str, str] = field(default_factory=dict)
    """Short number of one or two digits → number."""
    locked: str = field(default="", repr=False)
    """Digest of the PIN with which outside calls are locked, "" when they are not."""


DEFAULT = Personal()
_FORWARDS = ("forward_always", "forward_busy", "forward_no_answer", "forward_unreachable")
NAMES = frozenset(entry.name for entry in fields(Personal)) - {"locked"}


class PersonalServices:
    """Owned by the loop. `save` keeps one extension's services; `on_change` is told its number."""

    def __init__(self, directory: Callable[[], Snapshot], journal: Callable[[Event], None], clock: Clock) -> None:
        self._directory = directory
        self._journal = journal
        self._clock = clock
        self._all: dict[str, Personal] = {}
        self._watchers: list[Callable[[str], None]] = []
        self.save: Callable[[str, Personal], object] = _nowhere
        self.reach: Callable[[str, str], object] = _nowhere
        """Raises SwitchError when an extension may not call a number."""

    def restore(self, kept: Mapping[str, Personal]) -> None:
        """What was set before the switch was started."""
        self._all = dict(kept)

    def watch(self, told: Callable[[str], None]) -> None:
        self._watchers.append(told)

    def of(self, extension: str) -> Personal:
        return self._all.get(extension, DEFAULT)

    def change(self, extension: str, actor: str, values: Mapping[str, Any]) -> Personal:
        """Sets some services. Raises NotFound, Invalid with the name of the value, Forbidden for a forward it may not call."""
        if extension not in self._directory().extensions:
            raise NotFound(f"there is no extension {extension}")
        if unknown := set(values) - NAMES:
            raise Invalid(min(unknown), "there is no such service")
        self._check(extension, values)
        wanted = dict(values)
        if "forward_rules" in values:
            wanted["forward_rules"] = self._rules(extension, values["forward_rules"])
        return self._put(extension, replace(self.of(extension), **wanted), actor, values)

    def _rules(self, extension: str, given: Sequence[Mapping[str, Any]]) -> tuple[ForwardRule, ...]:
        """Raises Invalid with the place of the mistake."""
        if len(given) > MOST_RULES:
            raise Invalid("forward_rules", f"expected at most {MOST_RULES}")
        rules = rules_of(given)
        for index, rule in enumerate(rules):
            self._check_number(extension, f"forward_rules[{index}].to", rule.to)
            if len(rule.callers) > MOST_CALLERS or not all(map(_CALLER.fullmatch, rule.callers)):
                raise Invalid(f"forward_rules[{index}].callers", "expected numbers, patterns, anonymous, or list:vip")
            if rule.calendar and rule.calendar not in self._directory().calendars:
                raise Invalid(f"forward_rules[{index}].calendar", f"there is no calendar {rule.calendar}")
        return rules

    def _check(self, extension: str, values: Mapping[str, Any]) -> None:
        for name in (*_FORWARDS, "hotline"):
            if text := values.get(name, ""):
                self._check_number(extension, name, text)
        if not RING_LEAST <= values.get("no_answer_after", RING_LEAST) <= RING_MOST:
            raise Invalid("no_answer_after", f"expected {RING_LEAST} to {RING_MOST} seconds")
        if not 0 <= values.get("max_calls", 0) <= 100:
            raise Invalid("max_calls", "expected 0 to 100")
        short = values.get("short", {})
        if len(short) > MOST_SHORT or any(not re.fullmatch(r"[0-9]{1,2}", key) for key in short):
            raise Invalid("short", "expected short numbers of one or two digits")
        for number in short.values():
            self._check_number(extension, "short", number)

    def _check_number(self, extension: str, name: str, text: str) -> None:
        if text in (extension, f"extension:{extension}"):
            raise Invalid(name, "this is the extension itself")
        if _DIALLED.fullmatch(text):
            self._check_reach(extension, name, text)
            return
        try:
            to = Destination.parse(text)
        except ValueError as fault:
            raise Invalid(name, str(fault)) from fault
        if to.kind not in DECLARABLE or not self._directory().has(to):
            raise Invalid(name, f"there is no {text}")
        self._check_reach(extension, name, text)

    def _check_reach(self, extension: str, name: str, text: str) -> None:
        try:
            self.reach(extension, text)
        except Unreachable as fault:  # a number that leads nowhere
            raise Invalid(name, fault.cause.sentence) from fault

    def lock(self, extension: str, pin: str) -> None:
        """Outside calls need the PIN to be dialled again first. Raises Invalid, and when it is locked already."""
        if not _PIN.fullmatch(pin):
            raise Invalid("pin", "expected 3 to 12 digits")
        if self.of(extension).locked:
            raise Invalid("pin", "it is locked already")
        self._put(extension, replace(self.of(extension), locked=_digest(extension, pin)), extension, {"locked": True})

    def unlock(self, extension: str, pin: str) -> None:
        """Raises Invalid for another PIN."""
        own = self.of(extension)
        if not own.locked or not hmac.compare_digest(own.locked, _digest(extension, pin)):
            raise Invalid("pin", "this is not the PIN")
        self._put(extension, replace(own, locked=""), extension, {"locked": False})

    def _put(self, extension: str, now: Personal, actor: str, values: Mapping[str, Any]) -> Personal:
        self._all[extension] = now
        self.save(extension, now)
        detail = {name: str(value) for name, value in values.items()}
        self._journal(
            AdminChanged(object=f"extension:{extension}", action="services", detail=detail, actor=actor, at=self._clock.utc())
        )
        for told in self._watchers:
            told(extension)
        return now


def rules_of(given: Sequence[Mapping[str, Any]]) -> tuple[ForwardRule, ...]:
    """From JSON."""
    return tuple(ForwardRule(**{**rule, "callers": tuple(rule.get("callers", ()))}) for rule in given)


def as_values(services: Personal) -> dict[str, Any]:
    """Every value by its name, the lock as a fact only."""
    values = asdict(services)
    return values | {"locked": bool(services.locked)}


def _digest(extension: str, pin: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), f"softswitch:{extension}".encode(), 20_000).hex()


def _nowhere(_extension: str, _value: object) -> None:
    """Nobody keeps it, nobody forbids it."""
