"""Where a number is from, in words: city or country, and the carrier of a mobile number. Offline data of phonenumbers."""

from __future__ import annotations

from functools import lru_cache

HOME = "CN"


def load() -> None:
    """Reads the tables: seconds of CPU, 150 MB, and parts of 0.1 s in which no other thread of Python runs."""
    place_of("13800138000")


@lru_cache(maxsize=20_000)
def place_of(number: str, language: str = "zh-CN") -> str:
    """ "北京市 · 中国移动", "Beijing · China Mobile"; "" when nothing is known of the number."""
    import phonenumbers  # noqa: PLC0415 - see `load`; only screen pops ask
    from phonenumbers import carrier, geocoder  # noqa: PLC0415

    try:
        parsed = phonenumbers.parse(number, HOME)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    words = "zh" if language == "zh-CN" else "en"
    place = geocoder.description_for_number(parsed, words)
    if parsed.country_code != phonenumbers.country_code_for_region(HOME):
        country = geocoder.country_name_for_number(parsed, words)
        place = " ".join(dict.fromkeys(part for part in (country, place) if part))
    return " · ".join(part for part in (place, carrier.name_for_number(parsed, words)) if part)
