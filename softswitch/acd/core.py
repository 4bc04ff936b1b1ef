"""The core of call distribution: who is offered which call. Sans-IO, event-sourced, deterministic for equal ids and times.

`submit(command, now)` and `handle_timeout(now)` return the events that happened, already carried into `state`; the caller
publishes them and carries them out. Events alone change the state (fold.py), but for the inputs of `AgentRecord`. `now` is
epoch seconds that only move forward.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from softswitch.acd import commands as c
from softswitch.acd.agents import REMOVED, Agents
from softswitch.acd.callers import Callers
from softswitch.acd.config import place_key
from softswitch.acd.contacts import Contacts
from softswitch.acd.fold import apply
from softswitch.acd.frame import BROWSER, CONNECTION_LOST, UNREACHABLE, Frame
from softswitch.acd.free import cap_relaxes_at, is_free, what_hinders
from softswitch.acd.machine import Trigger
from softswitch.acd.model import AcdConfig, AcdState, AgentRecord, Visit
from softswitch.acd.offers import Offers
from softswitch.acd.wrapup import WrapUps
from softswitch.model.events import (
    AgentLogin,
    AgentLogout,
    AgentSkillsChanged,
    AgentStateChanged,
    Event,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferRinging,
    OfferWithdrawn,
    QueueLeft,
    QueueRekeyed,
    QueueRelaxed,
)
from softswitch.model.states import AgentState

__all__ = ["BROWSER", "CONNECTION_LOST", "UNREACHABLE", "AcdCore"]

_S = AgentState
_AWAY = frozenset({_S.LOGGED_OUT, _S.NOT_READY, _S.NOT_RESPONDING, _S.OFFLINE})
"""Nobody waits for an agent in one of these."""
RECOVERED = (AgentLogin, AgentLogout, AgentStateChanged, AgentSkillsChanged)
"""What `recover` wants to be told of the time before a restart."""


class AcdCore:
    """Agents, queues and offers. One writer: whoever holds the core."""

    def __init__(self, config: AcdConfig, offer_id: Callable[[], str]) -> None:
        self._frame = frame = Frame(config, offer_id)
        self._wrap_ups = WrapUps(frame)
        self._offers = Offers(frame, self._wrap_ups)
        self._agents = Agents(frame, self._offers.fail, self._wrap_ups)
        self._wrap_ups.agents = self._offers.agents = self._agents
        self._contacts = Contacts(frame, self._agents, self._wrap_ups, self._offers.fail)
        self._callers = Callers(frame, self._offers)
        self._orders = self._table()
        self._visit_of: dict[str, str] = {}  # live offer → visit
        self._previews: dict[str, float] = {}  # agent → end of its running preview
        frame.watch = self._keep
        for queue in config.queues:
            self._callers.staffing_changed(queue)

    @property
    def config(self) -> AcdConfig:
        return self._frame.config

    @property
    def state(self) -> AcdState:
        return self._frame.state

    @property
    def frame(self) -> Frame:
        """What the core has derived; for checks and measurements."""
        return self._frame

    # ------------------------------------------------------------------ steps

    def submit(self, command: c.Command, now: float) -> list[Event]:
        """Carries out one command. Raises Conflict or NotFound, and then nothing has changed."""
        self._frame.begin(now)
        self._carry_out(command)
        return self._finish()

    def handle_timeout(self, now: float) -> list[Event]:
        """Carries out everything whose time has come."""
        frame = self._frame
        frame.begin(now)
        while frame.deadlines and frame.deadlines[0][0] <= now:
            _, kind, name = heapq.heappop(frame.deadlines)
            self._expired(kind, name)
        return self._finish()

    def deadline(self) -> float | None:
        """When `handle_timeout` is next due; it may turn out that nothing is to be done then."""
        return self._frame.deadlines[0][0] if self._frame.deadlines else None

    def recover(self, stored: Sequence[Event], now: float) -> list[Event]:
        """After a restart: folds the stored events of agents, then ends what died with the process. Before any command.

        Contacts and offers are gone; a browser agent is OFFLINE for the grace time, the others wait for their device to report.
        Callers keep their places by whoever enqueues them again (`Enqueue.waited`).
        """
        self._begin_from(stored, now)
        for agent in list(self.state.agents.values()):
            agent.offer = ""
            self._agents.recover(agent)
            self._agent_due(agent)
            self._arm_agent(agent)
        return self._begun()

    def adopt(self, stored: Sequence[Event], now: float) -> list[Event]:
        """Begins with agents as the stored events left them, connections and devices alive: for a replay. Contacts are over."""
        self._begin_from(stored, now)
        for agent in list(self.state.agents.values()):
            agent.offer, agent.reachable = "", agent.reason != UNREACHABLE
            self._agents.end_all(agent)
            self._review(agent)
            self._arm_agent(agent)
        return self._begun()

    def _begin_from(self, stored: Sequence[Event], now: float) -> None:
        for event in stored:
            if isinstance(event, RECOVERED):
                apply(self.state, event, self.config.rules)
        self._frame.begin(now)
        self._frame.derive()

    def _begun(self) -> list[Event]:
        for queue in self.config.queues:
            self._callers.staffing_changed(queue)
        return self._finish()

    def _finish(self) -> list[Event]:
        self._offers.match()
        return self._frame.events

    # ------------------------------------------------------------------ questions

    def position(self, visit: Visit) -> int:
        """The caller's place in the line, from 1."""
        return self.state.waiting[visit.queue].position(visit)

    def ahead(self, queue: str, importance: int, waited: float = 0.0) -> int:
        """How many callers are served before one who would come now with these points (the queue's included)."""
        config, line = self.config.queues[queue], self.state.waiting.get(queue)
        if line is None:
            return 0
        entered_at = self._frame.now - waited
        probe = Visit("", "", queue, entered_at, self._frame.now, key=place_key(config, importance, entered_at))
        return line.position(probe) - 1

    def signed_in(self, queue: str) -> int:
        """Members who are signed in, in whatever state."""
        return self._frame.staff.signed_in(queue)

    def in_state(self, queue: str, *states: AgentState) -> int:
        """Members in one of the states."""
        counts = self._frame.staff.states.get(queue)
        return sum(counts[state] for state in states) if counts is not None else 0

    def members(self, queue: str) -> tuple[str, ...]:
        """Who serves the queue today."""
        return tuple(self._frame.staff.members.get(queue, ()))

    def queues_of(self, login: str) -> tuple[str, ...]:
        """Today's queues of the agent."""
        return self._frame.staff.queues.get(login, ())

    def skills_of(self, login: str) -> dict[str, int]:
        """Today's skills of the agent."""
        return dict(self._frame.staff.skills(login))

    def eligible(self, visit: Visit) -> tuple[str, ...]:
        """Members who may serve the caller at its present stage, whatever their state: for predictions. O(members)."""
        signature = self._frame.pools.step(visit, self._frame.now).signature
        return tuple(login for login in self.members(visit.queue) if not self._frame.pools.lacks(signature, login))

    def check_may_dial(self, login: str) -> None:
        """Raises Conflict or NotFound when the agent may not start a call now."""
        self._contacts.check_may_dial(login)

    def wrap_up_end(self, agent: AgentRecord) -> float | None:
        """When the running wrap-up ends by itself; None when it waits for the agent."""
        return self._wrap_ups.ends_at(agent)

    def wrap_up_warning(self, agent: AgentRecord) -> float:
        """When its ordinary time is over."""
        return self._wrap_ups.warns_at(agent)

    # ------------------------------------------------------------------ commands

    def _carry_out(self, command: c.Command) -> None:
        self._orders[type(command)](command)

    def _table(self) -> dict[type, Callable[..., None]]:
        return {**self._orders_of_agents(), **self._orders_of_callers(), **self._orders_of_contacts()}

    def _orders_of_agents(self) -> dict[type, Callable[..., None]]:
        agent, agents = self._frame.agent, self._agents
        return {
            c.Login: agents.login,
            c.Logout: lambda order: agents.logout(agent(order.agent), order.reason),
            c.Ready: lambda order: self._ready(agent(order.agent)),
            c.NotReady: lambda order: agents.not_ready(agent(order.agent), order.reason),
            c.DecideReason: agents.decide,
            c.DeviceChanged: lambda order: agents.device(agent(order.agent), reachable=order.reachable),
            c.SetSkills: agents.skills,
            c.LoadChanged: self._load,
            c.ConnectionLost: lambda order: agents.lost(agent(order.agent)),
            c.ConnectionBack: lambda order: agents.back(agent(order.agent)),
            c.ForceState: agents.force,
            c.Disposed: lambda order: self._wrap_ups.disposed(agent(order.agent), order.codes),
            c.WrapUpStart: lambda order: self._wrap_ups.pull(agent(order.agent)),
            c.WrapUpDone: lambda order: self._wrap_ups.done(self._frame.present(order.agent, _S.WRAP_UP), order.codes),
            c.WrapUpExtend: self._wrap_ups.extend,
        }

    def _orders_of_callers(self) -> dict[type, Callable[..., None]]:
        visit, offer = self._frame.visit, self._frame.live_offer
        callers, offers = self._callers, self._offers
        return {
            c.Enqueue: callers.enter,
            c.Leave: lambda order: callers.leave(visit(order.visit), order.result, to=order.to, actor=order.actor),
            c.Rekey: callers.rekey,
            c.Pick: offers.pick,
            c.Intercept: lambda order: callers.leave(visit(order.visit), "supervisor", actor=order.actor),
            c.QueueFigures: self._figures,
            c.OfferAlerting: lambda order: offers.alerting(offer(order.offer)),
            c.OfferAccepted: lambda order: offers.accepted(offer(order.offer), order.call),
            c.OfferFailed: lambda order: offers.fail(offer(order.offer), order.reason),
            c.ChangeConfig: lambda order: self._configure(order.config),
        }

    def _orders_of_contacts(self) -> dict[type, Callable[..., None]]:
        in_state, contacts = self._frame.in_state, self._contacts
        return {
            c.Dial: contacts.dial,
            c.DialAnswered: lambda order: contacts.dial_answered(in_state(order.agent, _S.DIALLING)),
            c.DialFailed: lambda order: contacts.dial_failed(in_state(order.agent, _S.DIALLING)),
            c.Alerted: contacts.alerted,
            c.Answered: contacts.answered,
            c.Joined: contacts.joined,
            c.Hold: lambda order: contacts.hold(order.agent),
            c.Resume: lambda order: contacts.resume(order.agent),
            c.Consult: lambda order: contacts.consult(order.agent),
            c.ConsultOver: contacts.consult_over,
            c.Conference: lambda order: contacts.conference(order.agent),
            c.ConferenceOver: lambda order: contacts.conference_over(order.agent),
            c.Released: lambda order: contacts.released(self._frame.agent(order.agent), order.call),
            c.Preview: self._preview,
            c.PreviewOver: lambda order: contacts.preview_over(in_state(order.agent, _S.PREVIEW)),
        }

    def _ready(self, agent: AgentRecord) -> None:
        if agent.state is _S.WRAP_UP:
            self._wrap_ups.check_may_end(agent)
            self._wrap_ups.note(agent)
            self._agents.change(agent, Trigger.READY, _S.READY if agent.reachable else _S.NOT_READY, _why(agent))
        else:
            self._agents.ready(agent)

    def _load(self, order: c.LoadChanged) -> None:
        agent = self._frame.agent(order.agent)
        agent.load[order.channel] = order.contacts
        self._review(agent)

    def _figures(self, order: c.QueueFigures) -> None:
        self._frame.balance = dict(order.balance)
        self._frame.deficit = dict(order.deficit)

    def _preview(self, order: c.Preview) -> None:
        agent = self._frame.present(order.agent, _S.READY)
        self._previews[agent.login] = self._frame.now + order.seconds
        self._contacts.preview(agent)

    def _expired(self, kind: str, name: str) -> None:
        state = self.state
        match kind:
            case "reserved" if (offer := state.offers.get(name)) and not offer.rings_since:
                self._offers.fail(offer, "device")
            case "ringing" if offer := state.offers.get(name):
                self._offers.fail(offer, "no_answer")
            case "agent" if agent := state.agents.get(name):
                self._agent_due(agent)
            case "visit" if visit := state.visits.get(name):
                self._callers.time_passed(visit)
                if name in state.visits:
                    self._callers.arm(visit)
            case "empty":
                self._callers.still_empty(name)
            case _:
                pass  # the reason of this deadline has gone

    # ------------------------------------------------------------------ what follows from events

    def _keep(self, event: Event) -> None:
        """Keeps what is derived, sets the deadlines that an event brings, notes whom to match."""
        match event:
            case AgentStateChanged():
                self._moved(self.state.agents[event.agent], signs=_S.LOGGED_OUT in (event.old, event.new))
            case AgentSkillsChanged():
                self._retrained(event.agent)
            case QueueRekeyed() | QueueRelaxed():
                self._seat(event.visit)
            case QueueLeft():
                self._frame.pools.unseat(event.visit)
                self._callers.forget(event.visit)
            case OfferMade():
                self._visit_of[event.offer] = event.visit
                self._seat(event.visit)
                self._callers.arm(self.state.visits[event.visit])
                self._frame.alarm(self._frame.now + self.config.rules.reserved_limit, "reserved", event.offer)
            case OfferRinging():
                self._frame.alarm(self._frame.now + self.state.offers[event.offer].ring_limit, "ringing", event.offer)
            case OfferFailed() | OfferWithdrawn() | OfferAnswered():
                self._seat(self._visit_of.pop(event.offer))
            case _:
                pass

    def _seat(self, name: str) -> None:
        self._frame.pools.seat(self.state.visits[name], self._frame.now)
        self._frame.hungry_visits[name] = None

    def _moved(self, agent: AgentRecord, *, signs: bool) -> None:
        """`signs`: in or out."""
        frame = self._frame
        if agent.state is _S.LOGGED_OUT:
            agent.beside.clear()
            agent.codes = ()
        for queue in frame.staff.moved(agent):
            self._requalify(queue)
        for queue in frame.staff.queues.get(agent.login, ()) if signs else ():
            self._callers.staffing_changed(queue)
        self._review(agent)
        if agent.state in _AWAY and agent.login in frame.pools.held:
            for visit in frame.pools.held[agent.login]:
                self._callers.release_hold(visit)
        self._arm_agent(agent)

    def _review(self, agent: AgentRecord) -> None:
        """Free or not: in the pools, or out of them."""
        if is_free(agent, self.config, self._frame.now):
            if agent.login not in self._frame.pools.free:
                self._frame.pools.set_aside(agent.login)
                self._frame.hungry_agents[agent.login] = None
        else:
            self._frame.pools.leave(agent.login)

    def _requalify(self, queue: str) -> None:
        """Who is eligible in the queue has changed for everybody: a tier has opened or closed."""
        for login in self._frame.staff.members[queue]:
            self._frame.pools.requalify(login)
            if login in self._frame.pools.free:
                self._frame.hungry_agents[login] = None

    def _retrained(self, login: str) -> None:
        """Skills or queues of the day: the agent is eligible elsewhere now."""
        frame = self._frame
        before = frame.staff.queues.get(login, ())
        frame.pools.leave(login)
        frame.staff.rejoin(login)
        queues = dict.fromkeys((*before, *frame.staff.queues[login]))
        for queue in queues:
            self._callers.staffing_changed(queue)
            self._requalify(queue)
            if frame.pools.delays_changed(queue):
                for visit in self.state.waiting.get(queue, ()):
                    self._seat(visit.id)
        frame.pools.requalify(login)
        agent = self.state.agents[login]
        self._review(agent)
        self._arm_agent(agent)

    # ------------------------------------------------------------------ agents' deadlines

    def _arm_agent(self, agent: AgentRecord) -> None:
        now = self._frame.now
        times = [agent.available_at] if agent.state is _S.READY and agent.available_at > now else []
        if agent.lives is _S.WRAP_UP and (due := self._wrap_ups.due(agent)) is not None:
            times.append(due)
        if agent.state is _S.OFFLINE and agent.pending_reason != CONNECTION_LOST:
            times.append(agent.since + self.config.rules.grace)
        if not agent.overdue and (due := self._agents.break_due(agent)) is not None:
            times.append(due)
        if agent.state is _S.READY and self._is_capped(agent):
            times.append(cap_relaxes_at(agent, self.config.agents[agent.login].occupancy_cap, now))
        if agent.state is _S.PREVIEW:
            times.append(self._previews.get(agent.login, now))
        if agent.day_until:
            times.append(agent.day_until)
        for due in times:
            self._frame.alarm(due, "agent", agent.login)

    def _agent_due(self, agent: AgentRecord) -> None:
        now, rules = self._frame.now, self.config.rules
        if agent.day_until and agent.day_until <= now:
            self._frame.emit(AgentSkillsChanged(agent=agent.login, actor="system", reset=True))
        if agent.lives is _S.WRAP_UP:
            self._wrap_ups.time_passed(agent, now)
        if agent.state is _S.OFFLINE and agent.since + rules.grace <= now and agent.pending_reason != CONNECTION_LOST:
            self._agents.grace_over(agent)
        if not agent.overdue and (due := self._agents.break_due(agent)) is not None and due <= now:
            self._agents.break_over(agent)
        if agent.state is _S.PREVIEW and self._previews.get(agent.login, now) <= now:
            self._contacts.preview_over(agent)
        self._review(agent)
        if agent.state is _S.READY and self._is_capped(agent):
            self._arm_agent(agent)

    def _is_capped(self, agent: AgentRecord) -> bool:
        profile = self.config.agents.get(agent.login)
        capped = profile is not None and profile.occupancy_cap > 0
        return capped and what_hinders(agent, self.config, self._frame.now) == "occupancy"

    # ------------------------------------------------------------------ configuration

    def _configure(self, config: AcdConfig) -> None:
        """Waiting callers of a queue that is gone leave as `closed`; agents who are gone sign out, after their contact."""
        frame = self._frame
        for name in [name for name in self.state.waiting if name not in config.queues]:
            for visit in self.state.waiting[name]:
                self._callers.leave(visit, "closed")
        frame.config = config
        frame.derive()
        for visit in list(self.state.visits.values()):
            self._seat(visit.id)
            self._callers.reweigh(visit)
            self._callers.time_passed(visit)
            if visit.id in self.state.visits:
                self._callers.arm(visit)
        for agent in list(self.state.agents.values()):
            if agent.login not in config.agents:
                self._agents.logout(agent, REMOVED)
            self._agent_due(agent)  # a shorter wrap-up or break may be over already
            self._arm_agent(agent)
        self._callers.empty_since = {name: at for name, at in self._callers.empty_since.items() if name in config.queues}
        for queue in config.queues:
            self._callers.staffing_changed(queue)
            if queue in self._callers.empty_since:
                self._callers.arm_empty(queue)


def _why(agent: AgentRecord) -> str:
    return "" if agent.reachable else UNREACHABLE
