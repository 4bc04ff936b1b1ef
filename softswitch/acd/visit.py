"""One caller's stay in one queue: music and announcements, the offers to agents, the conversation. Runs in the call's task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from softswitch.acd import commands as c
from softswitch.acd.core import CONNECTION_LOST
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.model import Queue
from softswitch.legs.base import Leg
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Unreachable
from softswitch.model.events import Event, OfferMade, QueueAnnounced, QueueLeft
from softswitch.prompts import spoken

FIRST_ANNOUNCEMENT = 1.0
"""Seconds: a caller who is served at once hears no place in line."""

_REASONS = {Cause.REJECTED: "reject", Cause.BUSY: "busy", Cause.NO_ANSWER: "no_answer"}
"""Why an agent's device did not answer; every other cause is the device's."""


class Floor(Protocol):
    """What a stay needs of the service."""

    def submit(self, command: c.Command) -> None: ...

    def is_offered(self, offer: str) -> bool: ...

    def is_waiting(self, visit: str) -> bool: ...

    def position(self, visit: str) -> int:
        """Place in line from 1; 0 when the caller is being offered or waits no more."""

    def logout_reason(self, agent: str) -> str:
        """Why the agent is signed out; "" when it is signed in."""

    def talks(self, agent: str, call: Call | None) -> None:
        """The agent is joined to the call, or (None) no more."""


class Stay:
    """Owned by the call's task. The service puts this visit's events into `inbox` and stops `alert` when an offer is over."""

    def __init__(self, floor: Floor, call: Call, queue: Queue, visit: str) -> None:
        self.call = call
        self.queue = queue
        self.visit = visit
        self.inbox: asyncio.Queue[Event] = asyncio.Queue()
        self.offer = ""
        self._alert: asyncio.Timeout | None = None
        self._floor = floor
        self.returns = False  # the agent was lost: the caller goes back to the place in line

    def offer_over(self) -> None:
        """The core has taken the offer back: whatever rings is to stop."""
        if self._alert is not None:
            self._alert.reschedule(asyncio.get_running_loop().time())

    async def wait_for_agent(self, waited: float) -> Outcome:
        """Enters the line and returns when the conversation, or the waiting, is over.

        Without an ending: `timeout` (the longest wait is over; `value` "overflow": a destination is to be tried), `failed`.
        """
        await self.call.answer()
        self._floor.submit(c.Enqueue(self.visit, self.call.id, self.queue.name, waited))
        try:
            async with self._waiting_sound() as sound:
                while True:
                    event = await self.inbox.get()
                    if isinstance(event, QueueLeft):
                        return _left(event)
                    if isinstance(event, OfferMade) and (outcome := await self._ring(event, sound)) is not None:
                        return outcome
        finally:
            if self._floor.is_waiting(self.visit):
                self._floor.submit(c.Leave(self.visit, _why_left(self.call.ending)))

    # ------------------------------------------------------------------ offers

    async def _ring(self, offer: OfferMade, sound: asyncio.Task[None]) -> Outcome | None:
        """Alerts the agent's device; None when the caller goes on waiting."""
        if not self._floor.is_offered(offer.offer):
            return None
        try:
            return await self._alerting(offer, sound)
        except Unreachable as fault:
            if self._floor.is_offered(offer.offer):
                self._floor.submit(c.OfferFailed(offer.offer, _REASONS.get(fault.cause, "device")))
            return None

    async def _alerting(self, offer: OfferMade, sound: asyncio.Task[None]) -> Outcome | None:
        """Rings until the device answers, or until the core takes the offer back (`offer_over`)."""
        try:
            async with asyncio.timeout(None) as alert:
                self._alert, self.offer = alert, offer.offer
                # The device is on its way to alert; a dead one answers with a cause, a silent one with the ring time.
                self._floor.submit(c.OfferAlerting(offer.offer))
                return await self._join(offer, sound)
        except TimeoutError:
            if not alert.expired():
                raise
            return None
        finally:
            self._alert, self.offer = None, ""

    async def _join(self, offer: OfferMade, sound: asyncio.Task[None]) -> Outcome | None:
        agent = Destination(DestinationKind.AGENT, offer.agent)
        async with self.call.dialling(agent, quiet=True) as leg:
            try:
                self._floor.submit(c.OfferAccepted(offer.offer))
            except Conflict:  # answer and time-out crossed: the owner's log has the time-out first
                return None
            sound.cancel()
            return await self._talk(leg, offer.agent)

    async def _talk(self, leg: Leg, agent: str) -> Outcome:
        self._floor.talks(agent, self.call)
        try:
            ending = await self.call.bridge(leg, record=self.queue.record, agent=agent, queue=self.queue.name)
        finally:
            lost = self._floor.logout_reason(agent) == CONNECTION_LOST
            self._floor.talks(agent, None)
            self._floor.submit(c.Released(agent, self.call.id))
        if lost or ending.cause is Cause.MEDIA_FAILURE:
            self.returns = True
            return Outcome("failed", ending.cause)
        return Outcome.ended(ending)

    # ------------------------------------------------------------------ what the caller hears

    @asynccontextmanager
    async def _waiting_sound(self) -> AsyncIterator[asyncio.Task[None]]:
        """Music and announcements beside the waiting; a fault in them ends the stay like any other."""
        sound = asyncio.get_running_loop().create_task(self._sound())
        try:
            yield sound
        finally:
            sound.cancel()
            await asyncio.wait([sound])
            if not sound.cancelled() and (fault := sound.exception()) is not None:
                raise fault

    async def _sound(self) -> None:
        await self.call.music(self.queue.music)
        if self.queue.announce != "position":
            return
        await asyncio.sleep(FIRST_ANNOUNCEMENT)
        first = True
        while True:
            await self._announce(first=first)
            first = False
            if not self.queue.announce_every:
                return
            await asyncio.sleep(self.queue.announce_every)

    async def _announce(self, *, first: bool) -> None:
        """The caller's place in line; nothing while a device alerts (call-centre.md §8)."""
        place = self._floor.position(self.visit)
        if not place:
            return
        self.call.emit(QueueAnnounced(queue=self.queue.name, visit=self.visit, what="position", position=place))
        greeting = ("queue-wait",) if first else ("thank-you-for-holding",)
        await self.call.play((*greeting, *spoken.position(place, self.call.language)))


def _why_left(ending: Ending | None) -> str:
    """The result of a stay that was cut off. Without an ending the caller was sent elsewhere."""
    if ending is None or ending.who not in ("caller", "agent"):
        return "supervisor" if ending is not None and ending.who == "supervisor" else "closed"
    return "abandoned"


def _left(event: QueueLeft) -> Outcome:
    if event.result in ("timeout", "overflow"):
        return Outcome("timeout", Cause.NO_ANSWER, value=event.result)
    if event.result == "supervisor":
        return Outcome.ended(Ending("supervisor", Cause.SUPERVISOR))
    return Outcome("failed", Cause.UNREACHABLE, value=event.result)
