"""Wake-up calls: at a civil time, once or on days of the week, three tries five minutes apart (sip.md §8.1).

Answering and pressing a key ends it; when no try is confirmed an alarm tells the desk. Kept in the database.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.service import CallService
from softswitch.features.codes import FeatureCodes, say
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Invalid, SwitchError
from softswitch.prompts import spoken
from softswitch.recordings.keeper import AlarmSink

RING, AGAIN, TRIES = 60.0, 300.0, 3
"""Seconds that it rings, seconds between two tries, and how many there are."""
LATE = 900.0
"""A wake-up that fell into a stop of the switch is made up for within this many seconds."""
ACTION = "wake_up_call"
_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class WakeUp:
    """One extension's. `at` is epoch seconds of the next ringing, `wanted` HHMM, `days` weekdays ("0" is Monday), "" once."""

    at: float
    wanted: str
    days: str = ""
    tries: int = 0


def next_time(now: float, wanted: str, zone: str, days: str = "") -> float:
    """When the civil time comes next. A time that a change to summer time leaves out is an hour later, one that comes twice
    counts the first time."""
    civil = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone))
    for ahead in range(9):
        day = civil.date() + timedelta(days=ahead)
        at = datetime(day.year, day.month, day.day, int(wanted[:2]), int(wanted[2:]), tzinfo=ZoneInfo(zone)).timestamp()
        if at > now and (not days or str(day.weekday()) in days):
            return at
    raise ValueError(f"no weekday in {days!r}")


class WakeUps:
    """Owned by the loop. `save(extension, wake_up or None)` keeps one."""

    def __init__(self, clock: Clock, calls: CallService, codes: FeatureCodes, alarms: AlarmSink, zone: str) -> None:
        self._clock = clock
        self._calls = calls
        self._alarms = alarms
        self._zone = zone
        self._all: dict[str, WakeUp] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._awake: set[str] = set()
        self.save: Callable[[str, WakeUp | None], object] = lambda _extension, _wake_up: None
        codes.inner[ACTION] = self._greet
        codes.handlers |= {"wake_up": self._dialled, "wake_up_off": self._dialled_off, "wake_up_ask": self._asked}

    def restore(self, kept: Mapping[str, WakeUp]) -> None:
        """What was wanted before the switch was started."""
        for extension, wake_up in kept.items():
            if wake_up.at < self._clock.utc() - LATE:
                self._failed(extension, wake_up)
            else:
                self._arm(extension, wake_up)

    def of(self, extension: str) -> WakeUp | None:
        return self._all.get(extension)

    def all(self) -> list[tuple[str, WakeUp]]:
        """Every extension's, the next one first."""
        return sorted(self._all.items(), key=lambda item: item[1].at)

    def set(self, extension: str, wanted: str, days: str = "") -> WakeUp:
        """Raises Invalid for what is no time HHMM."""
        if not _TIME.fullmatch(wanted) or not re.fullmatch("[0-6]{0,7}", days):
            raise Invalid("wanted", "expected a time as HHMM")
        wake_up = WakeUp(next_time(self._clock.utc(), wanted, self._zone, days), wanted, days)
        self._arm(extension, wake_up)
        self.save(extension, wake_up)
        return wake_up

    def clear(self, extension: str) -> None:
        if (timer := self._timers.pop(extension, None)) is not None:
            timer.cancel()
        if self._all.pop(extension, None) is not None:
            self.save(extension, None)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _arm(self, extension: str, wake_up: WakeUp) -> None:
        if (timer := self._timers.pop(extension, None)) is not None:
            timer.cancel()
        self._all[extension] = wake_up
        ahead = max(0.0, wake_up.at - self._clock.utc())
        loop = asyncio.get_running_loop()
        # a clock that is set meanwhile is noticed within the hour
        work = partial(self._ring, extension) if ahead <= 3600.0 else partial(self._arm, extension, wake_up)
        self._timers[extension] = loop.call_later(min(ahead, 3600.0), work)

    def _ring(self, extension: str) -> None:
        self._timers.pop(extension, None)
        wake_up = replace(self._all[extension], tries=self._all[extension].tries + 1)
        self._all[extension] = wake_up
        self._awake.discard(extension)
        phone = Destination(DestinationKind.EXTENSION, extension)
        to = Destination(DestinationKind.FEATURE, ACTION)
        try:
            call = self._calls.place(phone, to, actor="wake_up", source="wake_up", ring=RING, shown=extension)
        except SwitchError:
            self._tried(extension, Cause.UNREACHABLE)
            return
        call.on_finished = partial(self._tried, extension)

    async def _greet(self, call: Call, _argument: str) -> Outcome:
        """The phone has answered: the sentence twice, until a key is pressed."""
        extension = call.caller.facts.party
        for _ in range(2):
            await call.play(("wake-up",), stop_on_key=True)
            if await call.collect(1, seconds=5.0):
                self._awake.add(extension)
                break
        return Outcome("done")

    def _tried(self, extension: str, _cause: Cause) -> None:
        wake_up = self._all.get(extension)
        if wake_up is None:
            return
        if extension not in self._awake and wake_up.tries < TRIES:
            again = replace(wake_up, at=wake_up.at + AGAIN)
            self._arm(extension, again)
            self.save(extension, again)
            return
        if extension not in self._awake:
            self._failed(extension, wake_up)
            return
        self._next(extension, wake_up)

    def _failed(self, extension: str, wake_up: WakeUp) -> None:
        text = f"nobody answered the wake-up call of {wake_up.wanted[:2]}:{wake_up.wanted[2:]} at extension {extension}"
        self._alarms.raise_("wake_up", "major", text, f"extension:{extension}")
        self._next(extension, wake_up)

    def _next(self, extension: str, wake_up: WakeUp) -> None:
        """The next day that is wanted, or none."""
        if wake_up.days:
            self.set(extension, wake_up.wanted, wake_up.days)
        else:
            self._all.setdefault(extension, wake_up)
            self.clear(extension)

    # codes

    async def _dialled(self, call: Call, argument: str) -> Outcome:
        self.set(call.caller.facts.party, argument.rstrip("#"))
        return await say(call, "service-set")

    async def _dialled_off(self, call: Call, _argument: str) -> Outcome:
        self.clear(call.caller.facts.party)
        return await say(call, "service-off")

    async def _asked(self, call: Call, _argument: str) -> Outcome:
        wake_up = self.of(call.caller.facts.party)
        return await say(call, *(("service-is-on", *spoken.digits(wake_up.wanted)) if wake_up else ("service-is-off",)))
