"""What queues ask of the rest of the product, with answers for a switch that has none of it. Parts fill it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from softswitch.acd.entry import Emergency
from softswitch.calendar.model import ALWAYS_OPEN, CalendarState
from softswitch.calls.call import Call
from softswitch.directory.model import Queue
from softswitch.lists.model import Direction, Entry
from softswitch.lists.order import Rule, Verdict


class Prediction(Protocol):
    @property
    def mean_ms(self) -> int: ...

    @property
    def p80_ms(self) -> int: ...


class Predictor(Protocol):
    """`softswitch.prediction`: how long somebody waits who has so many callers ahead."""

    def predict(self, queue: str, ahead: int) -> Prediction | None: ...


class ListBook(Protocol):
    def judge(self, number: str, direction: Direction) -> Verdict: ...

    def vip(self, number: str) -> Entry | None: ...


class Kept(Protocol):
    """A callback that a caller has already."""

    @property
    def id(self) -> str: ...

    @property
    def entered(self) -> float:
        """The place, in the core's seconds."""


class CallbackDesk(Protocol):
    """`acd.callbacks.Callbacks`, as the waiting line uses it."""

    async def ask(self, call: Call, queue: Queue) -> str:
        """Confirms a number with the caller; "" when the caller goes on waiting."""

    async def keep(self, call: Call, queue: Queue, number: str, entered: float) -> None:
        """Takes the place over and tells the caller."""

    def may_offer(self, queue: Queue, number: str) -> bool: ...

    def of(self, queue: str, number: str) -> Kept | None:
        """An open callback of this number in this queue."""

    async def meet(self, call: Call, queue: Queue, kept: Kept) -> str:
        """A caller who has a callback rings again: keep, cancel or swap, as the caller says."""

    def claimed(self, call: Call) -> float | None:
        """The place that an answered callback brings along; None for other calls."""


class _NoLists:
    def judge(self, _number: str, _direction: str) -> Verdict:
        return Verdict(Rule.DEFAULT, admitted=True)

    def vip(self, _number: str) -> Entry | None:
        return None


def _always(_name: str) -> CalendarState:
    return ALWAYS_OPEN


async def _at_once(_call: Call) -> None:
    pass


async def _nobody(_call: Call, _queue: Queue) -> tuple[tuple[str, str], ...]:
    return ()


def _never(_number: str) -> bool:
    return False


def _nothing(_number: str) -> None:
    pass


@dataclass(slots=True)
class Surroundings:
    """One per service; `bootstrap/parts` sets the fields."""

    calendar: Callable[[str], CalendarState] = _always
    lists: ListBook = field(default_factory=_NoLists)
    emergencies: Callable[[str], Emergency | None] = lambda _queue: None
    predictor: Predictor | None = None
    callbacks: CallbackDesk | None = None
    acquaintances: Callable[[Call, Queue], Awaitable[tuple[tuple[str, str], ...]]] = _nobody
    """Who knows the caller: (owner | dedicated | last, login)."""
    introduced: Callable[[Call], Awaitable[object]] = _at_once
    """Returns when the caller has been looked up, or when that takes too long: variables then tell importance and class."""
    surveyed: Callable[[str], bool] = _never
    """Whether this number was asked in the last days."""
    invited: Callable[[str], None] = _nothing
    dice: Callable[[], float] = lambda: 0.0
    """0 to below 1: who is asked for a survey."""
    local_minute: Callable[[str], int] = lambda _calendar: 0
    """The civil minute of the day in the zone of a calendar, or of the switch."""
    utc: Callable[[], float] = lambda: 0.0
    returned: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """(queue, number) → entered and left, of callers who gave up before a restart."""
