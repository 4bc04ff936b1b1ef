"""Public holidays that are shipped: mainland China with its exchanged working days.

`chinese_calendar` has the State Council's notices up to the newest one it knows. Years beyond have only the days that the law
fixes (`holidays`), without exchanged working days: a supervisor enters those in the table of days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import chinese_calendar  # type: ignore[import-untyped]

from softswitch.calendar.model import Day, DayKind

_TITLES = {holiday.value: holiday.chinese for holiday in chinese_calendar.Holiday}
_NOTICED = max(day.year for day in chinese_calendar.holidays)


@lru_cache(maxsize=16)
def shipped(country: str, year: int) -> Mapping[date, Day]:
    """The days of a year that differ from the week. `country` is "cn"; "" has none."""
    if country != "cn":
        return {}
    if year <= _NOTICED:
        off = {day: _day(day, "holiday", word) for day, word in chinese_calendar.holidays.items() if day.year == year}
        on = {day: _day(day, "workday", word) for day, word in chinese_calendar.workdays.items() if day.year == year}
        return off | on
    from holidays import country_holidays  # noqa: PLC0415 - knows every country: costs the start of each process

    legal = country_holidays("CN", years=[year], language="zh_CN")
    return {day: Day(day, "holiday", title=title, shipped=True) for day, title in legal.items()}


def _day(day: date, kind: DayKind, word: str) -> Day:
    return Day(day, kind, title=_TITLES.get(word, word), shipped=True)
