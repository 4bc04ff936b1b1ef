"""Which conditions hold now: pure functions from what is seen to alarms that should be active.

Thresholds are those of the alarm rules; where no rule names a code, the defaults below. A rule for one object goes before
a rule for all. Of several rules that are met the most severe decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from softswitch.directory.model import AlarmRule
from softswitch.model.states import AgentState
from softswitch.observe.alarms import LEVELS

NOT_RESPONDING_PERCENT = 10.0
FEWEST_CALLS = 10
"""So many calls must have ended in a window before its service level means anything."""
SOON_DAYS = 7.0
LAG_SECONDS = 5.0
_UP = frozenset({"up", "registered"})
_LOST = frozenset({"failed", "rejected", "unregistered"})


@dataclass(frozen=True, slots=True)
class Condition:
    code: str
    object: str
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """A queue as it is now, and its last 15 minutes."""

    name: str
    waiting: int = 0
    longest_wait: float = 0.0  # seconds
    goal: int = 80  # per cent
    service_level: float | None = None
    calls: int = 0
    """That the service level is made of."""
    load: float = 0.0
    agents: int = 0
    """Signed in."""
    open: bool = True


Rules = Sequence[AlarmRule]


def rules_for(code: str, about: str, rules: Rules) -> list[AlarmRule]:
    named = [rule for rule in rules if rule.code == code and rule.object == about]
    return named or [rule for rule in rules if rule.code == code and not rule.object]


def _worst(levels: Iterable[str]) -> str:
    return min(levels, key=LEVELS.index)


def _above(
    code: str, about: str, value: float, text: str, rules: Rules, default: tuple[float, str] | None
) -> Iterator[Condition]:
    """A condition when `value` reaches the threshold of a rule, or of the default when there is no rule."""
    found = rules_for(code, about, rules)
    met: list[str] = [rule.level for rule in found if value >= rule.threshold > 0]
    if not found and default and value >= default[0]:
        met = [default[1]]
    if met:
        yield Condition(code, about, _worst(met), text)


def queue_conditions(facts: QueueFacts, rules: Rules) -> Iterator[Condition]:
    about = f"queue:{facts.name}"
    yield from _above("queue_length", about, facts.waiting, f"{facts.waiting} callers wait in {facts.name}", rules, None)
    wait = f"A caller of {facts.name} has waited for {facts.longest_wait:.0f} s"
    yield from _above("longest_wait", about, facts.longest_wait, wait, rules, None)
    if facts.service_level is not None and facts.calls >= FEWEST_CALLS:
        found = rules_for("service_level", about, rules)
        met: list[str] = [rule.level for rule in found if facts.service_level < (rule.threshold or facts.goal)]
        if not found and facts.service_level < facts.goal:
            met = ["minor"]
        if met:
            text = f"{facts.service_level:.0f} % of the last 15 minutes in time, the goal of {facts.name} is {facts.goal} %"
            yield Condition("service_level", about, _worst(met), text)
    if facts.open and facts.load > 0 and facts.load >= facts.agents:
        levels = [rule.level for rule in rules_for("offered_load", about, rules)] or ["warning"]
        text = f"{facts.name} is offered {facts.load:.1f} Erlang and has {facts.agents} agents: the queue will grow"
        yield Condition("offered_load", about, _worst(levels), text)


def agent_conditions(states: Mapping[str, str], rules: Rules) -> Iterator[Condition]:
    """`states`: login → AgentState of everybody."""
    present = [state for state in states.values() if state not in (AgentState.LOGGED_OUT, AgentState.OFFLINE)]
    away = present.count(AgentState.NOT_RESPONDING)
    if present and away:
        share = 100.0 * away / len(present)
        text = f"{away} of {len(present)} agents do not respond"
        default = (NOT_RESPONDING_PERCENT + 1e-9, "major")  # more than the limit
        yield from _above("not_responding", "", share, text, rules, default)


def trunk_conditions(trunks: Mapping[str, tuple[str, str]], rules: Rules) -> Iterator[Condition]:
    """`trunks`: name → state and detail. All down at once is critical."""
    down = {name: place for name, place in trunks.items() if place[0] not in _UP}
    all_down = bool(down) and len(down) == len(trunks)
    for name, (state, detail) in down.items():
        about = f"trunk:{name}"
        code = "registration_lost" if state in _LOST else "trunk_down"
        levels: list[str] = [rule.level for rule in rules_for(code, about, rules)]
        levels = levels or ["critical" if all_down else "major"]
        yield Condition(code, about, _worst(levels), f"Trunk {name} is {state}" + (f": {detail}" if detail else ""))


def phone_conditions(stations: Mapping[str, str], registered: Iterable[str], rules: Rules) -> Iterator[Condition]:
    """`stations`: login → extension of agents who are signed in at a phone."""
    there = set(registered)
    for login, extension in stations.items():
        if extension not in there:
            about = f"extension:{extension}"
            met = [rule.level for rule in rules_for("phone_lost", about, rules)] or ["minor"]
            yield Condition("phone_lost", about, _worst(met), f"The phone {extension} of {login} is not registered")


def lag_condition(seconds: float, rules: Rules) -> Iterator[Condition]:
    yield from _above(
        "journal_lag", "", seconds, f"Events wait {seconds:.0f} s for the database", rules, (LAG_SECONDS, "major")
    )


def certificate_conditions(days: Mapping[str, float], limit: float) -> Iterator[Condition]:
    """`days`: what a certificate is for → days that are left. One alarm for each, sharper from 7 days and in the last one."""
    for what, left in days.items():
        if left < limit:
            level = "critical" if left <= 1 else "major" if left <= SOON_DAYS else "minor"
            text = f"The certificate of {what} ends in {left:.0f} days" if left > 0 else f"The certificate of {what} is over"
            yield Condition("certificate", what, level, text)
