"""When a waiting caller goes elsewhere, and where: the rules of a queue that look at more than its own time. Pure.

The core has the timers (`wait`, `no_agents`, the longest wait, an empty queue); here are predicted wait, length, ratio, closing
and time of day. At most three hops, never back to a queue that the caller has left (call-centre.md §7).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from softswitch.directory.model import Overflow, Queue
from softswitch.model.destination import Destination, DestinationKind

MOST_HOPS = 3

_RESULTS = {DestinationKind.VOICEMAIL: "mailbox", DestinationKind.CALLBACK: "callback"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the rules look at. Seconds; None = unknown or not the case. `minute` is the civil minute of the day."""

    place: int
    """In line, from 1: `length` and `ratio` take those away who stand behind the limit, not everybody."""
    signed_in: int
    predicted: float | None = None
    open: bool = True
    closes_in: float | None = None
    minute: int = 0


@dataclass(frozen=True, slots=True)
class Exit:
    """Why the visit ends. `result` is QueueLeft's word; without `to` the caller hears a word and is released."""

    result: str
    to: Destination | None = None
    rule: str = ""
    number: str = ""
    """callback: the number to call, as the caller confirmed it."""

    @property
    def chosen(self) -> bool:
        """By a person: a key of the caller, a supervisor."""
        return self.rule.startswith(("key", "moved"))


@dataclass(slots=True)
class Trail:
    """Where a call has been; kept while it lives, so that a place in line is worth the same after every hop.

    `first` is when it first took a place (the core's seconds).
    """

    first: float
    hops: int = 0
    visited: list[str] = field(default_factory=list)
    returns: bool = False
    """A callback that was answered: it has its place already, nothing is checked again."""
    spent: set[Destination] = field(default_factory=set)
    """Destinations that were tried and did not take the call."""

    def allows(self, to: Destination) -> bool:
        """Whether an overflow may still go there."""
        back = to.kind is DestinationKind.QUEUE and to.name in self.visited
        return self.hops < MOST_HOPS and not back and to not in self.spent


def leaves(queue: Queue, moment: Moment, trail: Trail) -> Exit | None:
    """The first reason to send a waiting caller elsewhere now."""
    if not moment.open and (closing := _closing(queue)) is not None and trail.allows(closing):
        return Exit(result_of(closing), closing, "closing")
    rule = next((rule for rule in queue.overflows if fires(rule, moment) and trail.allows(rule.to)), None)
    return Exit(result_of(rule.to), rule.to, rule.when) if rule is not None else None


def fires(rule: Overflow, moment: Moment) -> bool:
    """Whether the condition of a rule holds."""
    match rule.when:
        case "ewt":
            return moment.predicted is not None and moment.predicted >= rule.threshold
        case "length":
            return moment.place > rule.threshold
        case "ratio":
            return moment.place > rule.threshold * moment.signed_in
        case "closing":
            return moment.open and moment.closes_in is not None and moment.closes_in <= rule.threshold * 60
        case "between":
            return between(rule.between, moment.minute)
        case "wait" | "no_agents":
            return False  # timers of the core


def between(span: str, minute: int) -> bool:
    """Whether a minute of the day is in "HH:MM-HH:MM", both included; over midnight when it ends before it starts."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in span.split("-"))
    return start <= minute <= end if start <= end else minute >= start or minute <= end


def result_of(to: Destination) -> str:
    """QueueLeft's word for a caller who goes on to a destination."""
    return _RESULTS.get(to.kind, "overflow")


def key_result(to: Destination) -> str:
    """The same for a caller who pressed a key."""
    return _RESULTS.get(to.kind, "key")


def has_rules(queue: Queue) -> bool:
    """Whether something but a timer of the core can send a waiting caller away."""
    looked_at = any(rule.when not in ("wait", "no_agents") for rule in queue.overflows)
    return looked_at or bool(queue.calendar and queue.closing != "finish")


def _closing(queue: Queue) -> Destination | None:
    """Where waiting callers go at closing time; None: they are served."""
    if queue.closing == "voicemail" and queue.mailbox:
        return Destination(DestinationKind.VOICEMAIL, queue.mailbox)
    if queue.closing == "callback":
        return Destination(DestinationKind.CALLBACK, queue.name)
    return None
