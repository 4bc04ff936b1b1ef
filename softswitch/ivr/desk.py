"""What flows may ask of the rest of the product, as protocols. The composition root fills a `Desk`; what is absent says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from softswitch.model.errors import Conflict


@dataclass(frozen=True, slots=True)
class Hours:
    """Whether a calendar is open; `why` is closed, holiday, workday, special or open."""

    open: bool
    why: str = ""


class Calendars(Protocol):
    def state(self, name: str, at: float) -> Hours:
        """Raises NotFound."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The entry of a caller list. `kind`: black, white, vip."""

    kind: str
    action: str = ""
    importance: int = 0
    queue: str = ""


class CallerLists(Protocol):
    def check(self, number: str, at: float) -> Listed | None:
        """What stands about a calling number; None when nothing does."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up brought. `result`: found, none, error, cached (found before)."""

    result: str
    values: Mapping[str, str] = field(default_factory=dict)
    ms: int = 0

    @property
    def is_found(self) -> bool:
        return self.result in ("found", "cached")


class Finder(Protocol):
    async def find(self, name: str, parameters: Mapping[str, str]) -> Found:
        """A named look-up. Never raises for what the other side does: that is the result `error`."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How a PIN check came out. `result`: ok, wrong, locked, unset."""

    result: str
    tries: int = 0


class Pins(Protocol):
    async def check(self, customer: str, pin: str) -> Checked: ...

    async def change(self, customer: str, new: str, *, old: str = "", caller: str = "", certain: bool = False) -> str:
        """ok, wrong (the old PIN), locked, forbidden (the first PIN from another line), unset (an old one where none is)."""


@dataclass(frozen=True, slots=True)
class QueueInfo:
    waiting: int = 0
    ewt: int = -1
    """Predicted wait of somebody who enters now, seconds; -1 = unknown."""
    signed_in: int = 0
    ready: int = 0
    open: bool = True


class Queues(Protocol):
    def info(self, name: str) -> QueueInfo:
        """Raises NotFound."""

    def leave(self, call: str) -> bool:
        """Gives up the place that a call keeps in a queue; False when it keeps none."""


class Callbacks(Protocol):
    async def create(self, queue: str, number: str, *, source: str, call: str = "", note: str = "") -> str:
        """The id of the task. Raises Invalid for a number that may not be called, Conflict when there is one already."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An emergency announcement on the air."""

    slot: str
    prompts: tuple[str, ...]
    until: float
    called: tuple[str, ...] = ()
    """Called numbers it is for; empty: all."""

    def covers(self, called: str, at: float) -> bool:
        return at < self.until and (not self.called or called in self.called)


class Slots(Protocol):
    def on_air(self, slot: str) -> Announcement | None: ...

    def heard(self, slot: str, *, left: bool) -> None:
        """One caller heard it; `left`: hung up while it played."""


class _Absent:
    """Stands for a part that this installation does not have: whoever asks gets Conflict, which `on_error` can catch."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __getattr__(self, name: str) -> object:
        raise Conflict(f"this switch has no {self._what}")


def _absent(what: str) -> Any:
    return _Absent(what)


@dataclass(slots=True)
class Desk:
    """Filled by the composition root, part by part; shared by all calls."""

    calendars: Calendars = field(default_factory=lambda: _absent("calendars"))
    lists: CallerLists = field(default_factory=lambda: _absent("caller lists"))
    lookups: Finder = field(default_factory=lambda: _absent("look-ups"))
    pins: Pins = field(default_factory=lambda: _absent("PINs"))
    queues: Queues = field(default_factory=lambda: _absent("queues"))
    callbacks: Callbacks = field(default_factory=lambda: _absent("callbacks"))
    slots: Slots = field(default_factory=lambda: _absent("announcements"))
