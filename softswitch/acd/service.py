"""The shell around the core: clock and timer, the stays of callers, agents' devices, the journal, and whoever watches.

Commands go in by `submit`; the events that come out are journaled, carried out (offers ring, lost agents' calls are parked) and
shown to watchers, in order, before `submit` returns. One writer: the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from softswitch.acd import commands as c
from softswitch.acd.around import Surroundings
from softswitch.acd.board import Board, Watch
from softswitch.acd.core import BROWSER, CONNECTION_LOST, AcdCore
from softswitch.acd.counters import Today
from softswitch.acd.entry import Staffing
from softswitch.acd.forecast import UNKNOWN, Forecast
from softswitch.acd.overflow import result_of
from softswitch.acd.reception import PLAIN, Options, Reception
from softswitch.acd.settings import config_of
from softswitch.acd.views import QueueFacts, agent_view, offer_view, priority, queue_view
from softswitch.acd.visit import Result, Stay
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.stations import Stations
from softswitch.directory.model import Agent, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import LegFacts
from softswitch.model import events as ev
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.ids import Ids
from softswitch.model.states import AgentState
from softswitch.model.views import AgentView, OfferView, QueueView
from softswitch.reports.facts import Visit
from softswitch.store.rows import CdrRow

log = structlog.get_logger("acd")

PARK_AFTER = 1.5
"""Seconds of a lost connection after which the agent's caller hears music; a page that reloads is back by then."""


class Guest(Protocol):
    """Whoever has a place in line: a caller's stay, or a callback. Told of its offers and of an end by the core."""

    @property
    def visit(self) -> str: ...

    @property
    def channel(self) -> str:
        """voice, or callback."""

    @property
    def facts(self) -> LegFacts: ...

    @property
    def rule(self) -> str:
        """What makes the guest leave, when it is not the core."""

    def tell(self, event: ev.Event) -> None: ...

    def offer_over(self, offer: str) -> None: ...


NOTED: tuple[type[ev.Event], ...] = (
    ev.CallCreated, ev.CallConnected, ev.ConferenceJoined, ev.CallHeld, ev.CallResumed,
)  # fmt: skip
"""What `AcdService.note_call` has use for."""


class AcdService:
    """Call distribution of the node. `start()` before anything else."""

    def __init__(
        self,
        *,
        directory: Callable[[], Snapshot],
        journal: Callable[[ev.Event], None],
        clock: Clock,
        ids: Ids,
        stations: Stations,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._clock = clock
        self._ahead = clock.utc() - clock.now()  # fixed: the core's epoch seconds never jump with the system's clock
        self._ids = ids
        self._stations = stations
        self.core = AcdCore(config_of(directory()), ids.offer)
        self.today = Today(targets=self._targets)
        self.around = Surroundings(utc=clock.utc)
        self.forecast = Forecast(self.core, self.members, self._is_shared)
        self.reception = Reception(self)
        self.enrich: Callable[[AgentView], AgentView] = lambda view: view
        """Adds to an agent's view what the core does not know: the floor's part."""
        self.board = Board(self.agent, self.queue)
        self._guests: dict[str, Guest] = {}  # by visit
        self._offers: dict[str, Guest] = {}  # by offer that is alerting
        self._talking: dict[str, Call] = {}  # agent -> the queue call it is joined to
        self._parked: dict[str, Call] = {}
        self._calls: dict[str, Call] = {}  # those that wait, or talk to an agent of a queue
        self._waiting: deque[ev.Event] = deque()
        self._publishing = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now(self) -> float:
        return self._clock.now() + self._ahead

    @property
    def snapshot(self) -> Snapshot:
        return self._directory()

    def start(self, stored: Sequence[ev.Event] = (), records: Sequence[CdrRow] = (), visits: Sequence[Visit] = ()) -> None:
        """Takes over agents' states and today's counts from before a restart, then listens to devices."""
        self.today.restore(visits, self.now)
        self.around.returned = {
            (row.queue, row.caller): (row.ended_at - row.wait_ms / 1000, row.ended_at)
            for row in sorted(records, key=lambda row: row.ended_at)
            if not row.agent and row.result in ("abandoned", "interrupted")
        }
        self._publish(self.core.recover(stored, self.now))
        self._stations.on_change(self._device_changed)
        for login in self._directory().agents:
            self._device_changed(login)

    def close(self) -> None:
        self.reception.close()
        self.board.close()
        if self._timer is not None:
            self._timer.cancel()

    # ------------------------------------------------------------------ the frame around the core

    def submit(self, command: c.Command) -> None:
        """Raises Conflict or NotFound, and then nothing has happened."""
        self._publish(self.core.submit(command, self.now))

    def _on_timer(self) -> None:
        self._timer = None
        self._publish(self.core.handle_timeout(self.now))

    def _publish(self, events: Sequence[ev.Event]) -> None:
        """Carries out events in the order in which they happened, also those that a reaction causes."""
        self._waiting += events
        if self._publishing:
            return
        self._publishing = True
        try:
            while self._waiting:
                self._carry_out(self._waiting.popleft())
        finally:
            self._publishing = False
        self._rearm()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due := self.core.deadline()) is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self.now), self._on_timer)

    def _carry_out(self, event: ev.Event) -> None:
        match event:
            case ev.QueueEntered():
                event = self._with_prediction(event)
            case ev.QueueLeft():
                event = self._with_reason(event)
        self._record(event)
        self.today.count(event)
        match event:
            case ev.OfferMade():
                self._offers[event.offer] = self._guests[event.visit]
                self._guests[event.visit].tell(event)
                self.board.offer(event.agent, self._offer_view(event.offer), "")
            case ev.OfferFailed() | ev.OfferWithdrawn():
                if (guest := self._offers.pop(event.offer, None)) is not None:
                    guest.offer_over(event.offer)
                self.board.offer(event.agent, None, event.reason)
            case ev.OfferAnswered():
                self._offers.pop(event.offer, None)
                self.board.offer(event.agent, None, "answered")
            case ev.QueueLeft():
                self._left(event)
            case ev.AgentStateChanged():
                self._agent_changed(event)
            case ev.AgentLogout(reason=reason) if reason == CONNECTION_LOST:
                self._stations.browsers.close(event.agent)
            case _:
                pass
        self._tell(event)

    def _record(self, event: ev.Event) -> None:
        """Events of a call belong to its timeline; those of agents outlive calls and stand for themselves."""
        call = self._calls.get(event.call)
        if isinstance(event, ev.AgentStateChanged):
            self._journal(replace(event, call=""))
        elif call is not None and not call.is_over:
            call.emit(event)
        else:
            self._journal(event)

    def _left(self, event: ev.QueueLeft) -> None:
        guest = self._guests.get(event.visit)
        if guest is not None and event.result not in ("answered", "abandoned"):
            guest.tell(event)

    def _with_prediction(self, event: ev.QueueEntered) -> ev.QueueEntered:
        queue = self._directory().queues.get(event.queue)
        if queue is None or event.position < 1:
            return event
        mean, p80 = self.forecast.wait(queue, event.position - 1, self.now, importance=event.importance)
        if mean < 0:
            return event
        return replace(event, predicted_ms=mean, p80_ms=p80)

    def _with_reason(self, event: ev.QueueLeft) -> ev.QueueLeft:
        """The exit's own word for where the caller went on to, and the rule of whoever sent it there."""
        guest = self._guests.get(event.visit)
        result = result_of(Destination.parse(event.to)) if event.result == "overflow" and event.to else event.result
        return replace(event, result=result, rule=event.rule or (guest.rule if guest is not None else ""))

    # ------------------------------------------------------------------ callers

    async def to_queue(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `queue:NAME`."""
        return await self.reception.to_queue(call, destination)

    async def enter(self, call: Call, name: str, options: Options = PLAIN) -> Outcome:
        """For flows: waits in the queue and talks to an agent; see `Reception.enter`."""
        return await self.reception.enter(call, name, options)

    async def stay(self, stay: Stay, entry: c.Enqueue) -> Result:
        """Registers a caller's stay and lets it wait."""
        self._calls[stay.call.id] = stay.call
        self.welcome(stay)
        try:
            return await stay.wait_for_agent(entry)
        finally:
            self.part(stay)
            del self._calls[stay.call.id]

    def welcome(self, guest: Guest) -> None:
        """From here on the guest is told what becomes of its visit; before its Enqueue."""
        self._guests[guest.visit] = guest

    def part(self, guest: Guest) -> None:
        self._guests.pop(guest.visit, None)
        self._offers = {offer: other for offer, other in self._offers.items() if other is not guest}

    def stay_of(self, visit: str) -> Guest | None:
        """Whoever waits behind a visit."""
        return self._guests.get(visit)

    def stays(self) -> list[Stay]:
        return [guest for guest in self._guests.values() if isinstance(guest, Stay)]

    def new_visit(self) -> str:
        return self._ids.visit()

    def note(self, call: Call, event: ev.Event) -> None:
        """An event of a visit that the core never saw."""
        event = replace(event, call=call.id, at=self.now)
        call.emit(event)
        self.today.count(event)
        self._tell(event)

    def is_offered(self, offer: str) -> bool:
        return offer in self.core.state.offers

    def is_waiting(self, visit: str) -> bool:
        return visit in self.core.state.visits

    def position(self, visit: str) -> int:
        """Place in line from 1; 0 when the caller is being offered or waits no more."""
        found = self.core.state.visits.get(visit)
        return self.core.position(found) if found is not None and not found.offer else 0

    def predicted(self, visit: str) -> tuple[int, int]:
        """Mean and 80th percentile of the rest of a visit's wait, ms; -1 = unknown."""
        found = self.core.state.visits.get(visit)
        queue = self._directory().queues.get(found.queue) if found is not None else None
        if found is None or queue is None:
            return UNKNOWN
        return self.forecast.wait(queue, self.core.position(found) - 1, self.now)

    def sayable(self, visit: str) -> int:
        """80th percentile of the rest of a visit's wait, ms; -1 = unknown, or not to be said aloud."""
        found = self.core.state.visits.get(visit)
        return -1 if found is None or found.queue in self.forecast.off else self.predicted(visit)[1]

    def held_for(self, visit: str) -> str:
        """The agent who knows the caller and for whom it waits at first."""
        found = self.core.state.visits.get(visit)
        return found.held_for if found is not None and not found.offer else ""

    def may_call_back(self, queue: Queue, number: str) -> bool:
        desk = self.around.callbacks
        return desk is not None and desk.may_offer(queue, number)

    def _targets(self, queue: str) -> tuple[int, int]:
        """Seconds of the service level, and of a short abandon."""
        found = self._directory().queues.get(queue)
        return (found.service_seconds, found.short_abandon) if found is not None else (20, 5)

    # ------------------------------------------------------------------ who serves

    def members(self, queue: str) -> tuple[str, ...]:
        """Logins that serve a queue today."""
        return self.core.members(queue)

    def _is_shared(self, queue: str) -> bool:
        """Whether agents of the queue also serve others."""
        return any(len(self.core.queues_of(login)) > 1 for login in self.members(queue))

    def waiting(self, queue: str) -> int:
        return len(self.core.state.waiting.get(queue, ()))

    def staffing(self, queue: str) -> Staffing:
        return Staffing(self.core.signed_in(queue), self.core.in_state(queue, AgentState.READY))

    def logout_reason(self, agent: str) -> str:
        record = self.core.state.agents[agent]
        return record.reason if record.state is AgentState.LOGGED_OUT else ""

    def talks(self, agent: str, call: Call | None) -> None:
        self._parked.pop(agent, None)
        if call is None:
            self._talking.pop(agent, None)
        else:
            self._talking[agent] = call

    # ------------------------------------------------------------------ agents' devices and connections

    def desk_connected(self, login: str) -> None:
        """The agent's page is connected (again)."""
        if login in self.core.state.agents:
            self.submit(c.ConnectionBack(login))

    def desk_lost(self, login: str) -> None:
        """The agent's page is gone; the grace time runs."""
        if login in self.core.state.agents:
            self.submit(c.ConnectionLost(login))

    def directory_changed(self, snapshot: Snapshot) -> None:
        """New agents, queues or memberships."""
        self.submit(c.ChangeConfig(config_of(snapshot)))
        for name in snapshot.queues:
            self.board.queue_changed(name)
        for login in snapshot.agents:
            self._device_changed(login)

    def _device_changed(self, login: str) -> None:
        agent = self._directory().agents.get(login)
        if agent is not None:
            self.submit(c.DeviceChanged(login, reachable=self._stations.reachable(agent)))
            self.board.agent_changed(login)

    def _agent_changed(self, event: ev.AgentStateChanged) -> None:
        """A lost page parks its caller after a moment; a page that is back takes the caller back."""
        if event.new == AgentState.OFFLINE and event.old != event.new and event.agent in self._talking:
            if self.core.state.agents[event.agent].station == BROWSER:
                asyncio.get_running_loop().call_later(PARK_AFTER, self._park, event.agent, self._talking[event.agent])
        elif event.old == AgentState.OFFLINE and event.agent in self._parked:
            call = self._parked.pop(event.agent)
            if event.new == AgentState.TALKING and call.conversation.is_live:
                call.resume(actor="system")

    def _park(self, login: str, call: Call) -> None:
        still_lost = self.core.state.agents[login].state is AgentState.OFFLINE and self._talking.get(login) is call
        needs_music = still_lost and not self._stations.covered(login)
        if needs_music and len(call.conversation.others) == 1:  # a conference goes on without the agent
            self._parked[login] = call
            call.hold(actor="system")

    def note_call(self, event: ev.Event) -> None:
        """For the bus: calls that agents place themselves, and what they do to calls with their phones."""
        match event:
            case ev.CallCreated(agent=login, source=source) if login in self.core.config.agents and source != "callback":
                try:
                    by_phone, internal = event.source == "sip", event.direction == "internal"
                    self.submit(c.Dial(login, event.call, placed=by_phone, internal=internal))
                except Conflict as error:
                    log.info("= call beside the agent's state", agent=login, call=event.call, why=str(error))
            case ev.CallConnected() | ev.ConferenceJoined():
                for agent in self._who_is(event.call, AgentState.DIALLING):
                    self.submit(c.DialAnswered(agent))
            case ev.CallHeld(actor="agent"):  # by the phone's own key: a hold ordered here bears the agent's login
                for agent in self._who_is(event.call, AgentState.TALKING):
                    self.submit(c.Hold(agent))
            case ev.CallResumed(actor="agent"):
                for agent in self._who_is(event.call, AgentState.HOLDING):
                    self.submit(c.Resume(agent))
            case _:
                pass

    def call_over(self, call: Call) -> None:
        """For the call service: releases agents who placed this call, forgets its place."""
        self.reception.call_over(call.id)
        for record in list(self.core.state.agents.values()):
            if record.call == call.id:
                self.submit(c.Released(record.login, call.id))

    def _who_is(self, call: str, state: AgentState) -> list[str]:
        """The agents in this call who are in the state, connection lost or not for dialling."""
        agents = [agent for agent in self.core.state.agents.values() if agent.call == call]
        return [agent.login for agent in agents if (agent.lives if state is AgentState.DIALLING else agent.state) is state]

    # ------------------------------------------------------------------ views

    def known(self, login: str) -> Agent:
        """Raises NotFound."""
        agent = self._directory().agents.get(login)
        if agent is None:
            raise NotFound(f"there is no agent {login}")
        return agent

    def agents(self) -> list[AgentView]:
        return [self.enrich(agent_view(self.core, agent, self.today)) for agent in self._directory().agents.values()]

    def agent(self, login: str) -> AgentView:
        """Raises NotFound."""
        return self.enrich(agent_view(self.core, self.known(login), self.today))

    def queues(self) -> list[QueueView]:
        return [self._queue_view(queue) for queue in self._directory().queues.values()]

    def queue(self, name: str) -> QueueView:
        """Raises NotFound."""
        return self._queue_view(self.reception.queue(name))

    def offer_of(self, login: str) -> OfferView | None:
        """The offer that alerts the agent now."""
        record = self.core.state.agents.get(login)
        return self._offer_view(record.offer) if record is not None and record.offer else None

    def _queue_view(self, queue: Queue) -> QueueView:
        self.today.turn(self.now)
        around, now = self.around, self.now
        ahead = self.waiting(queue.name)
        return queue_view(
            self.core, queue, self.today.queue(queue.name), members=self.members(queue.name), now=now,
            about=QueueFacts(
                calendar=around.calendar(queue.calendar), emergency=around.emergencies(queue.name),
                wait=self.forecast.wait(queue, ahead, now), prediction=self.forecast.report(queue.name),
                guest_of=self._guests.get, vip=lambda number: around.lists.vip(number) is not None,
                priority_of=lambda visit: priority(queue, visit.importance, now - visit.entered_at),
                wait_of=lambda place: self.forecast.wait(queue, place - 1, now)[0],
            ),
        )  # fmt: skip

    def _offer_view(self, offer_id: str) -> OfferView | None:
        offer = self.core.state.offers.get(offer_id)
        guest = self._guests.get(offer.visit) if offer is not None else None
        if offer is None or guest is None:
            return None
        agent, queue = self._directory().agents.get(offer.agent), self._directory().queues.get(offer.queue)
        answers = bool((agent and agent.auto_answer) or (queue and queue.auto_answer))
        return replace(offer_view(self.core, offer, guest.facts), auto_answer=answers)

    # ------------------------------------------------------------------ who watches

    def watch(
        self,
        *,
        agent: Callable[[AgentView], None],
        queue: Callable[[QueueView], None],
        offer: Callable[[str, OfferView | None, str], None],
    ) -> Callable[[], None]:
        """Tells changes, agents and queues coalesced (board.py); `offer(login, view, reason)`: made, or (None) over, at once.

        Returns the function that stops it.
        """
        return self.board.watch(Watch(agent, queue, offer))

    def changed(self, queue: str) -> None:
        """Something that a queue's view shows changed beside the core: emergency switch, callbacks."""
        self.board.queue_changed(queue)

    def _tell(self, event: ev.Event) -> None:
        queues = {event.queue} if event.queue else set()
        if isinstance(event, ev.AgentStateChanged):
            self.board.agent_changed(event.agent)
            queues |= set(self.core.queues_of(event.agent))
        for name in queues:
            if name in self._directory().queues:
                self.board.queue_changed(name)
