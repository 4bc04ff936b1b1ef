"""Toll fraud: what an account, and a trunk, may spend on calls to the outside (sip.md §9).

Every way to the outside is asked here, whoever chose it: a person who dials, a flow, a forwarding, a callback, a transfer.
An account is who pays: the extension or agent that dials, or the trunk whose caller is sent on to the outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import structlog

from softswitch.defence.ledger import Account, Held, Ledger
from softswitch.defence.rules import NOTHING, Limits, Own, Toll, TollRules, country_of
from softswitch.lists.order import EMERGENCY
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import NotFound
from softswitch.model.events import AdminChanged, CallAnswered, CallConnected, CallEnded, Event, LegEnded, LegStarted
from softswitch.observe.alarms import Alarms

log = structlog.get_logger("tolls")

HEARS = (LegStarted, CallAnswered, CallConnected, LegEnded, CallEnded)
NEAR = 0.8
"""Of a day's minutes or cost: from here on there is an alarm."""
PROMISE_SECONDS = 5.0
"""A call that may go out and does not within this time is not counted any more."""
BLOCKED_SECONDS = 600.0
"""The alarm of a refused call is over when none was refused for so long."""
_OF_THE_DAY = frozenset({"minutes", "cost"})


@dataclass(slots=True)
class _Leg:
    """An outside leg that is on its way or up. `call` is not known until its timeline tells of it."""

    account: str
    number: str
    toll: Toll
    trunk: str
    began: float
    call: str = ""
    rate: float = 0.0  # of a minute
    since: float | None = None

    @property
    def payers(self) -> tuple[str, str]:
        return self.account, f"trunk:{self.trunk}"


@dataclass(frozen=True, slots=True)
class TollView:
    """What an account has used today. `limit` in international minutes, `cost_limit` in money; 0 for none."""

    account: str
    calls: int
    minutes: float
    limit: float
    blocked: bool
    cost: float = 0.0
    cost_limit: float = 0.0
    held: tuple[Held, ...] = ()
    countries: tuple[str, ...] = ()


@dataclass(slots=True)
class TollGuard:
    """Owned by the loop.

    `may` is asked before a call goes out, `spends` is told of each leg that does, `note` hears of its answer and end, and
    `tick` is called now and then. `own` gives the limits of an account, `rate` the price of a minute to a number over a trunk.
    """

    rules: TollRules
    clock: Clock
    alarms: Alarms
    hang_up: Callable[[str], None] = lambda _call: None
    own: Callable[[str], Own] = lambda _account: NOTHING
    rate: Callable[[str, str], float] = lambda _number, _trunk: 0.0
    is_open: Callable[[str], bool] = lambda _calendar: True
    is_emergency: Callable[[str], bool] = EMERGENCY.__contains__
    journal: Callable[[Event], None] = lambda _event: None
    _ledger: Ledger = field(init=False)
    _legs: dict[str, _Leg] = field(default_factory=dict)
    _by_account: dict[str, dict[str, _Leg]] = field(default_factory=dict)
    _by_call: dict[str, set[str]] = field(default_factory=dict)
    _used_up: set[str] = field(default_factory=set)
    _alarmed: dict[tuple[str, str], tuple[date, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self._today, self.clock.now)

    def may(self, account: str, destination: Destination) -> str:
        """Why a call may not go out; "" when it may, and is counted as new then. Emergency calls always may."""
        number = destination.name
        if destination.kind is not DestinationKind.OUTSIDE or number in EMERGENCY:
            return ""
        toll = self.rules.classify(number)
        rule = self._refusal(account, number, toll)
        if not rule:
            self._ledger.account(account).promised.append((self.clock.now(), toll))
        elif self.is_emergency(number):
            return ""
        else:
            self._refused(account, number, rule)
        return rule

    def is_closed(self, trunk: str, number: str) -> bool:
        """Whether a trunk has used up its day for calls of this kind: the call goes by another one."""
        name = f"trunk:{trunk}"
        if name not in self._used_up or self.is_emergency(number):
            return False
        return self._over(name, self.rules.classify(number)) != ""

    def forbids(self, account: str, destination: Destination) -> bool:
        """Whether a number is denied to an account whatever it has used: asked of forwards. Counts nothing."""
        number = destination.name
        if destination.kind is not DestinationKind.OUTSIDE or number in EMERGENCY:
            return False
        denied = self.rules.classify(number) is Toll.PREMIUM and not self.rules.allows(account, number, self.own(account))
        if denied:
            self._refused(account, number, "premium")
        return denied

    def _refusal(self, account: str, number: str, toll: Toll) -> str:
        rules, own = self.rules, self.own(account)
        if toll is Toll.PREMIUM and not rules.allows(account, number, own):
            return "premium"
        limits = rules.limits(account, own)
        if limits.calls and limits.calls <= self._open(account, abroad=False):
            return "calls"
        if (rule := self._over(account, toll, limits)) != "":
            return rule
        if toll is not Toll.HOME:
            if limits.international_calls and limits.international_calls <= self._open(account, abroad=True):
                return "international calls"
            if not rules.is_hour(self.clock.utc()) or (rules.calendar and not self.is_open(rules.calendar)):
                return "hours"
            if rules.hold and self._is_new(account, number):
                return "new country"
        return "" if self._take(account) else "rate"

    def _is_new(self, account: str, number: str) -> bool:
        """A country that the account has never called waits until somebody approves it."""
        country = country_of(self.rules.full(number))
        known = self._ledger.account(account)
        if not country or country in known.countries or country in self.rules.countries:
            return False
        known.hold(Held(country, number, self.clock.utc()))
        return True

    def _refused(self, account: str, number: str, rule: str) -> None:
        log.warning("! call refused", account=account, number=number, rule=rule)
        code = "toll_held" if rule == "new country" else "toll_blocked"
        self._raise(code, "major", f"{account} may not call {number}: {rule}", account, of_the_day=rule in _OF_THE_DAY)

    def _take(self, account: str) -> bool:
        """One new call of the rate. Trunks have their own pace."""
        rate = self.rules.per_second
        if rate <= 0 or account.startswith("trunk:"):
            return True
        known, now = self._ledger.account(account), self.clock.now()
        known.tokens = min(max(1.0, rate), known.tokens + (now - known.at) * rate)
        known.at = now
        if known.tokens < 1.0:
            return False
        known.tokens -= 1.0
        return True

    def _open(self, account: str, *, abroad: bool) -> int:
        """Calls of the account now: one that rings several places counts once, one that connects several as often."""
        up: Counter[str] = Counter()
        ringing: set[str] = set()
        for name, leg in self._by_account.get(account, {}).items():
            if abroad and leg.toll is Toll.HOME:
                continue
            if leg.since is None:
                ringing.add(leg.call or name)
            else:
                up[leg.call or name] += 1
        oldest = self.clock.now() - PROMISE_SECONDS
        promised = self._ledger.account(account).promised
        while promised and promised[0][0] < oldest:
            promised.popleft()
        coming = sum(not abroad or toll is not Toll.HOME for _, toll in promised)
        return up.total() + len(ringing - up.keys()) + coming

    # what was spent

    def spends(self, account: str, leg: str, number: str, trunk: str) -> None:
        """A leg to an outside number is on its way."""
        found = _Leg(account, number, self.rules.classify(number), trunk, self.clock.now())
        self._legs[leg] = found
        self._by_account.setdefault(account, {})[leg] = found
        promised = self._ledger.account(account).promised
        if promised:
            promised.popleft()

    def note(self, event: Event) -> None:
        """What becomes of the legs that go out (HEARS)."""
        if isinstance(event, CallEnded):
            for name in self._by_call.pop(event.call, ()):
                self._close(name)
            return
        leg = self._legs.get(event.leg)
        if leg is None:
            return
        match event:
            case LegStarted():
                leg.call = event.call
                self._by_call.setdefault(event.call, set()).add(event.leg)
            case CallAnswered() | CallConnected() if leg.since is None:
                leg.since = self.clock.now()
                leg.rate = self.rate(leg.number, leg.trunk)
            case LegEnded():
                self._close(event.leg)

    def _close(self, name: str) -> None:
        leg = self._legs.pop(name, None)
        if leg is None:
            return
        mine = self._by_account[leg.account]
        del mine[name]
        if not mine:
            del self._by_account[leg.account]
        minutes, cost = self._spent(leg)
        if minutes or cost:
            for payer in leg.payers:
                self._charge(payer, minutes, cost)

    def _charge(self, name: str, minutes: float, cost: float) -> None:
        account = self._ledger.account(name)
        account.minutes += minutes
        account.cost += cost
        self._warn(name, (0.0, 0.0))
        if self._is_used_up(name):
            self._used_up.add(name)

    def tick(self) -> None:
        """Alarms of who comes near its limits; live calls are cut there when the rules say so."""
        now = self.clock.now()
        for name in [name for name, leg in self._legs.items() if not leg.call and now - leg.began > PROMISE_SECONDS]:
            self._close(name)  # it failed before its call knew of it
        self._calm(now)
        live = self._live()
        self._used_up = {name for name in (*live, *self._used_up) if self._is_used_up(name, live)}
        for name, spent in live.items():
            self._warn(name, spent)
        if self.rules.cut and self._used_up:
            for leg in list(self._legs.values()):
                if leg.since is not None and any(
                    payer in self._used_up and self._over(payer, leg.toll) for payer in leg.payers
                ):
                    self.hang_up(leg.call)

    def _warn(self, name: str, spent: tuple[float, float]) -> None:
        account, limits = self._ledger.account(name), self._limits(name)
        minutes, cost = account.minutes + spent[0], account.cost + spent[1]
        for used, limit, what in ((minutes, limits.minutes, "international minutes"), (cost, limits.cost, "cost")):
            if limit and used >= NEAR * limit:
                text = f"{name} used {used:.0f} of {limit:.0f} {what} of today"
                self._raise("toll_near", "warning" if used < limit else "major", text, name, of_the_day=True)

    def _raise(self, code: str, level: str, text: str, name: str, *, of_the_day: bool) -> None:
        """An alarm that is over by itself: at the end of the day, or when it was not repeated for some time."""
        self.alarms.raise_(code, level, text, name)
        self._alarmed[code, name] = self._today(), float("inf") if of_the_day else self.clock.now() + BLOCKED_SECONDS

    def _calm(self, now: float) -> None:
        today = self._today()
        for (code, name), (day, until) in list(self._alarmed.items()):
            if (day != today or until <= now) and not (code == "toll_held" and self._holds(name)):
                del self._alarmed[code, name]
                self.alarms.clear(code, name)

    def _holds(self, name: str) -> bool:
        known = self._ledger.known(name)
        return known is not None and bool(known.held)

    def minutes(self, account: str) -> float:
        """International minutes of today, those of calls that are up included."""
        return self._total(account)[0]

    def _total(self, name: str, live: dict[str, tuple[float, float]] | None = None) -> tuple[float, float]:
        """Minutes and cost of today."""
        account = self._ledger.account(name)
        if live is not None:
            minutes, cost = live.get(name, (0.0, 0.0))
        else:
            minutes, cost = _sum(self._spent(leg) for leg in self._legs_of(name))
        return account.minutes + minutes, account.cost + cost

    def _legs_of(self, name: str) -> Iterable[_Leg]:
        if name.startswith("trunk:"):
            return (leg for leg in self._legs.values() if name in leg.payers)
        return self._by_account.get(name, {}).values()

    def _live(self) -> dict[str, tuple[float, float]]:
        """What the legs that are up have spent until now, by account and trunk."""
        found: dict[str, tuple[float, float]] = {}
        for leg in self._legs.values():
            minutes, cost = self._spent(leg)
            for payer in leg.payers:
                before = found.get(payer, (0.0, 0.0))
                found[payer] = before[0] + minutes, before[1] + cost
        return found

    def _spent(self, leg: _Leg) -> tuple[float, float]:
        """International minutes and cost."""
        if leg.since is None:
            return 0.0, 0.0
        minutes = (self.clock.now() - leg.since) / 60.0
        return (minutes if leg.toll is not Toll.HOME else 0.0), minutes * leg.rate

    def _limits(self, name: str) -> Limits:
        return self.rules.limits(name, self.own(name))

    def _over(self, name: str, toll: Toll, limits: Limits | None = None) -> str:
        """Which of the day's limits an account has reached that a call of this kind counts against."""
        limits = limits or self._limits(name)
        by_minutes = limits.minutes > 0 and toll is not Toll.HOME
        if not by_minutes and limits.cost <= 0:
            return ""
        minutes, cost = self._total(name)
        if by_minutes and limits.minutes <= minutes:
            return "minutes"
        return "cost" if 0 < limits.cost <= cost else ""

    def _is_used_up(self, name: str, live: dict[str, tuple[float, float]] | None = None) -> bool:
        limits = self._limits(name)
        if not (limits.minutes or limits.cost):
            return False
        minutes, cost = self._total(name, live)
        return 0 < limits.minutes <= minutes or 0 < limits.cost <= cost

    # for people

    def views(self) -> list[TollView]:
        """Every account that called out today or waits for an approval, who spent most first."""
        live = self._live()
        found = [self._view(name, live) for name in {*self._ledger.of_today(), *live}]
        return sorted(found, key=lambda view: (not view.held, -view.minutes, -view.cost, view.account))

    def _view(self, name: str, live: dict[str, tuple[float, float]]) -> TollView:
        account, limits, (minutes, cost) = self._ledger.account(name), self._limits(name), self._total(name, live)
        calls = len({leg.call for leg in self._legs_of(name)})
        return TollView(
            name, calls, round(minutes, 1), limits.minutes, self._is_used_up(name, live), round(cost, 2), limits.cost,
            tuple(account.held.values()), tuple(sorted(account.countries)),
        )  # fmt: skip

    def reset(self, name: str, actor: str = "system") -> bool:
        """Gives an account its minutes and money of today back. False when it is not known."""
        known = self._ledger.known(name)
        if known is None:
            return False
        minutes, cost = _sum(self._spent(leg) for leg in self._legs_of(name))
        known.minutes, known.cost = -minutes, -cost  # what calls that are up have spent until now is forgiven too
        self._used_up.discard(name)
        self._clear(name, "toll_near", "toll_blocked")
        self._audit(name, "toll reset", {}, actor)
        return True

    def approve(self, name: str, country: str, actor: str) -> None:
        """From now on the account may call this country."""
        account = self._ledger.account(name)
        account.countries.add(country)
        self._settled(name, account, country, "toll country approved", actor)

    def refuse(self, name: str, country: str, actor: str) -> None:
        """Takes an approval, or what waits for one, away. Raises NotFound."""
        account = self._ledger.known(name)
        if account is None or country not in account.countries | account.held.keys():
            raise NotFound(f"{name} has neither called +{country} nor may it")
        account.countries.discard(country)
        self._settled(name, account, country, "toll country refused", actor)

    def _settled(self, name: str, account: Account, country: str, action: str, actor: str) -> None:
        account.held.pop(country, None)
        if not account.held:
            self._clear(name, "toll_held")
        self._audit(name, action, {"country": country}, actor)

    def _clear(self, name: str, *codes: str) -> None:
        for code in codes:
            self._alarmed.pop((code, name), None)
            self.alarms.clear(code, name)

    def _audit(self, name: str, action: str, detail: dict[str, str], actor: str) -> None:
        self.journal(AdminChanged(object=f"toll:{name}", action=action, detail=detail, actor=actor, at=self.clock.utc()))

    # over a restart

    def text(self) -> str:
        """What a restart must not forget, calls that are up included."""
        return self._ledger.text(self._live())

    def read(self, text: str) -> None:
        """What `text` has written. Raises ValueError."""
        self._ledger.read(text)
        self._used_up = {name for name in self._ledger.of_today() if self._is_used_up(name)}

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock.utc(), UTC).astimezone().date()


def _sum(spent: Iterable[tuple[float, float]]) -> tuple[float, float]:
    minutes = cost = 0.0
    for one, other in spent:
        minutes, cost = minutes + one, cost + other
    return minutes, cost
