"""What accounts have spent today and which countries they may call: kept over a restart in `data_dir/tolls.json`."""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from softswitch.defence.rules import Toll

_MOST_ACCOUNTS = 100_000
_MOST_HELD = 20
"""Countries of one account that wait for approval; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Held:
    """A number of a country that its account called for the first time. `at`: UTC epoch seconds of the first refusal."""

    country: str
    number: str
    at: float


@dataclass(slots=True)
class Account:
    """`tokens` are for new calls; `minutes` (international) and `cost` those of the calls of `day` that are over."""

    tokens: float = 1.0
    at: float = 0.0
    day: date = date.min
    minutes: float = 0.0
    cost: float = 0.0
    countries: set[str] = field(default_factory=set)
    held: dict[str, Held] = field(default_factory=dict)
    promised: deque[tuple[float, Toll]] = field(default_factory=lambda: deque(maxlen=64))
    """Calls that may go out and have not yet: when, and what kind."""

    def hold(self, held: Held) -> None:
        self.held.setdefault(held.country, held)
        if len(self.held) > _MOST_HELD:
            del self.held[next(iter(self.held))]

    @property
    def is_blank(self) -> bool:
        """Whether nothing of it is worth keeping."""
        return not (self.minutes or self.cost or self.countries or self.held)


class Ledger:
    """All accounts; bounded, least recently used first out. `today` is the local day, `now` monotonic seconds."""

    def __init__(self, today: Callable[[], date], now: Callable[[], float]) -> None:
        self._today = today
        self._now = now
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def account(self, name: str) -> Account:
        """Made when it is new; with the figures of today."""
        known = self._accounts.get(name)
        if known is None:
            if len(self._accounts) >= _MOST_ACCOUNTS:
                self._accounts.popitem(last=False)
            known = self._accounts[name] = Account(at=self._now())
        else:
            self._accounts.move_to_end(name)
        if known.day != (today := self._today()):
            known.day, known.minutes, known.cost = today, 0.0, 0.0
        return known

    def known(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def of_today(self) -> list[str]:
        """Who called out today, or waits for an approval."""
        today = self._today()
        return [name for name, account in self._accounts.items() if account.day == today or account.held]

    def text(self, live: Mapping[str, tuple[float, float]]) -> str:
        """All that a restart must not forget. `live`: minutes and cost of the calls that are up, by account."""
        today = self._today()
        rows: dict[str, dict[str, Any]] = {}
        for name in {*self._accounts, *live}:
            account = self.account(name) if name in live else self._accounts[name]
            minutes, cost = live.get(name, (0.0, 0.0))
            if account.day == today:
                minutes, cost = minutes + account.minutes, cost + account.cost
            if account.is_blank and not (minutes or cost):
                continue
            held = [[one.country, one.number, round(one.at)] for one in account.held.values()]
            rows[name] = {
                "minutes": round(minutes, 2), "cost": round(cost, 4), "countries": sorted(account.countries), "held": held,
            }  # fmt: skip
        return json.dumps({"day": today.isoformat(), "accounts": dict(sorted(rows.items()))}, ensure_ascii=False)

    def read(self, text: str) -> None:
        """What `text` has written. Minutes and cost of another day are over. Raises ValueError."""
        try:
            kept = json.loads(text)
            is_today = date.fromisoformat(kept["day"]) == self._today()
            for name, row in kept["accounts"].items():
                account = self.account(str(name))
                account.countries |= set(map(str, row["countries"]))
                for held in _held(row["held"]):
                    account.hold(held)
                if is_today:
                    account.minutes, account.cost = float(row["minutes"]), float(row["cost"])
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError(str(fault)) from fault


def _held(rows: Iterable[Any]) -> Iterator[Held]:
    return (Held(str(country), str(number), float(at)) for country, number, at in rows)
