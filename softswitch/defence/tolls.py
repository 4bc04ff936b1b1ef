"""Toll fraud: what an account, and a trunk, may spend on calls to the outside (sip.md §9).

Every way to the outside is asked here, whoever chose it: a person who dials, a flow, a forwarding, a callback, a transfer.
An account is who pays: the extension or agent that dials, or the trunk whose caller is sent on to the outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

import structlog

from softswitch.lists.order import EMERGENCY
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.events import CallConnected, CallEnded, Event, LegStarted
from softswitch.model.numbering import PLANS
from softswitch.observe.alarms import Alarms

log = structlog.get_logger("tolls")

NEAR = 0.8
"""Of a day's minutes: from here on there is an alarm."""
_MOST_ACCOUNTS = 100_000


class Toll(StrEnum):
    """What a number costs, roughly."""

    HOME = "home"
    INTERNATIONAL = "international"
    PREMIUM = "premium"  # expensive or often abused: denied until allowed


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
    trunk_minutes: float = 0.0
    hours: tuple[int, int] | None = None
    cut: bool = False

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


@dataclass(slots=True)
class _Account:
    """`tokens` are for new calls; `minutes` those of the international calls of `day` that are over."""

    tokens: float = 1.0
    at: float = 0.0
    day: date = date.min
    minutes: float = 0.0


@dataclass(slots=True)
class _Call:
    account: str
    number: str
    toll: Toll
    trunk: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class TollView:
    """What an account has used today. `limit` minutes, 0 for none."""

    account: str
    calls: int
    minutes: float
    limit: float
    blocked: bool


@dataclass(slots=True)
class TollGuard:
    """Owned by the loop. `may` is asked before a call goes out, `note` hears every event, `tick` is called now and then."""

    rules: TollRules
    clock: Clock
    alarms: Alarms
    hang_up: Callable[[str], None] = lambda _call: None
    _accounts: dict[str, _Account] = field(default_factory=dict)
    _pending: dict[str, tuple[str, Toll]] = field(default_factory=dict)
    _live: dict[str, _Call] = field(default_factory=dict)

    def classify(self, number: str) -> Toll:
        """By the number as it is dialled; the longest way to write it abroad is not known better than its prefix."""
        full = _full(number, self.rules.country)
        if any(full.startswith(prefix) or number.startswith(prefix) for prefix in self.rules.premium):
            return Toll.PREMIUM
        abroad = full.startswith("+") and not full.startswith(f"+{PLANS[self.rules.country].code}")
        return Toll.INTERNATIONAL if abroad else Toll.HOME

    def may(self, account: str, destination: Destination) -> str:
        """Why a call may not go out; "" when it may, and is counted as new then. Emergency calls always may."""
        number = destination.name
        if destination.kind is not DestinationKind.OUTSIDE or number in EMERGENCY:
            return ""
        toll = self.classify(number)
        rule = self._refusal(account, number, toll)
        if rule:
            log.warning("! call refused", account=account, number=number, rule=rule)
            self.alarms.raise_("toll_blocked", "major", f"{account} may not call {number}: {rule}", account)
            return rule
        self._pending[number] = (account, toll)
        return ""

    def _refusal(self, account: str, number: str, toll: Toll) -> str:
        rules = self.rules
        if toll is Toll.PREMIUM and not self._is_allowed(account, number):
            return "premium"
        mine = [call for call in self._live.values() if call.account == account]
        is_person = not account.startswith("trunk:")  # how many calls a trunk may have is its profile's matter
        if is_person and 0 < rules.calls <= len(mine):
            return "calls"
        if toll is not Toll.HOME:
            if is_person and 0 < rules.international_calls <= sum(call.toll is not Toll.HOME for call in mine):
                return "international calls"
            if not self._is_hour():
                return "hours"
            if self._is_used_up(account):
                return "minutes"
        return "" if self._take(account) else "rate"

    def _is_allowed(self, account: str, number: str) -> bool:
        full, name = _full(number, self.rules.country), account.partition(":")[2]
        return any(
            who in ("*", name, account) and (full.startswith(prefix) or number.startswith(prefix))
            for who, prefix in self.rules.allow
        )

    def _is_hour(self) -> bool:
        if self.rules.hours is None:
            return True
        local = datetime.fromtimestamp(self.clock.utc(), UTC).astimezone()
        minute, (first, end) = local.hour * 60 + local.minute, self.rules.hours
        return first <= minute < end if first <= end else minute >= first or minute < end

    def _take(self, account: str) -> bool:
        """One new call of the rate. Trunks have their own pace."""
        rate = self.rules.per_second
        if rate <= 0 or account.startswith("trunk:"):
            return True
        known, now = self._account(account), self.clock.now()
        burst = max(1.0, rate)
        known.tokens = min(burst, known.tokens + (now - known.at) * rate)
        known.at = now
        if known.tokens < 1.0:
            return False
        known.tokens -= 1.0
        return True

    # what was spent

    def note(self, event: Event) -> None:
        """The legs that go out over a trunk, when they are connected and when their call is over."""
        match event:
            case LegStarted() if event.trunk and event.target.startswith("outside:"):
                account, toll = self._pending.pop(event.target[8:], ("", Toll.HOME))
                if account:
                    self._live[event.call] = _Call(account, event.target[8:], toll, event.trunk)
            case CallConnected() if event.call in self._live and self._live[event.call].since is None:
                self._live[event.call].since = self.clock.now()
            case CallEnded() if event.call in self._live:
                call = self._live.pop(event.call)
                for account in (call.account, f"trunk:{call.trunk}"):
                    self._account(account).minutes += self._spent(call)

    def tick(self) -> None:
        """Alarms of who comes near the end of its minutes; live calls are cut there when the rules say so."""
        spenders = {call.account for call in self._live.values()} | {f"trunk:{call.trunk}" for call in self._live.values()}
        for account in spenders:
            limit, used = self._limit(account), self.minutes(account)
            if limit and used >= NEAR * limit:
                text = f"{account} used {used:.0f} of {limit:.0f} international minutes of today"
                self.alarms.raise_("toll_near", "warning" if used < limit else "major", text, account)
        if self.rules.cut:
            for identity, call in list(self._live.items()):
                if call.toll is not Toll.HOME and (self._is_used_up(call.account) or self._is_used_up(f"trunk:{call.trunk}")):
                    self.hang_up(identity)

    def minutes(self, account: str) -> float:
        """International minutes of today, those of calls that are up included."""
        up = (call for call in self._live.values() if account in (call.account, f"trunk:{call.trunk}"))
        return self._account(account).minutes + sum(self._spent(call) for call in up)

    def views(self) -> list[TollView]:
        """Every account that called out today, who spent most first."""
        today = self._today()
        names = {name for name, known in self._accounts.items() if known.day == today}
        names |= {call.account for call in self._live.values()}
        found = [
            TollView(
                name, sum(call.account == name for call in self._live.values()), round(self.minutes(name), 1),
                self._limit(name), self._is_used_up(name),
            )
            for name in names
        ]  # fmt: skip
        return sorted(found, key=lambda view: (-view.minutes, view.account))

    def reset(self, account: str) -> bool:
        """Gives an account its minutes of today back. False when it is not known."""
        known = self._accounts.pop(account, None)
        for code in ("toll_near", "toll_blocked"):
            self.alarms.clear(code, account)
        return known is not None

    def _spent(self, call: _Call) -> float:
        return (self.clock.now() - call.since) / 60.0 if call.since is not None and call.toll is not Toll.HOME else 0.0

    def _limit(self, account: str) -> float:
        return self.rules.trunk_minutes if account.startswith("trunk:") else self.rules.minutes

    def _is_used_up(self, account: str) -> bool:
        return 0 < self._limit(account) <= self.minutes(account)

    def _account(self, name: str) -> _Account:
        known = self._accounts.get(name)
        if known is None:
            if len(self._accounts) >= _MOST_ACCOUNTS:
                self._accounts.pop(next(iter(self._accounts)))
            known = self._accounts[name] = _Account(at=self.clock.now())
        if known.day != (today := self._today()):
            known.day, known.minutes = today, 0.0
        return known

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock.utc(), UTC).astimezone().date()


def _full(number: str, country: str) -> str:
    """With `+` and country code when it is written as an international number; else as it is."""
    digits = number.translate(str.maketrans("", "", " -.()"))
    prefix = PLANS[country].international
    return f"+{digits[len(prefix) :]}" if digits.startswith(prefix) else digits
