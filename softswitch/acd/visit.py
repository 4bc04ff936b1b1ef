"""One caller's stay in one queue: the waiting, the offers to agents, the conversation. Runs in the call's task.

Several devices may ring at once (ring_all and its kin): each offer is a task of its own, the first that is answered wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from softswitch.acd import commands as c
from softswitch.acd.core import CONNECTION_LOST
from softswitch.acd.overflow import Exit
from softswitch.acd.waiting import Line, WaitingSound
from softswitch.acd.whisper import whisper
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.model import Queue
from softswitch.legs.base import Leg, LegFacts
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Unreachable
from softswitch.model.events import Event, OfferMade, QueueLeft

REASONS = {Cause.REJECTED: "reject", Cause.BUSY: "busy", Cause.NO_ANSWER: "no_answer"}
"""Why an agent's device did not answer; every other cause is the device's."""


class Floor(Line, Protocol):
    """What a stay needs of the service."""

    def submit(self, command: c.Command) -> None: ...

    def is_offered(self, offer: str) -> bool: ...

    def is_waiting(self, visit: str) -> bool: ...

    def logout_reason(self, agent: str) -> str:
        """Why the agent is signed out; "" when it is signed in."""

    def talks(self, agent: str, call: Call | None) -> None:
        """The agent is joined to the call, or (None) no more."""


@dataclass(frozen=True, slots=True)
class Talked:
    """How a stay ended in a conversation. `returns`: the agent was lost, so the caller goes back to the head of the line."""

    agent: str
    ending: Ending
    returns: bool = False


Result = Outcome | Exit | Talked


class Stay:
    """Owned by the call's task. The service tells it what becomes of the visit and which offers are over."""

    channel = "voice"

    def __init__(self, floor: Floor, call: Call, queue: Queue, visit: str, sound: Callable[[Stay], WaitingSound]) -> None:
        self.call = call
        self.queue = queue
        self.visit = visit
        self._floor = floor
        self._inbox: asyncio.Queue[Event | Exit | asyncio.Task[Talked | None]] = asyncio.Queue()
        self._rings: dict[str, asyncio.Task[Talked | None]] = {}
        self._alerts: dict[str, asyncio.Timeout] = {}
        self._make_sound = sound
        self._sound: asyncio.Task[None] | None = None
        self._waiting: WaitingSound | None = None
        self._rule = ""

    @property
    def facts(self) -> LegFacts:
        return self.call.facts

    def tell(self, event: Event) -> None:
        """An offer, or the end of the visit by the core's own decision."""
        self._inbox.put_nowait(event)

    @property
    def rule(self) -> str:
        """What made the caller leave, when it was not the core."""
        return self._rule

    def leave(self, exit_: Exit) -> None:
        """The caller goes elsewhere: a key, an overflow rule. Nothing once an agent has answered."""
        self._inbox.put_nowait(exit_)

    def offer_over(self, offer: str) -> None:
        """The core has taken the offer back: whatever rings is to stop."""
        if (alert := self._alerts.get(offer)) is not None:
            alert.reschedule(asyncio.get_running_loop().time())

    async def wait_for_agent(self, entry: c.Enqueue) -> Result:
        """Takes the place in line and returns when the conversation, or the waiting, is over."""
        await self.call.answer()
        self._floor.submit(entry)
        async with self._waiting_sound():
            try:
                while True:
                    found = await self._next()
                    if found is not None:
                        return found
            finally:
                await self._stop_ringing()
                if self._floor.is_waiting(self.visit):
                    self._floor.submit(c.Leave(self.visit, _why_left(self.call.ending)))

    async def _next(self) -> Result | None:
        """The next thing that happens; None when the caller goes on waiting."""
        told = await self._inbox.get()
        match told:
            case QueueLeft():
                return _left(told)
            case Exit():
                if self._floor.is_waiting(self.visit):
                    self._rule = told.rule
                    self._floor.submit(c.Leave(self.visit, told.result, str(told.to) if told.to else ""))
                    return told
            case OfferMade() if self._floor.is_offered(told.offer):
                task = asyncio.get_running_loop().create_task(self._ring(told))
                self._rings[told.offer] = task
                task.add_done_callback(self._inbox.put_nowait)
            case asyncio.Task():
                self._rings = {offer: task for offer, task in self._rings.items() if task is not told}
                return None if told.cancelled() else told.result()
        return None

    async def _stop_ringing(self) -> None:
        tasks = list(self._rings.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # ------------------------------------------------------------------ offers

    async def _ring(self, offer: OfferMade) -> Talked | None:
        """Alerts the agent's device; None when the caller goes on waiting."""
        try:
            return await self._alerting(offer)
        except Unreachable as fault:
            if self._floor.is_offered(offer.offer):
                self._floor.submit(c.OfferFailed(offer.offer, REASONS.get(fault.cause, "device")))
            return None

    async def _alerting(self, offer: OfferMade) -> Talked | None:
        """Rings until the device answers, or until the core takes the offer back (`offer_over`)."""
        try:
            async with asyncio.timeout(None) as alert:
                self._alerts[offer.offer] = alert
                # The device is on its way to alert; a dead one answers with a cause, a silent one with the ring time.
                self._floor.submit(c.OfferAlerting(offer.offer))
                return await self._join(offer, alert)
        except TimeoutError:
            if not alert.expired():
                raise
            return None
        finally:
            self._alerts.pop(offer.offer, None)

    async def _join(self, offer: OfferMade, alert: asyncio.Timeout) -> Talked | None:
        agent = Destination(DestinationKind.AGENT, offer.agent)
        async with self.call.dialling(agent, quiet=True, answers=self.queue.auto_answer) as leg:
            try:
                self._floor.submit(c.OfferAccepted(offer.offer))
            except Conflict:  # answer and time-out crossed, or another agent was faster: the owner's log decides
                return None
            alert.reschedule(None)
            return await self._talk(leg, offer.agent)

    async def _talk(self, leg: Leg, agent: str) -> Talked:
        self._floor.talks(agent, self.call)
        try:
            await self._introduce(leg)
            ending = await self.call.bridge(leg, record=self.queue.record, agent=agent, queue=self.queue.name)
        finally:
            lost = self._floor.logout_reason(agent) == CONNECTION_LOST
            self._floor.talks(agent, None)
            self._floor.submit(c.Released(agent, self.call.id))
        alone = not self.call.conversation.is_live  # others may go on talking to the caller: a conference, a transfer
        return Talked(agent, ending, returns=alone and (lost or ending.cause is Cause.MEDIA_FAILURE))

    async def _introduce(self, leg: Leg) -> None:
        """Before they are joined: the agent hears which queue it is, a caller who has not been told yet of the recording."""
        sound, waiting = self._sound, self._waiting
        if sound is not None:
            sound.cancel()
            await asyncio.wait([sound])
        words: list[Coroutine[object, object, object]] = []
        if self.queue.whisper:
            words.append(whisper(self.call.board.media, leg, (f"queue-{self.queue.name}", "incoming-call"), self.call.language))
        if waiting is not None and not waiting.consented:
            words.append(waiting.consent())
        await asyncio.gather(*words)

    # ------------------------------------------------------------------ what the caller hears

    @asynccontextmanager
    async def _waiting_sound(self) -> AsyncIterator[None]:
        """Music and announcements beside the waiting; a fault in them ends the stay like any other."""
        self._waiting = self._make_sound(self)
        sound = self._sound = asyncio.get_running_loop().create_task(self._waiting.run())
        try:
            yield
        finally:
            sound.cancel()
            await asyncio.wait([sound])
            if not sound.cancelled() and (fault := sound.exception()) is not None:
                raise fault


def _why_left(ending: Ending | None) -> str:
    """The result of a stay that was cut off. Without an ending the caller was sent elsewhere."""
    if ending is None or ending.who not in ("caller", "agent"):
        return "supervisor" if ending is not None and ending.who == "supervisor" else "closed"
    return "abandoned"


def _left(event: QueueLeft) -> Result:
    """What the core's own decision to end a visit means for the caller."""
    if event.to:
        return Exit(event.result, Destination.parse(event.to), event.rule)
    if event.result in ("timeout", "overflow"):
        return Outcome("timeout", Cause.NO_ANSWER, value=event.result)
    if event.result == "supervisor":
        return Outcome.ended(Ending("supervisor", Cause.SUPERVISOR))
    return Outcome("failed", Cause.UNREACHABLE, value=event.result)
