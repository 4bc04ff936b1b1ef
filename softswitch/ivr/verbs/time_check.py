"""Goes to `then` inside the opening hours, to `else` outside: a `calendar` of the centre, or hours in civil time of `zone`.

A calendar knows holidays and days that differ; on a day off `holiday` may lead elsewhere than `else`.

A segment is `Mon-Fri 09:00-18:00`, `Sat,Sun 10:00-12:00` or `09:00-18:00` (every day). The start is included and so is the
whole last minute (call-centre.md §8). A segment that ends before it starts goes on over midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk, Hours
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, known, names

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SEGMENT = re.compile(r"(?:(?P<days>[A-Za-z,-]+) )?(?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCheck:
    then: Target
    else_: Target
    calendar: str = ""
    zone: str = ""
    open: tuple[str, ...] = ()
    holiday: Target = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """`start` and `end` are minutes of the day, both included."""

    days: frozenset[int]
    start: int
    end: int

    def covers(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return local.weekday() in self.days and self.start <= minute <= self.end
        yesterday = (local - timedelta(days=1)).weekday()
        return (local.weekday() in self.days and minute >= self.start) or (yesterday in self.days and minute <= self.end)


def parse_segment(text: str) -> Segment:
    """Raises ValueError with a sentence that says what was expected."""
    found = _SEGMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'expected "Mon-Fri 09:00-18:00", got "{text}"')
    days = frozenset(day for part in found["days"].split(",") for day in _days(part)) if found["days"] else frozenset(range(7))
    return Segment(days, _minute(found["from"]), _minute(found["to"]))


def _days(text: str) -> Iterator[int]:
    first, dash, last = text.partition("-")
    names = (first, last) if dash else (first, first)
    for name in names:
        if name.capitalize() not in _DAYS:
            raise ValueError(f'expected one of {" ".join(_DAYS)}, got "{name}"')
    start, end = (_DAYS.index(name.capitalize()) for name in names)
    yield from ((start + step) % 7 for step in range((end - start) % 7 + 1))


def _minute(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if (hour, minute) == (24, 0):
        return 24 * 60 - 1
    if hour > 23 or minute > 59:
        raise ValueError(f'expected a time from 00:00 to 23:59, got "{text}"')
    return hour * 60 + minute


async def run(node: TimeCheck, line: Line) -> Outcome:
    if node.calendar:
        hours = line.desk.calendars.state(filled(node.calendar, names(line)), line.utc())
        return Outcome("open") if hours.open else Outcome("closed", value=hours.why)
    local = datetime.fromtimestamp(line.utc(), UTC).astimezone(ZoneInfo(node.zone))
    is_open = any(parse_segment(text).covers(local) for text in node.open)
    return Outcome("open" if is_open else "closed")


def next_node(node: TimeCheck, outcome: Outcome) -> str:
    if outcome.result == "open":
        return node.then
    return (node.holiday if outcome.value == "holiday" else "") or node.else_


def check(node: TimeCheck, snapshot: Snapshot) -> Iterator[Fault]:
    if node.calendar:
        yield from known("calendar", "calendar", node.calendar, snapshot.calendars)
        if node.zone or node.open:
            yield Fault("calendar", "expected a calendar or zone and open, got both")
        return
    if not node.open:
        yield Fault("open", 'expected hours such as "Mon-Fri 09:00-18:00", or a calendar')
    try:
        ZoneInfo(node.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Fault("zone", f'expected a time zone such as "Asia/Shanghai", got "{node.zone}"')
    for index, text in enumerate(node.open):
        try:
            parse_segment(text)
        except ValueError as error:
            yield Fault(f"open.{index}", str(error))


class _Calendars:
    def state(self, name: str, at: float) -> Hours:
        return Hours(open=False, why="holiday")


_HOURS = TimeCheck(zone="Asia/Shanghai", open=("Mon-Fri 09:00-18:00",), then="menu", else_="closed")
_MONDAY_NOON = 1_704_081_600.0  # 2024-01-01 12:00 in Shanghai
VERB = Verb(
    schema=TimeCheck,
    run=run,
    next_node=next_node,
    check=check,
    needs_caller=False,
    examples=(
        Example(_HOURS, utc=_MONDAY_NOON, expect=Outcome("open"), next="menu"),
        Example(_HOURS, utc=_MONDAY_NOON - 86_400, expect=Outcome("closed"), next="closed"),
        Example(
            TimeCheck(calendar="{{site}}", then="menu", else_="closed", holiday="party"),
            desk=Desk(calendars=_Calendars()),
            expect=Outcome("closed", value="holiday"),
            next="party",
        ),
    ),
)
