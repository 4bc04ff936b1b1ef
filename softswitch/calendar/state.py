"""Whether a calendar is open at a moment, until when, and why. Pure; civil time is that of the calendar's zone.

A call in progress is not cut at closing: this only says what new arrivals meet (call-centre.md §8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from softswitch.calendar.holidays import shipped
from softswitch.calendar.hours import DAY, Segment, joined, on_weekday, parse_segment
from softswitch.calendar.model import CalendarState, Day, Why
from softswitch.directory.model import Calendar

HORIZON = 40
"""Days ahead in which the next change is looked for."""

_ALL_DAY = [(0, DAY)]


def state(calendar: Calendar, days: Mapping[date, Day], at: float) -> CalendarState:
    """`days` are the entered ones; they win over the shipped holidays. `at` is epoch seconds."""
    zone = ZoneInfo(calendar.zone)
    today = datetime.fromtimestamp(at, UTC).astimezone(zone).date()
    for start, end in _spans(calendar, days, today, zone):
        if end <= at:
            continue
        if start <= at:
            why, title = _reason(calendar, days, today)
            return CalendarState(open=True, until=end if end - at < HORIZON * 86_400 else None, why=why, title=title)
        why, title = _reason(calendar, days, today)
        return CalendarState(open=False, until=start, why=why, title=title)
    why, title = _reason(calendar, days, today)
    return CalendarState(open=False, why=why, title=title)


def day_of(calendar: Calendar, days: Mapping[date, Day], day: date) -> Day | None:
    """What makes a day differ from the week, entered or shipped; None for an ordinary one."""
    return days.get(day) or shipped(calendar.holidays, day.year).get(day)


def check(calendar: Calendar) -> list[str]:
    """What is wrong with the hours, as sentences: unreadable segments and such as overlap on a day."""
    faults, read = [], []
    for text in calendar.open:
        try:
            read.append((text, parse_segment(text)))
        except ValueError as error:
            faults.append(str(error))
    for index, (text, segment) in enumerate(read):
        for other, former in read[:index]:
            if segment.days & former.days and segment.start <= former.end and former.start <= segment.end:
                faults.append(f'"{text}" overlaps "{other}"')
    return faults


def _spans(calendar: Calendar, days: Mapping[date, Day], today: date, zone: ZoneInfo) -> Iterator[tuple[float, float]]:
    """The open times around `today` as epoch seconds, in order, joined where they meet over midnight."""
    held: tuple[float, float] | None = None
    for step in range(-1, HORIZON + 1):
        day = today + timedelta(days=step)
        for start, end in _minutes(calendar, days, day):
            span = (_instant(day, start, zone), _instant(day, end, zone))
            if held is not None and span[0] <= held[1]:
                held = (held[0], max(held[1], span[1]))
            else:
                if held is not None:
                    yield held
                held = span
    if held is not None:
        yield held


def _minutes(calendar: Calendar, days: Mapping[date, Day], day: date) -> list[tuple[int, int]]:
    """Open minutes of one day from its midnight; beyond 24:00 when a segment goes on over midnight."""
    differs = day_of(calendar, days, day)
    if differs is None:
        return _of_week(calendar.open, day.weekday())
    if differs.kind == "holiday":
        return []
    if differs.open:
        return joined([parse_segment(text).minutes for text in differs.open])
    return _working_day(calendar.open) if differs.kind == "workday" else []


@lru_cache(maxsize=512)
def _segments(texts: tuple[str, ...]) -> tuple[Segment, ...]:
    return tuple(parse_segment(text) for text in texts)


def _of_week(texts: tuple[str, ...], weekday: int) -> list[tuple[int, int]]:
    """No hours at all: open day and night."""
    return on_weekday(_segments(texts), weekday) if texts else _ALL_DAY


def _working_day(texts: tuple[str, ...]) -> list[tuple[int, int]]:
    """The hours of the first weekday from Monday that has any."""
    return next((spans for weekday in range(7) if (spans := _of_week(texts, weekday))), [])


def _instant(day: date, minute: int, zone: ZoneInfo) -> float:
    civil = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    return civil.replace(tzinfo=zone).timestamp()


def _reason(calendar: Calendar, days: Mapping[date, Day], day: date) -> tuple[Why, str]:
    differs = day_of(calendar, days, day)
    if differs is not None:
        return differs.kind, differs.title
    return ("hours" if calendar.open else "always"), ""
