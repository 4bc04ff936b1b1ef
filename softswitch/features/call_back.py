"""Call back when free (`*59#`): who found an extension busy is rung, and then the extension, once both are free.

Asked for after the busy call, ends after half an hour, by `#59#`, or when the two have been connected. Kept in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.service import CallService
from softswitch.features.codes import FeatureCodes, say
from softswitch.legs.base import PartyKind
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Refusal, SwitchError
from softswitch.prompts import spoken

log = structlog.get_logger("features")

LASTS, MOST = 1800.0, 5
"""Seconds that a wish lives, and how many an extension may have."""
PAUSE, AGAIN, RING = 3.0, 20.0, 20.0
"""Seconds between hanging up and being rung, before another try when one was busy after all, and that the asker is rung."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`extension` wants to be connected with `target`; `until` is epoch seconds."""

    extension: str
    target: str
    until: float


class CallBacks:
    """Owned by the loop. `is_free(extension)`: logged in, without a call, may be disturbed. `save(wish, kept)` keeps it."""

    def __init__(self, clock: Clock, calls: CallService, codes: FeatureCodes, is_free: Callable[[str], bool]) -> None:
        self._clock = clock
        self._calls = calls
        self._is_free = is_free
        self._wishes: dict[tuple[str, str], Wish] = {}
        self._busy: dict[str, str] = {}  # extension → whom it found busy last
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._trying: set[tuple[str, str]] = set()
        self.exists: Callable[[str], bool] = lambda _extension: True
        self.save: Callable[[Wish, bool], object] = lambda _wish, _kept: None
        codes.handlers |= {"call_back": self._dialled, "call_back_off": self._dialled_off, "call_back_ask": self._asked}

    def restore(self, kept: Iterable[Wish]) -> None:
        """What was asked for before the switch was started."""
        for wish in kept:
            if wish.until > self._clock.utc():
                self._keep(wish)
            else:
                self.save(wish, False)

    def call_over(self, call: Call) -> None:
        """Remembers whom a phone found busy."""
        ending = call.ending
        if ending is not None and ending.cause is Cause.BUSY and call.caller.facts.kind is PartyKind.PHONE:
            self._busy[call.caller.facts.party] = call.caller.facts.called

    def changed(self, extension: str) -> None:
        """A phone has another call than before, or none any more."""
        for key in [key for key in self._wishes if extension in key]:
            self._look(key, PAUSE)

    def of(self, extension: str) -> list[Wish]:
        """What an extension waits for."""
        return [wish for wish in self._wishes.values() if wish.extension == extension]

    def ask(self, extension: str, target: str) -> Wish:
        """Raises Conflict for an extension that does not exist, for the own one, and for too many."""
        if target == extension or not self.exists(target):
            raise Conflict("only another extension can be called back", Refusal.NO_CALL)
        if len([wish for wish in self.of(extension) if wish.target != target]) >= MOST:
            raise Conflict(f"there are {MOST} of them already")
        wish = Wish(extension, target, self._clock.utc() + LASTS)
        self._keep(wish)
        self.save(wish, True)
        return wish

    def clear(self, extension: str, target: str = "") -> None:
        """One of an extension's, or all."""
        for wish in self.of(extension):
            if target in ("", wish.target):
                self._drop((wish.extension, wish.target))

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # the wish

    def _keep(self, wish: Wish) -> None:
        self._wishes[wish.extension, wish.target] = wish
        self._look((wish.extension, wish.target), PAUSE)

    def _drop(self, key: tuple[str, str]) -> None:
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        self._trying.discard(key)
        if (wish := self._wishes.pop(key, None)) is not None:
            self.save(wish, False)

    def _look(self, key: tuple[str, str], after: float) -> None:
        """Both are looked at after some seconds; the end of the wish is seen there, too."""
        if key in self._trying:
            return
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        left = self._wishes[key].until - self._clock.utc()
        free = all(map(self._is_free, key))
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(max(0.0, min(left, after if free else left)), self._due, key)

    def _due(self, key: tuple[str, str]) -> None:
        self._timers.pop(key, None)
        if self._wishes[key].until <= self._clock.utc():
            self._drop(key)
        elif all(map(self._is_free, key)):
            self._ring(key)
        else:
            self._look(key, PAUSE)

    def _ring(self, key: tuple[str, str]) -> None:
        """The asker first, then the extension."""
        asker, target = (Destination(DestinationKind.EXTENSION, number) for number in key)
        self._trying.add(key)
        try:
            call = self._calls.place(asker, target, actor="call_back", source="call_back", ring=RING, shown=target.name)
        except SwitchError as fault:
            log.info("x call back not placed", extension=asker.name, target=target.name, why=str(fault))
            self._tried(key, Cause.BUSY)
            return
        call.on_finished = partial(self._tried, key)

    def _tried(self, key: tuple[str, str], cause: Cause) -> None:
        if key not in self._wishes:
            return
        self._trying.discard(key)
        if cause is Cause.BUSY:
            self._look(key, AGAIN)
        else:
            self._drop(key)

    # codes

    async def _dialled(self, call: Call, _argument: str) -> Outcome:
        extension = call.caller.facts.party
        target = self._busy.get(extension)
        if target is None:
            raise Conflict("nobody was busy", Refusal.NO_CALL)
        self.ask(extension, target)
        del self._busy[extension]
        return await say(call, "call-back-set")

    async def _dialled_off(self, call: Call, _argument: str) -> Outcome:
        self.clear(call.caller.facts.party)
        return await say(call, "service-off")

    async def _asked(self, call: Call, _argument: str) -> Outcome:
        wishes = self.of(call.caller.facts.party)
        digits = [word for wish in wishes for word in spoken.digits(wish.target)]
        return await say(call, *(("service-is-on", *digits) if wishes else ("service-is-off",)))
