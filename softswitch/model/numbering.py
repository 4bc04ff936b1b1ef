"""Telephone numbers as carriers write them, and the one form inside: E.164 with `+` (sip.md §5.4, canonical form).

Pure. What cannot be read for certain stays as it came: service numbers, extensions, anything short.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

FORMATS = ("asis", "e164_plus", "e164", "national", "national_trunk0", "subscriber")
MOBILE_ZERO = ("auto", "never", "always")
_SEPARATORS = str.maketrans("", "", " -.()/\u00a0")


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbering plan of a country: its code, what is dialled before national and before foreign numbers."""

    code: str
    trunk: str
    international: str
    mobile: str = ""
    """Pattern of national mobile numbers, which take no trunk prefix."""
    special: str = ""
    """Pattern of national numbers without an area code that are dialled as they are everywhere in the country."""


PLANS: Mapping[str, Plan] = {
    "CN": Plan("86", "0", "00", mobile=r"1[3-9]\d{9}", special=r"[48]00\d{7}"),
    "HK": Plan("852", "", "001"), "TW": Plan("886", "0", "002"), "SG": Plan("65", "", "001"), "JP": Plan("81", "0", "010"),
    "US": Plan("1", "", "011"), "GB": Plan("44", "0", "00"), "DE": Plan("49", "0", "00"), "FR": Plan("33", "0", "00"),
}  # fmt: skip
_SHORT = 7  # digits; fewer are a service number or an extension, never part of a plan


@dataclass(frozen=True, slots=True)
class Context:
    """Where a peer's numbers belong: country, area code without the trunk prefix ("10" for Beijing, "" unknown)."""

    country: str = "CN"
    area: str = ""

    @property
    def plan(self) -> Plan:
        return PLANS[self.country]


CHINA = Context()


def read(number: str, form: str, where: Context) -> str:
    """The canonical form of a number that a peer wrote in `form`; the number itself when it cannot be told for certain."""
    digits = number.translate(_SEPARATORS)
    if digits.startswith("+"):
        return digits
    if form == "asis" or not digits.isdigit():
        return number
    plan = where.plan
    if form in ("e164", "e164_plus"):
        return f"+{digits}" if len(digits) > _SHORT else digits
    if digits.startswith(plan.international) and len(digits) > len(plan.international) + _SHORT:
        return f"+{digits[len(plan.international) :]}"
    return _national(digits, form, where)


def _national(digits: str, form: str, where: Context) -> str:
    plan = where.plan
    bare = digits.removeprefix(plan.trunk) if plan.trunk else digits
    if plan.mobile and re.fullmatch(plan.mobile, bare):
        return f"+{plan.code}{bare}"
    if plan.special and re.fullmatch(plan.special, digits):
        return f"+{plan.code}{digits}"
    if len(digits) < _SHORT:
        return digits
    if form == "national":
        return f"+{plan.code}{bare}"
    if plan.trunk and digits.startswith(plan.trunk) and form == "national_trunk0":
        return f"+{plan.code}{bare}"
    return f"+{plan.code}{where.area}{digits}" if where.area else digits


def written(number: str, form: str, where: Context, mobile_zero: str = "auto") -> str:
    """A canonical number as a peer wants it. What is not canonical goes out as it is.

    `mobile_zero` "always": fixed carriers of China that want 0 before mobile numbers. "auto" writes none: which mobile
    number is local is the carrier's to know.
    """
    if not number.startswith("+") or form in ("asis", "e164_plus"):
        return number
    plan = where.plan
    if form == "e164":
        return number[1:]
    if not number.startswith(f"+{plan.code}"):
        return f"{plan.international}{number[1:]}"
    bare = number[1 + len(plan.code) :]
    if form == "national" or (plan.special and re.fullmatch(plan.special, bare)):
        return bare
    if plan.mobile and re.fullmatch(plan.mobile, bare):
        return f"{plan.trunk}{bare}" if mobile_zero == "always" else bare
    if form == "subscriber" and where.area and bare.startswith(where.area):
        return bare[len(where.area) :]
    return f"{plan.trunk}{bare}"
