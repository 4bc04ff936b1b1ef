"""A callback: the place in a queue of somebody who hung up, or a wish to be called. Values and pure rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from softswitch.directory.snapshot import Snapshot
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.number import canonical

MOBILE_DIGITS = 11
FIRST_HOUR, LAST_HOUR = 8, 21
"""Nobody is called outside of these hours of civil time (call-centre.md §15)."""


class CallbackState(StrEnum):
    WAITING = "waiting"  # has its place in line
    SCHEDULED = "scheduled"  # waits for its time: agreed, the next attempt, or the morning
    DIALLING = "dialling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (CallbackState.WAITING, CallbackState.SCHEDULED, CallbackState.DIALLING)


@dataclass(frozen=True, slots=True)
class Attempt:
    """`result`: answered, busy, no_answer, unreachable … as a word."""

    at: float
    result: str
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """`entered` is the place: when the caller first took one. `scheduled`: not before, 0 = as soon as it is at the head."""

    id: str
    queue: str
    number: str
    state: CallbackState = CallbackState.WAITING
    created: float = 0.0
    entered: float = 0.0
    scheduled: float = 0.0
    importance: int = 0
    source: str = "queue"  # queue, voicemail, agent, page
    customer: str = ""
    agent: str = ""
    """Who is asked first; "" = whoever the queue chooses."""
    note: str = ""
    call: str = ""
    """The call it came from."""
    attempts: tuple[Attempt, ...] = ()

    def attempted(self, attempt: Attempt, retries: tuple[int, ...]) -> Callback:
        """After an attempt without success: the next one is scheduled, or it has failed. The place stays."""
        attempts = (*self.attempts, attempt)
        if len(attempts) > len(retries):
            return replace(self, attempts=attempts, state=CallbackState.FAILED)
        due = attempt.at + retries[len(attempts) - 1]
        return replace(self, attempts=attempts, state=CallbackState.SCHEDULED, scheduled=due)


def reachable(snapshot: Snapshot, number: str) -> Destination | None:
    """How a number would be dialled; None when no route leads there. Only what routes allow may be called back."""
    if number in snapshot.extensions:
        return Destination(DestinationKind.EXTENSION, number)
    plain = canonical(number)
    from_afar = (f"0{plain}",) if len(plain) == MOBILE_DIGITS and plain.startswith("1") else ()
    for form in dict.fromkeys((number, plain, *from_afar)):
        if form.lstrip("+").isdecimal() and snapshot.route_for(form) is not None:
            return Destination(DestinationKind.OUTSIDE, form)
    return None


def window(at: float, zone: str) -> float:
    """The first moment from `at` on at which people may be called."""
    civil = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    if FIRST_HOUR <= civil.hour < LAST_HOUR:
        return at
    morning = civil.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
    return (morning if civil.hour < FIRST_HOUR else morning + timedelta(days=1)).timestamp()
