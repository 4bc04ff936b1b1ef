"""The shipped phone profiles and the files that phones fetch, filled in for one device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

from sip_profiles.loader import ProfileError, examples_as, merge_file
from sip_profiles.phone_schema import PhoneExample, PhoneProfile

PHONES = Path(__file__).parent / "phones"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def names() -> tuple[str, ...]:
    """Every maker whose phones can be provisioned."""
    return tuple(sorted(path.parent.name for path in PHONES.glob("*/profile.toml")))


@cache
def phone(name: str) -> PhoneProfile:
    """Raises ProfileError for an unknown name or a faulty file."""
    if name not in names():
        raise ProfileError(f"expected one of the phones {' '.join(names())}, got {name!r}")
    return merge_file(PHONES / name / "profile.toml", PhoneProfile())


@cache
def _known() -> tuple[tuple[re.Pattern[str], PhoneProfile], ...]:
    found = (phone(name) for name in names())
    return tuple((re.compile(profile.vendor.user_agent), profile) for profile in found if profile.vendor.user_agent)


def by_user_agent(text: str) -> PhoneProfile:
    """The profile of the phone that calls itself so; the defaults for one that nobody knows."""
    return next((profile for pattern, profile in _known() if pattern.search(text)), PhoneProfile())


def examples(name: str) -> tuple[PhoneExample, ...]:
    """What phones of a maker ask for and get. Raises ProfileError."""
    phone(name)
    return examples_as(PHONES / name / "profile.toml", PhoneExample())


def file_name(profile: PhoneProfile, mac: str) -> str:
    """Under which name the phone with this MAC (12 hexadecimal digits) asks for its file."""
    return profile.provisioning.path.replace("{mac}", mac.lower()).replace("{MAC}", mac.upper())


def render(name: str, values: Mapping[str, str]) -> str:
    """The file of a device. A control character in a value never makes a second line. Raises ProfileError, KeyError."""
    profile = phone(name)
    clean = {key: _CONTROL.sub("", value) for key, value in values.items()}
    if profile.provisioning.escape == "xml":
        clean = {key: escape(value, {'"': "&quot;"}) for key, value in clean.items()}
    return Template((PHONES / name / profile.provisioning.template).read_text("utf-8")).substitute(clean)
