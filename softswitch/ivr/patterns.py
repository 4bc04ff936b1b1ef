"""Forms of typed digits: the Luhn check, and which regular expressions a flow may use. Pure."""

from __future__ import annotations

import re

MAX_PATTERN = 200
MAX_OPEN = 3
"""Repetitions without a fixed count: input has at most 64 signs, so three of them cost at most 64³ steps."""

_OPEN = re.compile(r"(?<!\\)(?:[*+?]|\{\d*,\d*\})")
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{)")


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 Annex B: the check digit of card numbers."""
    if not digits.isdecimal() or len(digits) < 2:
        return False
    total = 0
    for place, sign in enumerate(reversed(digits)):
        value = int(sign) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mistake(pattern: str) -> str:
    """Why a flow may not use a regular expression; "" when it may.

    Groups may not be repeated and repetitions without a fixed count are few, so that no input can keep the switch busy.
    """
    if len(pattern) > MAX_PATTERN:
        return f"expected at most {MAX_PATTERN} signs"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"expected a regular expression, got {pattern!r} ({error})"
    if "(?" in pattern or re.search(r"\\\d", pattern):
        return "expected no look-around, named groups or back references"
    if _REPEATED_GROUP.search(pattern):
        return "expected no repeated group: write the repetition inside a character class, such as [0-9]{6}"
    if len(_OPEN.findall(pattern)) > MAX_OPEN:
        return f"expected at most {MAX_OPEN} repetitions without a fixed count (* + ? {{n,m}})"
    return ""
