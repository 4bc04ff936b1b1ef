"""The calendars of the running switch: the directory's hours, the entered days, and questions answered from memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from softswitch.calendar.hours import parse_segment
from softswitch.calendar.model import ALWAYS_OPEN, CalendarState, Day
from softswitch.calendar.state import day_of, state
from softswitch.calendar.tables import read_days, remove_day, write_day
from softswitch.directory.model import Calendar
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.store.database import Store
from softswitch.store.spool import Spool


class Calendars:
    """Owned by the loop. `load()` before the first question."""

    def __init__(
        self, *, directory: Callable[[], Snapshot], store: Store, spool: Spool, journal: Callable[[Event], None], clock: Clock
    ) -> None:
        self._directory = directory
        self._store = store
        self._spool = spool
        self._journal = journal
        self._clock = clock
        self._days: dict[str, dict[date, Day]] = {}
        self._known: dict[str, tuple[Calendar, float, CalendarState]] = {}  # name → for whom, since when, what was found

    async def load(self) -> None:
        """Raises OSError or SQLAlchemyError."""
        self._days = await self._store.read(read_days)

    def state(self, name: str, at: float | None = None) -> CalendarState:
        """Open or closed at an epoch second, or now. "" (no calendar) is always open. Raises NotFound."""
        if not name:
            return ALWAYS_OPEN
        calendar = self.named(name)
        moment = self._clock.utc() if at is None else at
        known = self._known.get(name)
        if known is not None and known[0] is calendar and known[1] <= moment < (known[2].until or 0.0):
            return known[2]
        found = state(calendar, self._days.get(name, {}), moment)
        self._known[name] = (calendar, moment, found)
        return found

    def named(self, name: str) -> Calendar:
        """Raises NotFound."""
        found = self._directory().calendars.get(name)
        if found is None:
            raise NotFound(f"there is no calendar {name}")
        return found

    def days(self, name: str, year: int) -> list[Day]:
        """The days of a year that differ from the week, shipped and entered. Raises NotFound."""
        calendar = self.named(name)
        entered: Mapping[date, Day] = self._days.get(name, {})
        every = (date.fromordinal(number) for number in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()))
        return [day for one in every if (day := day_of(calendar, entered, one)) is not None]

    async def put(self, name: str, day: Day, actor: str) -> None:
        """Enters a day, or changes it. Raises NotFound, Invalid."""
        self.named(name)
        if day.kind == "special" and not day.open:
            raise Invalid("open", "a special day needs its hours; a closed one is a holiday")
        for index, text in enumerate(day.open):
            try:
                parse_segment(text)
            except ValueError as error:
                raise Invalid(f"open.{index}", str(error)) from error
        self._days.setdefault(name, {})[day.date] = day
        self._changed(name, day.date, "put", actor)
        await self._spool.write(partial(write_day, calendar=name, day=day))

    async def remove(self, name: str, day: date, actor: str) -> None:
        """Takes an entered day back; a shipped holiday stays unless a workday is entered. Raises NotFound."""
        self.named(name)
        if self._days.get(name, {}).pop(day, None) is None:
            raise NotFound(f"{day} is not entered in calendar {name}")
        self._changed(name, day, "delete", actor)
        await self._spool.write(partial(remove_day, calendar=name, day=day))

    def _changed(self, name: str, day: date, action: str, actor: str) -> None:
        self._known.pop(name, None)
        self._journal(
            AdminChanged(
                object=f"calendar:{name}", action=action, detail={"date": day.isoformat()}, actor=actor, at=self._clock.utc()
            )
        )
