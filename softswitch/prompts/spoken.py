"""Numbers, places in line and waits as lists of prompt names. Pure."""

from __future__ import annotations

MOST = 99


def number(value: int) -> tuple[str, ...]:
    """0 to 99 as prompts: 42 is "40", "2" in Mandarin and English alike. Raises ValueError beyond."""
    if not 0 <= value <= MOST:
        raise ValueError(f"expected 0 to {MOST}, got {value}")
    if value <= 20:
        return (str(value),)
    tens, ones = divmod(value, 10)
    return (str(tens * 10), str(ones)) if ones else (str(tens * 10),)


def digits(text: str) -> tuple[str, ...]:
    """A number read digit by digit; other signs are left out."""
    return tuple(sign for sign in text if sign in "0123456789")


def position(place: int, language: str) -> tuple[str, ...]:
    """What tells a caller the place in line, counted from 1. Mandarin closes the sentence after the number."""
    if place > MOST:
        return ("position-far",)
    suffix = ("position-suffix",) if language.startswith("zh") else ()
    return ("position", *number(place), *suffix)


def wait(seconds: int, long: int, language: str) -> tuple[str, ...]:
    """ "The wait is about …": minutes and, below five minutes, the odd half. Above `long` seconds only that it is long."""
    if seconds > long:
        return ("wait-long",)
    minutes, rest = divmod(seconds, 60)
    unit = "minute" if minutes == 1 else "minutes"
    counted = ("two-counted",) if minutes == 2 and language.startswith("zh") else number(minutes)
    return ("wait-about", *((*counted, unit) if minutes else ()), *((*number(rest), "seconds") if rest else ()))
