"""Values read out as lists of prompt names: numbers of any size, money, dates, times, durations. Pure.

What cannot be read as the kind it should be is read digit by digit, so a caller never hears nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from softswitch.prompts import spoken as small

Words = tuple[str, ...]
_AMOUNT = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,6}))?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")


def spoken(kind: str, value: str, language: str) -> Words:
    """The prompts for a value of a kind of `KINDS`; nothing for an empty value."""
    text = value.strip()
    if not text:
        return ()
    return tuple(_KINDS[kind](text, language.startswith("zh")) or small.digits(text))


def whole(value: int, *, mandarin: bool) -> Words:
    """A whole number from 0 to 999,999,999,999."""
    return tuple(_mandarin(value) if mandarin else _english(value))


def _mandarin(value: int) -> Iterator[str]:
    """Groups of four digits with 亿 and 万; a gap of noughts is one 零; 10 to 19 alone is 十…, inside a number 一十…"""
    if value < 100:
        yield from small.number(value)
        return
    begun = gap = False
    for size, unit in ((10**8, "unit-yi"), (10**4, "unit-wan"), (1, "")):
        group = value // size % 10_000
        if not group:
            gap = begun
            continue
        if begun and (gap or group < 1000):
            yield "0"
        yield from _four(group, inside=begun or group >= 100)
        if unit:
            yield unit
        begun, gap = True, False


def _four(value: int, *, inside: bool) -> Iterator[str]:
    begun = gap = False
    for size, unit in ((1000, "unit-thousand"), (100, "unit-hundred")):
        digit = value // size % 10
        if digit:
            if gap:
                yield "0"
            yield from (str(digit), unit)
            begun, gap = True, False
        else:
            gap = begun
    rest = value % 100
    if not rest:
        return
    if begun and (gap or rest < 10):
        yield "0"
    if inside and 10 <= rest < 20:
        yield "1"
    yield from small.number(rest)


def _english(value: int) -> Iterator[str]:
    for size, unit in ((10**9, "unit-billion"), (10**6, "unit-million"), (1000, "unit-thousand")):
        if value >= size:
            yield from (*_english(value // size), unit)
            value %= size
            if not value:
                return
    if value >= 100:
        yield from (str(value // 100), "unit-hundred")
        value %= 100
        if not value:
            return
    yield from small.number(value)


def _number(text: str, mandarin: bool) -> Words:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return ()
    sign, ahead, behind = found[1], found[2], found[3]
    fraction = ("point", *small.digits(behind)) if behind else ()
    return (*(("minus",) if sign else ()), *whole(int(ahead), mandarin=mandarin), *fraction)


def _money(text: str, mandarin: bool) -> Words:
    """Yuan and fen; Mandarin names 角 and 分 apart."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return ()
    sign = ("minus",) if found[1] else ()
    cents = int(((found[3] or "") + "00")[:2])
    words = (*sign, *whole(int(found[2]), mandarin=mandarin), "money-yuan")
    if not cents:
        return words
    if not mandarin:
        return (*words, *small.number(cents), "money-fen")
    jiao, fen = divmod(cents, 10)
    tens = (str(jiao), "money-jiao") if jiao else ("0",)
    return (*words, *tens, *((str(fen), "money-fen") if fen else ()))


def _date(text: str, mandarin: bool) -> Words:
    found = _DATE.fullmatch(text)
    if found is None:
        return ()
    year, month, day = found[1], int(found[2]), int(found[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ()
    if mandarin:
        return (*small.digits(year), "date-year", *small.number(month), "date-month", *small.number(day), "date-day")
    century, rest = divmod(int(year), 100)
    return (f"month-{month}", *small.number(day), *small.number(century), *(small.number(rest) if rest else ("unit-hundred",)))


def _time(text: str, mandarin: bool) -> Words:
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return ()
    hour, minute = int(found[1]), int(found[2])
    nought = ("0",) if 0 < minute < 10 else ()
    if mandarin:
        rest = (*nought, *small.number(minute), "time-minute") if minute else ()
        return (*small.number(hour), "time-hour", *rest)
    return (*small.number(hour), *((*nought, *small.number(minute)) if minute else ("time-hour",)))


def _duration(text: str, mandarin: bool) -> Words:
    """Seconds as hours, minutes and seconds."""
    if not text.isdecimal() or len(text) > 7:
        return ()
    words: Words = ()
    seconds = int(text)
    for size, one, many in ((3600, "hour", "hours"), (60, "minute", "minutes"), (1, "second", "seconds")):
        count, seconds = divmod(seconds, size)
        if count:
            words += (*whole(count, mandarin=mandarin), one if count == 1 else many)
    return words or ("0", "seconds")


_KINDS: Mapping[str, Callable[[str, bool], Words]] = {
    "number": _number,
    "digits": lambda text, _mandarin: small.digits(text),
    "money": _money,
    "date": _date,
    "time": _time,
    "duration": _duration,
}
KINDS = tuple(_KINDS)
