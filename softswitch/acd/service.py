"""The shell around the core: clock and timer, the offers' legs, the journal, and whoever watches. One writer: the event loop.

Commands go in by `submit`; the events that come out are journaled, carried out (offers ring, lost agents' calls are parked) and
shown to watchers, in order, before `submit` returns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from softswitch.acd import commands as c
from softswitch.acd.core import BROWSER, CONNECTION_LOST, AcdCore
from softswitch.acd.counters import Today
from softswitch.acd.settings import config_of
from softswitch.acd.views import agent_view, offer_view, queue_view
from softswitch.acd.visit import Stay
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.stations import Stations
from softswitch.directory.model import Agent, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.ids import Ids
from softswitch.model.states import AgentState
from softswitch.model.views import AgentView, OfferView, QueueView
from softswitch.store.rows import CdrRow

log = structlog.get_logger("acd")

PARK_AFTER = 1.5
"""Seconds of a lost connection after which the agent's caller hears music; a page that reloads is back by then."""


@dataclass(frozen=True, slots=True)
class _Watch:
    agent: Callable[[AgentView], None]
    queue: Callable[[QueueView], None]
    offer: Callable[[str, OfferView | None, str], None]


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
        self.today = Today()
        self._stays: dict[str, Stay] = {}
        self._talking: dict[str, Call] = {}  # agent -> the queue call it is joined to
        self._parked: dict[str, Call] = {}
        self._calls: dict[str, Call] = {}  # those that wait, or talk to an agent of a queue
        self._watches: list[_Watch] = []
        self._waiting: deque[ev.Event] = deque()
        self._publishing = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now(self) -> float:
        return self._clock.now() + self._ahead

    def start(self, stored: Sequence[ev.Event] = (), records: Sequence[CdrRow] = ()) -> None:
        """Takes over agents' states and today's counts from before a restart, then listens to devices."""
        self.today.restore(records, self.now)
        self._publish(self.core.recover(stored, self.now))
        self._stations.on_change(self._device_changed)
        for login in self._directory().agents:
            self._device_changed(login)

    def close(self) -> None:
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
        self._record(event)
        self.today.count(event)
        match event:
            case ev.OfferMade():
                self._stays[event.visit].inbox.put_nowait(event)
                self._tell_offer(event.agent, self._offer_view(event.offer), "")
            case ev.OfferFailed() | ev.OfferWithdrawn():
                self._stop_alert(event.offer)
                self._tell_offer(event.agent, None, event.reason)
            case ev.OfferAnswered():
                self._tell_offer(event.agent, None, "answered")
            case ev.QueueLeft(result=result) if result not in ("answered", "abandoned"):
                self._stays[event.visit].inbox.put_nowait(event)
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

    def _stop_alert(self, offer: str) -> None:
        for stay in self._stays.values():
            if stay.offer == offer:
                stay.offer_over()

    # ------------------------------------------------------------------ callers

    async def to_queue(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `queue:NAME`. A caller for whom nobody was found in time hears so before the call ends."""
        outcome = await self.enter(call, destination.name)
        if outcome.ending is None and outcome.result == "timeout":
            await call.play(["no-agents"])
        return outcome

    async def enter(self, call: Call, name: str) -> Outcome:
        """Waits in the queue and talks to an agent; the overflow destination is tried here.

        Without an ending: `timeout` nobody had time, `unreachable` there is no such queue, `failed` it was closed meanwhile.
        """
        first_entry = self.now
        while True:
            queue = self._directory().queues.get(name)
            if queue is None:
                return Outcome.failed(Cause.UNALLOCATED)
            outcome, returns = await self._stay(call, queue, self.now - first_entry)
            if returns:
                continue
            if outcome.value == "overflow" and queue.overflow is not None:
                return await call.go(queue.overflow)
            return outcome

    async def _stay(self, call: Call, queue: Queue, waited: float) -> tuple[Outcome, bool]:
        visit = self._ids.visit()
        stay = self._stays[visit] = Stay(self, call, queue, visit)
        self._calls[call.id] = call
        try:
            return await stay.wait_for_agent(waited), stay.returns
        finally:
            del self._stays[visit]
            del self._calls[call.id]

    def is_offered(self, offer: str) -> bool:
        return offer in self.core.state.offers

    def is_waiting(self, visit: str) -> bool:
        return visit in self.core.state.visits

    def position(self, visit: str) -> int:
        found = self.core.state.visits.get(visit)
        return self.core.position(found) if found is not None and not found.offer else 0

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
        for login in snapshot.agents:
            self._device_changed(login)

    def _device_changed(self, login: str) -> None:
        agent = self._directory().agents.get(login)
        if agent is not None:
            self.submit(c.DeviceChanged(login, reachable=self._stations.reachable(agent)))
            self._tell_agent(login)

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
        if still_lost and call.conversation.is_live:
            self._parked[login] = call
            call.hold(actor="system")

    def note_call(self, event: ev.Event) -> None:
        """For the bus: calls that agents place themselves, and what they do to calls with their phones."""
        match event:
            case ev.CallCreated(agent=login) if login in self.core.config.agents:
                try:
                    self.submit(c.Dial(login, event.call))
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
        """For the call service: releases agents who placed this call."""
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
        return [agent_view(self.core, agent, self.today) for agent in self._directory().agents.values()]

    def agent(self, login: str) -> AgentView:
        """Raises NotFound."""
        return agent_view(self.core, self.known(login), self.today)

    def queues(self) -> list[QueueView]:
        return [self._queue_view(queue) for queue in self._directory().queues.values()]

    def queue(self, name: str) -> QueueView:
        """Raises NotFound."""
        queue = self._directory().queues.get(name)
        if queue is None:
            raise NotFound(f"there is no queue {name}")
        return self._queue_view(queue)

    def offer_of(self, login: str) -> OfferView | None:
        """The offer that alerts the agent now."""
        record = self.core.state.agents.get(login)
        return self._offer_view(record.offer) if record is not None and record.offer else None

    def _queue_view(self, queue: Queue) -> QueueView:
        self.today.turn(self.now)
        members = self._directory().agents_of(queue.name)
        return queue_view(self.core, queue, self.today, members=members, caller_of=self._caller_of, now=self.now)

    def _caller_of(self, call: str) -> str:
        return self._calls[call].facts.caller

    def _offer_view(self, offer_id: str) -> OfferView | None:
        offer = self.core.state.offers.get(offer_id)
        if offer is None:
            return None
        return offer_view(self.core, offer, self._stays[offer.visit].call.facts)

    # ------------------------------------------------------------------ who watches

    def watch(
        self,
        *,
        agent: Callable[[AgentView], None],
        queue: Callable[[QueueView], None],
        offer: Callable[[str, OfferView | None, str], None],
    ) -> Callable[[], None]:
        """Tells each change; `offer(login, view, reason)`: made, or (None) over. Returns the function that stops it."""
        entry = _Watch(agent, queue, offer)
        self._watches.append(entry)
        return lambda: self._watches.remove(entry)

    def _tell(self, event: ev.Event) -> None:
        queues = {event.queue} if event.queue else set()
        if isinstance(event, ev.AgentStateChanged):
            self._tell_agent(event.agent)
            queues |= set(self.core.config.agents[event.agent].queues) if event.agent in self.core.config.agents else set()
        for name in queues:
            if name in self._directory().queues:
                view = self.queue(name)
                for watch in tuple(self._watches):
                    watch.queue(view)

    def _tell_agent(self, login: str) -> None:
        if self._watches and login in self._directory().agents:
            view = self.agent(login)
            for watch in tuple(self._watches):
                watch.agent(view)

    def _tell_offer(self, login: str, view: OfferView | None, reason: str) -> None:
        for watch in tuple(self._watches):
            watch.offer(login, view, reason)
