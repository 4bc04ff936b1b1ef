"""May a caller join a queue: the checks of call-centre.md §3.1 in their order, each with an exit of its own. Pure.

List rules and time rules in the order of §8, then the greatest length, then the policy for a queue without agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from softswitch.calendar.model import ALWAYS_OPEN, CalendarState
from softswitch.directory.model import Queue
from softswitch.lists.model import Entry
from softswitch.lists.order import Facts, Rule, first_rule
from softswitch.model.destination import Destination


class Why(StrEnum):
    """Why a caller does not join, or no longer waits."""

    LISTED = "listed"
    EMERGENCY = "emergency"
    CLOSED = "closed"
    FULL = "full"
    EMPTY = "empty"


PROMPTS = {
    Why.LISTED: "blocked", Why.EMERGENCY: "emergency", Why.CLOSED: "closed", Why.FULL: "queue-full", Why.EMPTY: "no-agents",
}  # fmt: skip
"""What is said to a caller for whom no destination is declared."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """The emergency switch of a queue while it is on. `until`: epoch seconds, 0 = until it is switched off."""

    announcement: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Staffing:
    """Agents of a queue: signed in, and those of them who are READY."""

    signed_in: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What is known when a caller arrives. `waiting`: callers in the line; `at`: epoch seconds of the wall clock."""

    number: str
    at: float
    white: Entry | None = None
    black: Entry | None = None
    emergency: Emergency | None = None
    calendar: CalendarState = ALWAYS_OPEN
    waiting: int = 0
    staffing: Staffing = Staffing()


@dataclass(frozen=True, slots=True)
class Refusal:
    """`to` is where the caller goes instead; without one `prompt` is said and the call released. `rule`: what decided."""

    why: Why
    to: Destination | None = None
    prompt: str = ""
    rule: str = ""


def refusal(queue: Queue, arrival: Arrival) -> Refusal | None:
    """None: the caller may join."""
    return _by_rules(queue, arrival) or _by_length(queue, arrival) or _by_staff(queue, arrival)


def _by_rules(queue: Queue, arrival: Arrival) -> Refusal | None:
    switch = arrival.emergency
    black = arrival.black if arrival.black is not None and arrival.black.action != "lowest" else None
    verdict = first_rule(
        Facts(
            number=arrival.number, at=arrival.at, white=arrival.white, black=black,
            forced=switch is not None and not switch.until, closed_until=switch.until if switch is not None else 0.0,
            open=arrival.calendar.open, holiday=arrival.calendar.why == "holiday",
        )
    )  # fmt: skip
    if verdict.admitted:
        return None
    if verdict.rule is Rule.BLACKLIST:
        return Refusal(Why.LISTED, prompt=(black.announcement if black else "") or PROMPTS[Why.LISTED], rule=verdict.rule)
    if verdict.rule in (Rule.FORCED, Rule.CLOSURE):
        announcement = switch.announcement if switch is not None else ""
        return Refusal(Why.EMERGENCY, queue.emergency, announcement or PROMPTS[Why.EMERGENCY], verdict.rule)
    return Refusal(Why.CLOSED, queue.closed, PROMPTS[Why.CLOSED], verdict.rule)


def _by_length(queue: Queue, arrival: Arrival) -> Refusal | None:
    if not queue.max_length or arrival.waiting < queue.max_length:
        return None
    return Refusal(Why.FULL, queue.full, PROMPTS[Why.FULL], "max_length")


def _by_staff(queue: Queue, arrival: Arrival) -> Refusal | None:
    wanted = {"allow": 1, "signed_in": arrival.staffing.signed_in, "ready": arrival.staffing.ready}[queue.join_empty]
    return None if wanted else Refusal(Why.EMPTY, queue.empty, PROMPTS[Why.EMPTY], f"join_empty {queue.join_empty}")
