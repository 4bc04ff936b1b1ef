"""The order in which rules are asked about a call (call-centre.md §8), as one pure function.

1 emergency class, 2 whitelist, 3 blacklist, 4 forced action, 5 temporary closure, 6 holiday, 7 weekly hours, 8 default.
The first that has something to say decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from softswitch.lists.model import Entry

EMERGENCY = frozenset({"110", "112", "119", "120", "122", "911", "12110", "12395"})
"""Numbers that nothing stops, in either direction."""


class Rule(StrEnum):
    EMERGENCY = "emergency"
    WHITELIST = "whitelist"
    BLACKLIST = "blacklist"
    FORCED = "forced"
    CLOSURE = "closure"
    HOLIDAY = "holiday"
    HOURS = "hours"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a call when it asks. `forced`: a queue or line that was switched to one action by hand, for good;
    `closed_until`: a temporary closure with its end (epoch seconds); `open` and `holiday` are the calendar's word."""

    number: str
    at: float
    white: Entry | None = None
    black: Entry | None = None
    forced: bool = False
    closed_until: float = 0.0
    open: bool = True
    holiday: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`admitted`: the call may go where it wants; `rule` says which of the eight decided, `entry` the list's."""

    rule: Rule
    admitted: bool
    entry: Entry | None = None


def first_rule(facts: Facts, *, emergency: frozenset[str] = EMERGENCY) -> Verdict:
    if facts.number in emergency:
        return Verdict(Rule.EMERGENCY, admitted=True)
    if facts.white is not None:
        return Verdict(Rule.WHITELIST, admitted=True, entry=facts.white)
    if facts.black is not None:
        return Verdict(Rule.BLACKLIST, admitted=False, entry=facts.black)
    if facts.forced:
        return Verdict(Rule.FORCED, admitted=False)
    if facts.at < facts.closed_until:
        return Verdict(Rule.CLOSURE, admitted=False)
    if not facts.open:
        return Verdict(Rule.HOLIDAY if facts.holiday else Rule.HOURS, admitted=False)
    return Verdict(Rule.DEFAULT, admitted=True)
