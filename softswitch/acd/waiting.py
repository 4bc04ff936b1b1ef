"""What a waiting caller hears and presses: welcome, consent, music, announcements, comfort messages, exit keys.

Runs as a task beside the stay until an agent answers. Keys pressed during music or prompts are looked at at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from softswitch.acd.announcing import Said, announcement, offers
from softswitch.acd.overflow import Exit, key_result
from softswitch.calls.call import Call
from softswitch.directory.model import Queue
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.events import QueueAnnounced
from softswitch.recordings.rules import REFUSE_KEY

FIRST_ANNOUNCEMENT = 1.0
"""Seconds: a caller who is served at once hears no place in line."""
FOR_EVER = 86_400.0
CONSENT_SECONDS = 1.5
"""How long after the consent prompt its key still counts."""

AskCallback = Callable[[Call, Queue], Awaitable[str]]
"""Confirms the number to call back; "" when the caller goes on waiting."""


class Line(Protocol):
    """What the sound needs to know of the waiting line."""

    def position(self, visit: str) -> int:
        """Place in line from 1; 0 when the caller is being offered or waits no more."""

    def sayable(self, visit: str) -> int:
        """80th percentile of the rest of the wait, ms; -1 = unknown, or not to be said aloud."""

    def held_for(self, visit: str) -> str:
        """The agent who knows the caller and for whom it waits at first; "" when anybody may take it."""

    def may_call_back(self, queue: Queue, number: str) -> bool:
        """Whether a callback can be offered now: not too near closing time, and a number that may be called."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is heard in this stay: music other than the queue's, and the words at the beginning."""

    music: str = ""
    welcome: tuple[str, ...] = ()


@dataclass(slots=True)
class WaitingSound:
    """Owned by the stay. `leave` is called once, with the exit that the caller chose."""

    call: Call
    queue: Queue
    visit: str
    line: Line
    leave: Callable[[Exit], None]
    ask_callback: AskCallback
    wishes: Wishes = Wishes()
    consented: bool = False
    _said: Said = field(default_factory=Said)
    _offered: bool = False  # the callback was offered because of a long wait

    async def run(self) -> None:
        queue = self.queue
        await self._say(self.wishes.welcome)
        await self._pressed(await self.consent())
        if self.line.held_for(self.visit):
            await self._say(("usual-agent",))
        await self.call.music(self.wishes.music or queue.music)
        await self._listen(FIRST_ANNOUNCEMENT)
        while True:
            await self._announce()
            every = queue.announce_every or FOR_EVER
            await self._listen(every)

    async def consent(self) -> str:
        """Tells of the recording, once; who presses the key is not recorded. Any other key that was pressed is returned."""
        if self.consented or not (prompt := self.call.consent_prompt(self.queue.name)):
            return ""
        await self.call.play([prompt], stop_on_key=True)
        key = await self.call.collect(1, seconds=CONSENT_SECONDS, finish_on="")
        self.consented = True
        if key == REFUSE_KEY:
            self.call.refuse_recording()
            return ""
        return key

    # announcements

    async def _announce(self) -> None:
        """Nothing while a device alerts (call-centre.md §8)."""
        place = self.line.position(self.visit)
        if not place:
            return
        p80 = self.line.sayable(self.visit)
        said = announcement(self.queue, self._said, place=place, p80_ms=p80, language=self.call.language)
        keys = offers(self._keys(p80), callback=self._wants_callback(p80))
        if said is None and not keys:
            return
        what, position = (said.what, said.position) if said else ("offer", place)
        self.call.emit(QueueAnnounced(queue=self.queue.name, visit=self.visit, what=what, position=position))
        await self._say((*(said.prompts if said else ()), *keys))

    async def _say(self, prompts: tuple[str, ...]) -> None:
        if not prompts:
            return
        if await self.call.play(prompts, stop_on_key=bool(self._keys(-1))) == "digit":
            await self._listen(0.0)

    def _wants_callback(self, p80: int) -> bool:
        """Whether the callback is said aloud now: by key always, by itself above the queue's limit."""
        queue = self.queue
        if not self.line.may_call_back(queue, self.call.facts.caller):
            return False
        long = bool(queue.callback_after) and p80 >= queue.callback_after * 1000
        self._offered = self._offered or long
        return long or any(to.kind is DestinationKind.CALLBACK for to in queue.exit_keys.values())

    # keys

    def _keys(self, p80: int) -> Mapping[str, Destination]:
        """The queue's keys, and one for the callback once it is offered."""
        queue = self.queue
        has_key = any(to.kind is DestinationKind.CALLBACK for to in queue.exit_keys.values())
        long = bool(queue.callback_after) and p80 >= queue.callback_after * 1000
        if has_key or not (long or self._offered):
            return queue.exit_keys
        free = next((digit for digit in "123456789" if digit not in queue.exit_keys), "")
        return {**queue.exit_keys, free: Destination(DestinationKind.CALLBACK, queue.name)} if free else queue.exit_keys

    async def _listen(self, seconds: float) -> None:
        """Music goes on for so long; exit keys are carried out."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            left = until - loop.time()
            if not self._keys(-1):
                await asyncio.sleep(max(0.0, left))
                return
            digit = await self.call.collect(1, seconds=max(0.0, left), finish_on="")
            if not digit:
                return
            await self._pressed(digit)

    async def _pressed(self, digit: str) -> None:
        to = self._keys(-1).get(digit)
        if to is None:
            return
        number = ""
        if to.kind is DestinationKind.CALLBACK:
            number = await self.ask_callback(self.call, self.queue)
            if not number:
                return
        self.leave(Exit(key_result(to), to, f"key {digit}", number))
        await asyncio.sleep(FOR_EVER)  # the stay ends this task
