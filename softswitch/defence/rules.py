"""What calls to the outside may cost (sip.md §9): classes of numbers, limits of accounts, and where a number is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from softswitch.model.numbering import PLANS

_SEPARATORS = str.maketrans("", "", " -.()")
_TWO_DIGITS = frozenset(
    str(code)
    for first, last in ((20, 20), (27, 27), (30, 34), (36, 36), (39, 41), (43, 49), (51, 58), (60, 66), (81, 82), (84, 84),
                        (86, 86), (90, 95), (98, 98))
    for code in range(first, last + 1)
)  # fmt: skip


class Toll(StrEnum):
    """What a number costs, roughly."""

    HOME = "home"
    INTERNATIONAL = "international"
    PREMIUM = "premium"  # expensive or often abused: denied until allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one account: calls at one time, international ones among them, and what it may spend in a day. 0: no limit."""

    calls: int = 0
    international_calls: int = 0
    minutes: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What an extension or trunk has instead of the rules for all. Negative: as the rules say."""

    calls: int = -1
    international_calls: int = -1
    minutes: float = -1.0
    cost: float = -1.0
    premium: tuple[str, ...] = ()
    """Prefixes of premium numbers that it may call."""


NOTHING = Own()


@dataclass(frozen=True, slots=True, kw_only=True)
class TollRules:
    """0 and empty: no limit. `hours`: minutes of the local day within which international calls may begin, as (first, end)."""

    country: str = "CN"
    premium: tuple[str, ...] = ()
    allow: tuple[tuple[str, str], ...] = ()
    """(account or *, prefix) of premium numbers that may be called."""
    calls: int = 0
    international_calls: int = 2
    per_second: float = 0.0
    minutes: float = 60.0
    cost: float = 0.0
    trunk_minutes: float = 0.0
    trunk_cost: float = 0.0
    hours: tuple[int, int] | None = None
    calendar: str = ""
    """International calls may begin while it is open."""
    hold: bool = False
    """The first call of an account to a country waits for approval."""
    countries: frozenset[str] = frozenset()
    """Country codes that need none."""
    cut: bool = False

    def limits(self, account: str, own: Own) -> Limits:
        """What holds for an account. How many calls a trunk may have is its profile's matter."""
        is_trunk = account.startswith("trunk:")
        usual = (0, 0, self.trunk_minutes, self.trunk_cost) if is_trunk else (
            self.calls, self.international_calls, self.minutes, self.cost,
        )  # fmt: skip
        mine = (own.calls, own.international_calls, own.minutes, own.cost)
        calls, abroad, minutes, cost = (one if one >= 0 else other for one, other in zip(mine, usual, strict=True))
        return Limits(calls=int(calls), international_calls=int(abroad), minutes=minutes, cost=cost)

    def classify(self, number: str) -> Toll:
        """By the number as it is dialled; the longest way to write it abroad is not known better than its prefix."""
        full = self.full(number)
        if full.startswith(self.premium) or number.startswith(self.premium):
            return Toll.PREMIUM
        abroad = full.startswith("+") and not full.startswith(f"+{PLANS[self.country].code}")
        return Toll.INTERNATIONAL if abroad else Toll.HOME

    def allows(self, account: str, number: str, own: Own) -> bool:
        """Whether an account may call a premium number."""
        full, name = self.full(number), account.partition(":")[2]
        prefixes = [prefix for who, prefix in self.allow if who in ("*", name, account)]
        return any(full.startswith(prefix) or number.startswith(prefix) for prefix in (*prefixes, *own.premium))

    def full(self, number: str) -> str:
        """With `+` and country code when it is written as an international number; else as it is."""
        digits = number.translate(_SEPARATORS)
        prefix = PLANS[self.country].international
        return f"+{digits[len(prefix) :]}" if digits.startswith(prefix) else digits

    def is_hour(self, at: float) -> bool:
        """Whether international calls may begin at this time, in UTC epoch seconds."""
        if self.hours is None:
            return True
        local = datetime.fromtimestamp(at, UTC).astimezone()
        minute, (first, end) = local.hour * 60 + local.minute, self.hours
        return first <= minute < end if first <= end else minute >= first or minute < end

    @classmethod
    def window(cls, text: str) -> tuple[int, int] | None:
        """`08:00-20:00` as minutes of the day, "" as None. Raises ValueError."""
        if not text:
            return None
        parts = [part.split(":") for part in text.split("-")]
        if len(parts) != 2 or any(len(part) != 2 for part in parts):
            raise ValueError(f"expected HH:MM-HH:MM, got {text!r}")
        first, end = (int(hour) * 60 + int(minute) for hour, minute in parts)
        if not (0 <= first <= 1440 and 0 <= end <= 1440):
            raise ValueError(f"expected HH:MM-HH:MM, got {text!r}")
        return first, end


def country_of(full: str) -> str:
    """The country code (E.164) of a number with `+`; "" without."""
    digits = full.removeprefix("+")
    if digits == full or not digits:
        return ""
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if digits[:2] in _TWO_DIGITS else digits[:3]
