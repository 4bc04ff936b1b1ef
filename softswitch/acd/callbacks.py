"""Callbacks of the node: durable, in the same line as callers, dialled when their turn comes.

Agent first (default): at the head of the line the agent's device rings, then the customer is dialled. Customer first: the
customer is dialled when an agent will be free by the time of the answer, and waits the rest in the kept place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import structlog

from softswitch.acd import commands as c
from softswitch.acd.around import Kept
from softswitch.acd.callback import Attempt, Callback, CallbackState, reachable, window
from softswitch.acd.callback_talk import ask_number, ask_what_to_do
from softswitch.acd.service import AcdService
from softswitch.acd.tables import open_callbacks, write_callback
from softswitch.acd.visit import REASONS
from softswitch.acd.whisper import whisper
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.model import Queue
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.lists.order import Verdict
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Busy, Conflict, Invalid, NotFound, Refusal, Unreachable
from softswitch.model.number import canonical
from softswitch.store.database import Store
from softswitch.store.spool import Spool

log = structlog.get_logger("callbacks")

TICK = 1.0
LEAD_SECONDS = 300.0
"""A callback is not offered when the queue closes sooner than this after the predicted wait."""
FULL_SECONDS = 60.0
"""How long a callback waits while the switch takes no more calls."""
SOURCE = "callback"


class Placer(Protocol):
    """`CallService`, as callbacks use it."""

    def place(
        self, from_: Destination, to: Destination, *, actor: str, source: str, ring: float, shown: str, alert: bool
    ) -> Call:
        """Raises Unreachable, Busy."""


class Seat:
    """A callback's place in line, as the service's guest."""

    channel = "callback"
    rule = ""

    def __init__(self, callback: Callback, visit: str, told: Callable[[Seat, ev.Event], None]) -> None:
        self.callback = callback
        self.visit = visit
        self.ringing: dict[str, Call] = {}  # offer → the call that rings the agent
        self._told = told

    @property
    def facts(self) -> LegFacts:
        back = self.callback
        return LegFacts(inbound=True, kind=PartyKind.TRUNK, party="", caller=back.number, called=back.queue)

    def tell(self, event: ev.Event) -> None:
        self._told(self, event)

    def offer_over(self, offer: str) -> None:
        if (call := self.ringing.pop(offer, None)) is not None:
            call.hang_up(Cause.NO_ANSWER, "system")


@dataclass(slots=True)
class _Run:
    """An attempt under way. Agent first: `offer` and `agent`; customer first: neither."""

    callback: Callback
    seat: Seat
    offer: str = ""
    agent: str = ""
    accepted: bool = False
    settled: bool = False


@dataclass(slots=True)
class _Live:
    open: dict[str, Callback] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)  # callback → its place
    runs: dict[str, _Run] = field(default_factory=dict)  # call → attempt


class Callbacks:
    """`load()` once the ACD stands, then `run()` as a task."""

    def __init__(
        self, *, acd: AcdService, calls: Placer, store: Store, spool: Spool, journal: Callable[[ev.Event], None],
        token: Callable[[], str], judge: Callable[[str], Verdict], zone_of: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._acd = acd
        self._calls = calls
        self._store = store
        self._spool = spool
        self._journal = journal
        self._token = token
        self._judge = judge
        self._zone_of = zone_of
        self._live = _Live()

    async def load(self) -> None:
        """Takes over what was open before a restart; attempts that died with the process are made again."""
        for callback in await self._store.read(open_callbacks):
            state = CallbackState.WAITING if callback.state is CallbackState.DIALLING else callback.state
            self._live.open[callback.id] = replace(callback, state=state)
        for callback in list(self._live.open.values()):
            if callback.state is CallbackState.WAITING:
                self._take_place(callback)

    async def run(self) -> None:
        """Takes places for those whose time has come, and dials customers early enough."""
        while True:
            await asyncio.sleep(TICK)
            for callback in list(self._live.open.values()):
                if callback.state is CallbackState.SCHEDULED and callback.scheduled <= self._acd.now:
                    self._due(callback)
            for seat in list(self._live.seats.values()):
                self._look(seat)

    # ------------------------------------------------------------------ orders

    async def create(
        self, queue: str, number: str, *, source: str = "queue", at: float = 0.0, entered: float = 0.0, call: str = "",
        customer: str = "", note: str = "", importance: int = 0, agent: str = "",
        emit: Callable[[ev.Event], None] | None = None,
    ) -> Callback:  # fmt: skip
        """A new callback; when this returns it survives a crash. `entered` 0: its place begins now, or at `at`.

        Raises NotFound for the queue, Invalid for a number that may not be called, Conflict when there is one already.
        """
        if queue not in self._acd.snapshot.queues:
            raise NotFound(f"there is no queue {queue}")
        self.check_number(number)
        if (former := self.of(queue, number)) is not None:
            raise Conflict(f"callback {former.id} of this number is open already", Refusal.CALLBACK_OPEN)
        now = self._acd.now
        callback = Callback(
            id="b" + self._token(), queue=queue, number=number, created=now, entered=entered or max(now, at), scheduled=at,
            source=source, customer=customer, note=note, importance=importance, agent=agent, call=call,
            state=CallbackState.SCHEDULED if at > now else CallbackState.WAITING,
        )  # fmt: skip
        self._live.open[callback.id] = callback
        event = ev.CallbackCreated(
            call=call, queue=queue, callback=callback.id, number=number, scheduled_at=at, customer=customer, at=now
        )
        (emit or self._journal)(event)
        committed = self._spool.write(partial(write_callback, callback=callback))
        if callback.state is CallbackState.WAITING:
            self._take_place(callback)
        self._acd.changed(queue)
        await committed
        return self._live.open.get(callback.id, callback)

    def open(self) -> list[Callback]:
        return list(self._live.open.values())

    def get(self, callback: str) -> Callback:
        """An open one. Raises NotFound."""
        found = self._live.open.get(callback)
        if found is None:
            raise NotFound("no open callback has this id")
        return found

    def change(self, callback: str, *, at: float | None = None, agent: str | None = None, note: str | None = None) -> Callback:
        """Another time, another agent. Raises NotFound, Conflict while it is being dialled."""
        found = self.get(callback)
        if found.state is CallbackState.DIALLING:
            raise Conflict("the callback is being made now", Refusal.CALLBACK_DIALLING)
        self._give_up_place(found)
        found = replace(found, agent=found.agent if agent is None else agent, note=found.note if note is None else note)
        if at is not None:
            found = replace(found, scheduled=at)
        if found.scheduled > self._acd.now:
            self._keep(replace(found, state=CallbackState.SCHEDULED))
        else:
            self._take_place(replace(found, state=CallbackState.WAITING))
        return self.get(callback)

    def finish(self, callback: str, actor: str) -> Callback:
        """Somebody has called without the switch. Raises NotFound, Conflict."""
        return self._end(self._free(callback), CallbackState.DONE, "by hand", actor)

    def cancel(self, callback: str, why: str, actor: str) -> Callback:
        """Raises NotFound, Conflict while it is being dialled."""
        return self._end(self._free(callback), CallbackState.CANCELLED, why, actor)

    def _free(self, callback: str) -> Callback:
        found = self.get(callback)
        if found.state is CallbackState.DIALLING:
            raise Conflict("the callback is being made now", Refusal.CALLBACK_DIALLING)
        return found

    def check_number(self, number: str) -> None:
        """Raises Invalid when the number may not be called back."""
        if reachable(self._acd.snapshot, number) is None:
            raise Invalid("number", "no route leads to this number")
        if not self._judge(number).admitted:
            raise Invalid("number", "this number is on the blacklist")

    # ------------------------------------------------------------------ for callers (around.CallbackDesk)

    def may_offer(self, queue: Queue, number: str) -> bool:
        """Not too near closing time; a number that may be called, or one that the caller can type."""
        around = self._acd.around
        calendar = around.calendar(queue.calendar)
        if not calendar.open:
            return False
        if calendar.until is None:
            return True
        mean = self._acd.forecast.wait(queue, self._acd.waiting(queue.name), self._acd.now)[0]
        return calendar.until - around.utc() > max(0, mean) / 1000 + LEAD_SECONDS

    def of(self, queue: str, number: str) -> Callback | None:
        """The open callback of a number."""
        plain = canonical(number)
        return next((b for b in self._live.open.values() if b.queue == queue and canonical(b.number) == plain), None)

    async def ask(self, call: Call, _queue: Queue) -> str:
        return await ask_number(call, self._may_call)

    def _may_call(self, number: str) -> bool:
        try:
            self.check_number(number)
        except Invalid:
            return False
        return True

    async def keep(self, call: Call, queue: Queue, number: str, entered: float) -> None:
        importance = call.variables.get("importance", "")
        try:
            await self.create(
                queue.name, number, entered=entered, call=call.id, emit=call.emit, customer=call.variables.get("customer", ""),
                importance=int(importance) if importance.isdecimal() else 0,
            )  # fmt: skip
        except Conflict:
            await call.play(["callback-exists", "goodbye"])
        else:
            await call.play(["callback-accepted", "goodbye"])

    async def meet(self, call: Call, _queue: Queue, kept: Kept) -> str:
        seat = self._live.seats.get(kept.id)
        choice = await ask_what_to_do(call, self._acd.position(seat.visit) if seat is not None else 0)
        if choice != "keep" and (found := self._live.open.get(kept.id)) is not None:
            if found.state is CallbackState.DIALLING:
                return "swap"  # it is being made this moment: the caller is here already
            self._end(found, CallbackState.CANCELLED, "swapped" if choice == "swap" else "caller", "caller")
            if choice == "cancel":
                await call.play(["callback-cancelled"])
        return choice if choice != "keep" else await self._farewell(call)

    async def _farewell(self, call: Call) -> str:
        await call.play(["goodbye"])
        return "keep"

    def claimed(self, call: Call) -> float | None:
        run = self._live.runs.get(call.id)
        return run.callback.entered if run is not None else None

    # ------------------------------------------------------------------ places in line

    def _take_place(self, callback: Callback) -> None:
        """Puts it where it would stand had the caller stayed; at night it waits for the morning, the place is kept."""
        now = self._acd.now
        morning = window(now, self._zone_of(callback.queue))
        if morning > now:
            self._keep(replace(callback, state=CallbackState.SCHEDULED, scheduled=morning))
            return
        seat = Seat(callback, self._acd.new_visit(), self._told)
        self._live.seats[callback.id] = seat
        self._keep(callback)
        self._acd.welcome(seat)
        entry = c.Enqueue(
            seat.visit, callback.id, callback.queue, max(0.0, now - callback.entered), importance=callback.importance,
            channel=SOURCE, number=callback.number, sticky=(("owner", callback.agent),) if callback.agent else (),
        )  # fmt: skip
        try:
            self._acd.submit(entry)
        except NotFound:
            self._acd.part(seat)
            self._end(callback, CallbackState.CANCELLED, "the queue is gone", "system")

    def _due(self, callback: Callback) -> None:
        self._take_place(replace(callback, state=CallbackState.WAITING))
        found = self._live.open.get(callback.id)
        if found is not None and found.state is CallbackState.WAITING:  # else it waits for the morning, or its queue is gone
            told = ev.CallbackDue(queue=found.queue, agent=found.agent, callback=found.id, number=found.number)
            self._journal(replace(told, at=self._acd.now))

    def _give_up_place(self, callback: Callback) -> None:
        seat = self._live.seats.pop(callback.id, None)
        if seat is not None:
            if self._acd.is_waiting(seat.visit):
                self._acd.submit(c.Leave(seat.visit, SOURCE))
            self._acd.part(seat)

    def _told(self, seat: Seat, event: ev.Event) -> None:
        if isinstance(event, ev.OfferMade):
            asyncio.get_running_loop().call_soon(self._offered, seat, event)
        elif isinstance(event, ev.QueueLeft) and self._live.seats.get(seat.callback.id) is seat:
            asyncio.get_running_loop().call_soon(self._put_out, seat)

    def _put_out(self, seat: Seat) -> None:
        """The core ended the visit: the queue is gone, or was emptied."""
        if self._live.seats.get(seat.callback.id) is not seat:
            return
        self._give_up_place(seat.callback)
        if seat.callback.queue not in self._acd.snapshot.queues:
            self._end(seat.callback, CallbackState.CANCELLED, "the queue is gone", "system")
        else:
            again = self._acd.now + LEAD_SECONDS
            self._keep(replace(seat.callback, state=CallbackState.SCHEDULED, scheduled=again))

    # ------------------------------------------------------------------ attempts

    def _queue(self, callback: Callback) -> Queue:
        return self._acd.snapshot.queues.get(callback.queue) or Queue(name=callback.queue)

    def _look(self, seat: Seat) -> None:
        """Customer first: dialled when the rest of the wait is about as long as the ringing."""
        queue = self._queue(seat.callback)
        mean = self._acd.predicted(seat.visit)[0]
        if queue.callback_mode == "customer_first" and 0 <= mean <= queue.callback_ring * 1000:
            self._dial_customer(seat)

    def _offered(self, seat: Seat, offer: ev.OfferMade) -> None:
        if not self._acd.is_offered(offer.offer):
            return
        if self._queue(seat.callback).callback_mode == "customer_first":
            self._dial_customer(seat)
            return
        try:
            call = self._calls.place(
                Destination(DestinationKind.AGENT, offer.agent), self._back(seat), actor="system", source=SOURCE,
                ring=offer.ring_timeout_ms / 1000 + 1, shown=seat.callback.number, alert=True,
            )  # fmt: skip
        except Unreachable as fault:
            self._acd.submit(c.OfferFailed(offer.offer, REASONS.get(fault.cause, "device")))
            return
        except Busy:  # the switch is full, or goes down: no agent is to blame
            self._give_up_place(seat.callback)
            self._keep(replace(seat.callback, state=CallbackState.SCHEDULED, scheduled=self._acd.now + FULL_SECONDS))
            return
        seat.ringing[offer.offer] = call
        self._live.runs[call.id] = _Run(seat.callback, seat, offer.offer, offer.agent)
        self._acd.submit(c.OfferAlerting(offer.offer))

    def _back(self, seat: Seat) -> Destination:
        return Destination(DestinationKind.CALLBACK, seat.callback.queue)

    def _dial_customer(self, seat: Seat) -> None:
        """Leaves the line for the dialling; who answers comes back to the kept place."""
        callback, queue = self._dialled(seat.callback), self._queue(seat.callback)
        self._give_up_place(callback)
        to = reachable(self._acd.snapshot, callback.number)
        try:
            if to is None:
                raise Unreachable(Cause.NO_ROUTE)
            call = self._calls.place(
                to, self._back(seat), actor="system", source=SOURCE, ring=queue.callback_ring, shown="", alert=False
            )
        except (Unreachable, Busy) as fault:
            cause = fault.cause if isinstance(fault, Unreachable) else Cause.CONGESTION
            self._attempted(callback, cause.word, "")
            return
        self._live.runs[call.id] = _Run(callback, seat)
        self._attempt(call, callback, "")

    def _dialled(self, callback: Callback) -> Callback:
        found = replace(callback, state=CallbackState.DIALLING)
        self._keep(found)
        return found

    async def handle(self, call: Call, destination: Destination, otherwise: Handler) -> Outcome:
        """The handler of `callback:QUEUE`: a callback that is being made, or (`otherwise`) a caller who wants one."""
        run = self._live.runs.get(call.id)
        if run is None:
            return await otherwise(call, destination)
        if run.offer:
            return await self._serve_agent(call, run)
        return await self._serve_customer(call, run)

    async def _serve_customer(self, call: Call, run: _Run) -> Outcome:
        """The customer has answered; the rest of the wait with the kept place."""
        await call.play(["callback-hello"])
        self._succeeded(call, run)
        return await self._acd.enter(call, run.callback.queue)

    async def _serve_agent(self, call: Call, run: _Run) -> Outcome:
        """The agent has answered; the customer is dialled."""
        try:
            self._acd.submit(c.OfferAccepted(run.offer, call.id))
        except Conflict:  # answer and time-out crossed: the owner's log has the time-out first
            return Outcome.ended(Ending("system", Cause.NO_ANSWER))
        run.accepted = True
        run.seat.ringing.pop(run.offer, None)
        self._live.seats.pop(run.callback.id, None)
        self._acd.part(run.seat)
        run.callback = self._dialled(run.callback)
        try:
            return await self._reach_customer(call, run)
        finally:
            self._acd.submit(c.Released(run.agent, call.id))

    async def _reach_customer(self, call: Call, run: _Run) -> Outcome:
        queue = self._queue(run.callback)
        to = reachable(self._acd.snapshot, run.callback.number)
        self._attempt(call, run.callback, run.agent)
        try:
            if to is None:
                raise Unreachable(Cause.NO_ROUTE)
            async with call.dialling(to, timeout=queue.callback_ring) as leg:
                self._succeeded(call, run)
                if prompt := call.consent_prompt(queue.name):
                    await whisper(call.board.media, leg, (prompt,), call.language)
                return Outcome.ended(await call.bridge(leg, record=queue.record, queue=queue.name, other=str(to)))
        except Unreachable as fault:
            run.settled = True
            self._attempted(run.callback, fault.cause.word, run.agent, call)
            return Outcome.failed(fault.cause)

    def call_over(self, call: Call) -> None:
        """For the call service: what became of an attempt that ended before it was settled."""
        run = self._live.runs.pop(call.id, None)
        if run is None or run.settled:
            return
        cause = call.ending.cause if call.ending is not None else Cause.NORMAL
        if run.offer and not run.accepted:  # the agent did not take it: the caller's place stays
            run.seat.ringing.pop(run.offer, None)
            if self._acd.is_offered(run.offer):
                self._acd.submit(c.OfferFailed(run.offer, REASONS.get(cause, "device")))
        elif run.offer:  # the agent left before the customer answered: nobody's fault but the customer waits on
            self._take_place(replace(run.callback, state=CallbackState.WAITING))
        else:
            self._attempted(run.callback, cause.word, "")

    # ------------------------------------------------------------------ results

    def _attempt(self, call: Call, callback: Callback, agent: str) -> None:
        number = len(callback.attempts) + 1
        call.emit(
            ev.CallbackAttempt(queue=callback.queue, callback=callback.id, number=callback.number, attempt=number, agent=agent)
        )

    def _succeeded(self, call: Call, run: _Run) -> None:
        run.settled = True
        attempt = Attempt(self._acd.now, "answered", run.agent)
        done = replace(run.callback, attempts=(*run.callback.attempts, attempt))
        self._end(done, CallbackState.DONE, "answered", run.agent or "system", call)

    def _attempted(self, callback: Callback, result: str, agent: str, call: Call | None = None) -> None:
        """An attempt without success."""
        found = callback.attempted(Attempt(self._acd.now, result, agent), self._queue(callback).callback_retries)
        self._emit(
            ev.CallbackAttempt(
                queue=callback.queue, callback=callback.id, number=callback.number, attempt=len(found.attempts), result=result,
                agent=agent,
            ),
            call,
        )  # fmt: skip
        if found.state is CallbackState.FAILED:
            self._end(found, CallbackState.FAILED, result, "system", call)
        else:
            self._keep(found)

    def _end(
        self, callback: Callback, state: CallbackState, result: str, actor: str, call: Call | None = None
    ) -> Callback:  # fmt: skip
        self._give_up_place(callback)
        ended = replace(callback, state=state)
        self._live.open.pop(callback.id, None)
        if state is CallbackState.CANCELLED:
            self._emit(ev.CallbackCancelled(queue=callback.queue, callback=callback.id, why=result, actor=actor), call)
        else:
            word = result if state is CallbackState.DONE else f"failed: {result}"
            self._emit(ev.CallbackDone(queue=callback.queue, callback=callback.id, result=word, actor=actor), call)
        self._write(ended)
        return ended

    def _emit(self, event: ev.Event, call: Call | None) -> None:
        if call is not None and not call.is_over:
            call.emit(event)
        else:
            self._journal(replace(event, at=self._acd.now))

    def _keep(self, callback: Callback) -> None:
        self._live.open[callback.id] = callback
        if (seat := self._live.seats.get(callback.id)) is not None:
            seat.callback = callback
        self._write(callback)

    def _write(self, callback: Callback) -> None:
        self._spool.put(partial(write_callback, callback=callback))
        self._acd.changed(callback.queue)


Handler = Callable[[Call, Destination], Awaitable[Outcome]]
