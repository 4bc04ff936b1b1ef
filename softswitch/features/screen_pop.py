"""What an agent sees of a caller while the call alerts: who it is, where from, what was before, what was keyed on the way.

A caller who may be a customer, or who is on the way to a flow, a queue or an agent, is looked up when the call comes in, off
the call path; an offer only reads what is here. Others are looked up when somebody asks: a number that is nobody's and goes
from trunk to phone is no question to the database. One that is slow or away costs the pop its content, never the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.service import Handler
from softswitch.customers import records
from softswitch.customers.book import WEEK, CustomerBook, Known
from softswitch.customers.model import Customer
from softswitch.customers.place import place_of
from softswitch.directory.model import Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import NotFound
from softswitch.model.events import (
    CallCreated,
    CallEnded,
    CallForwarded,
    CallTransferred,
    CustomerIdentified,
    CustomerPopped,
    Event,
    IvrEntered,
    IvrInput,
    IvrNode,
    QueueEntered,
)
from softswitch.store.spool import Spool

log = structlog.get_logger("pop")

PATIENCE = 0.5
"""Seconds a caller's way into a queue waits for the look-up."""
REPEAT = 3 * 86400.0
"""A caller who was here less than this ago rings again (product.md §4, repeat rate)."""


_WITHOUT_POP = frozenset({
    DestinationKind.OUTSIDE, DestinationKind.EXTENSION, DestinationKind.CONFERENCE, DestinationKind.ECHO, DestinationKind.PARK,
    DestinationKind.HANGUP, DestinationKind.FEATURE,
})  # fmt: skip
"""Where no page shows who calls and no flow asks for it."""


class Calls(Protocol):
    def get(self, call_id: str) -> Call: ...


@dataclass(slots=True)
class _Live:
    number: str
    began: float
    known: Known = field(default_factory=Known)
    places: Mapping[str, str] = field(default_factory=dict)  # language → where from
    done: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop:
    """The content of one pop. `history` is newest first."""

    customer: Customer | None = None
    candidates: tuple[Customer, ...] = ()
    place: str = ""
    history: tuple[Any, ...] = ()
    repeat: Any = None  # the last contact, when it was a short while ago
    path: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    page: str = ""


class ScreenPops:
    """One per node, owned by the loop. `note` hears the bus."""

    def __init__(self, book: CustomerBook, calls: Calls, directory: Callable[[], Snapshot], clock: Clock, spool: Spool) -> None:
        self._book = book
        self._calls = calls
        self._directory = directory
        self._clock = clock
        self._spool = spool
        self._live: dict[str, _Live] = {}

    # what happens

    def note(self, event: Event) -> None:
        match event:
            case CallCreated():
                self._begin(event)
            case IvrEntered() | QueueEntered() | CallForwarded() | CallTransferred():
                if (live := self._live.get(event.call)) is not None:
                    self._look_up(event.call, live)
            case CustomerIdentified(how=how) if how != "number" and event.call in self._live:
                self._spool.put(partial(records.link, call=event.call, customer=event.customer, at=event.at))
            case CallEnded():
                live = self._live.pop(event.call, None)
                if live is not None and live.task is not None:
                    live.task.cancel()
            case _:
                pass

    def _begin(self, event: CallCreated) -> None:
        number = event.caller if event.direction == "in" else event.called
        live = self._live[event.call] = _Live(number, self._clock.now())
        if event.agent or self._book.numbers.may_have(number) or not self._is_without_pop(event.call):
            self._look_up(event.call, live)

    def _is_without_pop(self, call_id: str) -> bool:
        try:
            return self._calls.get(call_id).first in _WITHOUT_POP
        except NotFound:
            return False

    def _look_up(self, call_id: str, live: _Live) -> None:
        """Once per call."""
        if live.task is None:
            live.task = asyncio.get_running_loop().create_task(self._learn(call_id, live))

    async def _learn(self, call_id: str, live: _Live) -> None:
        try:
            live.known = await self._book.known(live.number)
            self._identified(call_id, live)
            live.done.set()
            live.places = await asyncio.to_thread(lambda: {one: place_of(live.number, one) for one in ("zh-CN", "en")})
        except (SQLAlchemyError, OSError) as fault:
            log.warning("! caller not looked up", call=call_id, error=str(fault))
        finally:
            live.done.set()

    def _identified(self, call_id: str, live: _Live) -> None:
        customer = live.known.customer
        if customer is None:
            return
        try:
            call = self._calls.get(call_id)
        except NotFound:
            return  # over before it was looked up
        self._told(call, customer, "number")

    def _told(self, call: Call, customer: Customer, how: str) -> None:
        """The call carries what routing and flows ask: id, name, class, importance."""
        variables = call.variables
        variables["customer"], variables["customer_name"] = customer.id, customer.name
        variables["customer_class"], variables["customer_importance"] = customer.grade, str(customer.importance)
        said = variables.get("importance", "")
        points = max(customer.importance, int(said) if said.isdecimal() else 0)
        if points:
            variables["importance"] = str(points)
        call.emit(CustomerIdentified(customer=customer.id, how=how, importance=customer.importance))
        self._spool.put(partial(records.link, call=call.id, customer=customer.id, at=self._clock.utc()))

    async def identify(self, call_id: str, identity: str, how: str, actor: str) -> Customer:
        """Somebody says who the caller is. Raises NotFound for an unknown customer."""
        customer = await self._book.link(call_id, identity)
        live = self._live.get(call_id)
        if live is not None:
            others = tuple(one for one in live.known.candidates if one.id != customer.id)
            live.known = replace(live.known, candidates=(customer, *others))
            self._told(self._calls.get(call_id), customer, how)
        log.info("= customer identified", call=call_id, customer=customer.id, actor=actor)
        return customer

    # what is asked

    async def ready(self, call_id: str) -> Known:
        """What is known of the caller; waits a moment for a look-up that is under way."""
        live = self._live.get(call_id)
        if live is None:
            return Known()
        self._look_up(call_id, live)
        if not live.done.is_set():
            try:
                async with asyncio.timeout(PATIENCE):
                    await live.done.wait()
            except TimeoutError:
                log.warning("! customer look-up is slow", call=call_id)
        return live.known

    def introducing(self, handler: Handler) -> Handler:
        """The handler of a destination where pops are shown: the caller is looked up before."""

        async def introduced(call: Call, destination: Destination) -> Outcome:
            await self.ready(call.id)
            return await handler(call, destination)

        return introduced

    async def acquaintances(self, call: Call, queue: Queue) -> tuple[tuple[str, str], ...]:
        """Who knows the caller, in the queue's order (call-centre.md §5.2): (owner | dedicated | last, login)."""
        known = await self.ready(call.id)
        customer = known.customer
        found = {
            "dedicated": customer.dedicated_agent if customer is not None else "",
            "last": known.last_agent(self._clock.utc() - queue.sticky_days * 86400.0),
        }
        return tuple((kind, found[kind]) for kind in queue.sticky if found.get(kind))

    def of(self, call_id: str, queue: str = "", language: str = "zh-CN") -> Pop:
        """The pop as it is known now; empty for a call that is over."""
        live = self._live.get(call_id)
        try:
            call = self._calls.get(call_id)
        except NotFound:
            return Pop()
        known = live.known if live is not None else Known()
        path, inputs = _way(call.timeline.events)
        last = known.contacts[0] if known.contacts else None
        settings = self._directory().queues.get(queue)
        return Pop(
            customer=known.customer, candidates=known.candidates, history=known.contacts,
            place=live.places.get(language, "") if live is not None else "",
            repeat=last if last is not None and last.at >= self._clock.utc() - REPEAT else None,
            path=path, inputs=inputs, variables=dict(call.variables), page=call.facts.context.get("page", ""),
            url=filled_url(settings.pop_url, call, queue) if settings is not None and settings.pop_url else "",
        )  # fmt: skip

    def popped(self, call_id: str, agent: str) -> None:
        """An agent's page shows the pop: how long after the call came it could be shown."""
        live = self._live.get(call_id)
        if live is not None and live.known.customer is not None:
            try:
                call = self._calls.get(call_id)
            except NotFound:
                return
            ms = round((self._clock.now() - live.began) * 1000)
            call.emit(CustomerPopped(customer=live.known.customer.id, agent=agent, ms=ms))


def _way(events: Sequence[Event]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The nodes where the caller chose (`main/menu=1`), and what was typed."""
    path: list[str] = []
    inputs: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, IvrInput):
            step = f"{event.flow}/{event.node}"
            path.append(f"{step}={event.value}" if event.value and not event.name else step)
            if event.name:
                inputs.append((event.name, event.value))
        elif isinstance(event, IvrNode) and event.verb in ("queue", "transfer", "voicemail", "auth_pin"):
            path.append(f"{event.flow}/{event.node}")
    return tuple(path), tuple(inputs)


def filled_url(template: str, call: Call, queue: str) -> str:
    """The address with {{names}} replaced, each value quoted; what is not known becomes nothing."""
    facts = call.facts
    values = {
        **call.variables, "caller": facts.caller, "called": facts.called, "queue": queue, "call": call.id,
        "customer": call.variables.get("customer", ""),
    }  # fmt: skip
    parts = template.split("{{")
    out = [parts[0]]
    for part in parts[1:]:
        name, closed, rest = part.partition("}}")
        out.append(quote(values.get(name.strip(), ""), safe="") + rest if closed else "{{" + part)
    return "".join(out)


__all__ = ["PATIENCE", "WEEK", "Pop", "ScreenPops", "filled_url"]
