"""The core of call distribution: who is offered which call. Sans-IO, event-sourced, deterministic for equal ids and times.

`submit(command, now)` and `handle_timeout(now)` return the events that happened, already carried into `state`; the caller
publishes them and carries them out. Events alone change the state (fold.py), but for `reachable`, which is an input. `now` is
epoch seconds that only move forward.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace

from softswitch.acd import commands as c
from softswitch.acd.fold import apply, place_of
from softswitch.acd.machine import ALERTING, FREE, IN_CONTACT, SETTLED, Trigger, allows
from softswitch.acd.matching import matches
from softswitch.acd.model import AcdConfig, AcdState, AgentRecord, Offer, Visit
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import (
    AgentLogin,
    AgentLogout,
    AgentStateChanged,
    AgentWrapupDone,
    Event,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferRinging,
    OfferWithdrawn,
    QueueEntered,
    QueueLeft,
    SupervisionForced,
)
from softswitch.model.states import AgentState

BROWSER = "browser"
UNREACHABLE = "unreachable"
"""Reason of a NOT_READY that the device caused; it ends by itself when the device is back."""
CONNECTION_LOST = "connection lost"

_S = AgentState


class AcdCore:
    """Agents, queues and offers. One writer: whoever holds the core."""

    def __init__(self, config: AcdConfig, offer_id: Callable[[], str]) -> None:
        self.config = config
        self.state = AcdState()
        self._members = config.members()
        self._offer_id = offer_id
        self._deadlines: list[tuple[float, str, str]] = []  # a heap; an entry that has lost its reason does nothing
        self._events: list[Event] = []
        self._now = 0.0
        self._rematch = False

    def submit(self, command: c.Command, now: float) -> list[Event]:
        """Carries out one command. Raises Conflict or NotFound, and then nothing has changed."""
        self._begin(now)
        self._carry_out(command)
        return self._finish()

    def handle_timeout(self, now: float) -> list[Event]:
        """Carries out everything whose time has come."""
        self._begin(now)
        while self._deadlines and self._deadlines[0][0] <= now:
            _, kind, name = heapq.heappop(self._deadlines)
            self._expired(kind, name)
        return self._finish()

    def deadline(self) -> float | None:
        """When `handle_timeout` is next due; it may turn out that nothing is to be done then."""
        return self._deadlines[0][0] if self._deadlines else None

    def recover(self, stored: Sequence[Event], now: float) -> list[Event]:
        """After a restart: folds the stored events of agents, then ends what died with the process. Before any command.

        Contacts and offers are gone; a browser agent is OFFLINE for the grace time, the others wait for their device to report.
        """
        for event in stored:
            if isinstance(event, AgentLogin | AgentLogout | AgentStateChanged):
                apply(self.state, event, self.config.rules)
        self._begin(now)
        for agent in self.state.agents.values():
            self._recover_agent(agent)
        return self._finish()

    def position(self, visit: Visit) -> int:
        """The caller's place in the line, from 1."""
        return place_of(self.state.waiting[visit.queue], visit) + 1

    def check_may_dial(self, login: str) -> None:
        """Raises Conflict or NotFound when the agent may not start a call now."""
        agent = self._agent(login)
        if agent.state not in (_S.READY, _S.NOT_READY, _S.WRAP_UP):
            raise Conflict(f"agent {login} is {agent.state}")
        if not agent.reachable:
            raise Conflict(f"the device of agent {login} cannot be reached ({agent.station})")

    # ------------------------------------------------------------------ the frame around each step

    def _begin(self, now: float) -> None:
        self._now = now
        self._events = []

    def _finish(self) -> list[Event]:
        if self._rematch:
            self._rematch = False
            for match in matches(self.state, self.config, self._members, self._now):
                self._emit(match.decision)
                self._offer(match.visit, self.state.agents[match.agent])
        return self._events

    def _emit(self, event: Event) -> None:
        event = replace(event, at=self._now)
        apply(self.state, event, self.config.rules)
        self._events.append(event)
        self._arm(event)

    def _arm(self, event: Event) -> None:
        """Sets the deadlines that an event brings and notes whether a match may have become possible."""
        match event:
            case AgentStateChanged():
                self._arm_agent(self.state.agents[event.agent])
            case QueueEntered():
                self._rematch = True
                if limit := self.config.queues[event.queue].max_wait:
                    self._alarm(self._now + limit, "max_wait", event.visit)
            case OfferMade():
                self._alarm(self._now + self.config.rules.reserved_limit, "reserved", event.offer)
            case OfferRinging():
                self._alarm(self._now + self.state.offers[event.offer].ring_limit, "ringing", event.offer)
            case OfferFailed() | OfferWithdrawn():
                self._rematch = True
            case _:
                pass

    def _arm_agent(self, agent: AgentRecord) -> None:
        if agent.lives is _S.WRAP_UP:
            self._alarm(self.wrap_up_end(agent), "wrap_up", agent.login)
        if agent.state is _S.OFFLINE:
            self._alarm(agent.since + self.config.rules.grace, "grace", agent.login)
        if agent.state is _S.READY:
            self._rematch = True
            if agent.available_at > self._now:
                self._alarm(agent.available_at, "match", "")

    def _alarm(self, when: float, kind: str, name: str) -> None:
        heapq.heappush(self._deadlines, (when, kind, name))

    def _expired(self, kind: str, name: str) -> None:
        match kind:
            case "reserved" if (offer := self.state.offers.get(name)) and not offer.rings_since:
                self._fail(offer, "device")
            case "ringing" if offer := self.state.offers.get(name):
                self._fail(offer, "no_answer")
            case "wrap_up" if (agent := self.state.agents[name]).lives is _S.WRAP_UP and self.wrap_up_end(agent) <= self._now:
                self._end_wrap_up(agent)
            case "grace" if (agent := self.state.agents[name]).state is _S.OFFLINE:
                if agent.since + self.config.rules.grace <= self._now:
                    self._grace_over(agent)
            case "max_wait" if visit := self.state.visits.get(name):
                self._waited_long(visit)
            case "match":
                self._rematch = True
            case _:
                pass  # the reason of this deadline has gone

    def _carry_out(self, command: c.Command) -> None:  # noqa: PLR0912 - a flat table of commands
        match command:
            case c.Login():
                self._login(command)
            case c.Logout():
                self._logout(self._agent(command.agent), command.reason)
            case c.Ready():
                self._ready(self._agent(command.agent))
            case c.NotReady():
                self._not_ready(self._agent(command.agent), command.reason)
            case c.DeviceChanged():
                self._device(self._agent(command.agent), reachable=command.reachable)
            case c.Enqueue():
                self._enqueue(command)
            case c.Leave():
                self._leave(self._visit(command.visit), command.result)
            case c.OfferAlerting():
                self._alerting(self._live_offer(command.offer))
            case c.OfferAccepted():
                self._accepted(self._live_offer(command.offer))
            case c.OfferFailed():
                self._fail(self._live_offer(command.offer), command.reason)
            case c.Dial():
                self._dial(self._agent(command.agent), command.call)
            case c.DialAnswered():
                self._change(self._in_state(command.agent, _S.DIALLING), Trigger.DIAL_ANSWERED, _S.TALKING)
            case c.DialFailed():
                self._dial_failed(self._in_state(command.agent, _S.DIALLING))
            case c.Hold():
                self._change(self._present(command.agent, _S.TALKING), Trigger.HOLD, _S.HOLDING)
            case c.Resume():
                self._change(self._present(command.agent, _S.HOLDING), Trigger.RESUME, _S.TALKING)
            case c.Released():
                self._released(self._agent(command.agent), command.call)
            case c.WrapUpDone():
                self._end_wrap_up(self._present(command.agent, _S.WRAP_UP))
            case c.ConnectionLost():
                self._lost(self._agent(command.agent))
            case c.ConnectionBack():
                self._back(self._agent(command.agent))
            case c.ForceState():
                self._force(self._agent(command.agent), command)
            case c.ChangeConfig():
                self._configure(command.config)

    # ------------------------------------------------------------------ looking up, with the refusals

    def _agent(self, login: str) -> AgentRecord:
        agent = self.state.agents.get(login)
        if agent is None and login in self.config.agents:
            agent = self.state.agents[login] = AgentRecord(login)
        if agent is None:
            raise NotFound(f"there is no agent {login}")
        return agent

    def _in_state(self, login: str, *states: AgentState) -> AgentRecord:
        """The agent, when it lives in one of the states, connection lost or not."""
        agent = self._agent(login)
        if agent.lives not in states:
            raise Conflict(f"agent {login} is {agent.state}, expected {' or '.join(states)}")
        return agent

    def _present(self, login: str, state: AgentState) -> AgentRecord:
        agent = self._in_state(login, state)
        if agent.state is _S.OFFLINE:
            raise Conflict(f"agent {login} is offline")
        return agent

    def _visit(self, visit: str) -> Visit:
        try:
            return self.state.visits[visit]
        except KeyError:
            raise Conflict(f"visit {visit} is over") from None

    def _live_offer(self, offer: str) -> Offer:
        try:
            return self.state.offers[offer]
        except KeyError:
            raise Conflict(f"offer {offer} is over") from None

    # ------------------------------------------------------------------ agents

    def _change(self, agent: AgentRecord, trigger: Trigger, new: AgentState, reason: str = "", *, call: str = "") -> None:
        """Makes one change of the table. Under a lost connection it happens to the saved state."""
        shadow = agent.state is _S.OFFLINE and trigger not in _OFFLINE_TRIGGERS
        old = agent.saved if shadow else agent.state
        if not allows(old, trigger, new):
            raise Conflict(f"agent {agent.login} is {old}: {trigger} cannot lead to {new}")
        settled = new in SETTLED or new is _S.NOT_RESPONDING
        pending = "" if settled else agent.pending
        seen, saved = (new, "") if not shadow or new is _S.LOGGED_OUT else (_S.OFFLINE, new)
        if new is _S.OFFLINE:
            saved, reason = agent.state, agent.reason
        self._emit(
            AgentStateChanged(
                agent=agent.login, queue=agent.queue, call=call, old=agent.state, new=seen, reason=reason, pending=pending,
                saved=saved,
            )
        )  # fmt: skip
        if new is _S.LOGGED_OUT:
            self._emit(AgentLogout(agent=agent.login, reason=reason))

    def _pend(self, agent: AgentRecord, pending: str, reason: str = "") -> None:
        """Sets or clears the flag that takes effect when READY would be next."""
        if (agent.pending, agent.pending_reason) == (pending, reason):
            return
        now, saved = agent.state, agent.saved if agent.state is _S.OFFLINE else ""
        self._emit(AgentStateChanged(agent=agent.login, old=now, new=now, reason=reason, pending=pending, saved=saved))

    def _settle(self, agent: AgentRecord, trigger: Trigger) -> None:
        """READY is due: a pending flag or an unreachable device makes it another state."""
        if agent.pending == _S.LOGGED_OUT:
            self._change(agent, trigger, _S.LOGGED_OUT, agent.pending_reason)
        elif agent.pending == _S.NOT_READY:
            self._change(agent, trigger, _S.NOT_READY, agent.pending_reason)
        elif not agent.reachable:
            self._change(agent, trigger, _S.NOT_READY, UNREACHABLE)
        else:
            self._change(agent, trigger, _S.READY)

    def _login(self, command: c.Login) -> None:
        if command.agent not in self.config.agents:
            raise NotFound(f"there is no agent {command.agent}")
        agent = self._agent(command.agent)
        if agent.state is _S.LOGGED_OUT:
            self._emit(AgentLogin(agent=agent.login, station=command.station))
            self._change(agent, Trigger.LOGIN, _S.NOT_READY, "login")
            return
        if command.station != agent.station:
            if agent.lives in IN_CONTACT | ALERTING:
                raise Conflict(f"agent {agent.login} is {agent.state}: the station cannot change now")
            self._device(agent, reachable=False)
            self._emit(AgentLogin(agent=agent.login, station=command.station))
        if agent.state is _S.OFFLINE:
            self._back(agent)

    def _logout(self, agent: AgentRecord, reason: str) -> None:
        if agent.state is _S.LOGGED_OUT:
            return
        if agent.lives in IN_CONTACT | ALERTING:
            self._pend(agent, _S.LOGGED_OUT, reason)
            return
        self._note_wrap_up(agent)
        self._change(agent, Trigger.LOGOUT, _S.LOGGED_OUT, reason)

    def _ready(self, agent: AgentRecord) -> None:
        if agent.state in IN_CONTACT | ALERTING:
            self._pend(agent, "")
        elif agent.state in (_S.NOT_READY, _S.NOT_RESPONDING, _S.WRAP_UP):
            if not agent.reachable:
                raise Conflict(f"the device of agent {agent.login} cannot be reached ({agent.station})")
            self._note_wrap_up(agent)
            self._change(agent, Trigger.READY, _S.READY)
        elif agent.state is not _S.READY:
            raise Conflict(f"agent {agent.login} is {agent.state}")

    def _not_ready(self, agent: AgentRecord, reason: str) -> None:
        if agent.state in FREE:
            if (agent.state, agent.reason) != (_S.NOT_READY, reason):
                self._change(agent, Trigger.NOT_READY, _S.NOT_READY, reason)
        elif agent.state in IN_CONTACT | ALERTING or agent.state is _S.WRAP_UP:
            self._pend(agent, _S.NOT_READY, reason)
        else:
            raise Conflict(f"agent {agent.login} is {agent.state}")

    def _device(self, agent: AgentRecord, *, reachable: bool) -> None:
        agent.reachable = reachable
        if not reachable and agent.state is _S.READY:
            self._change(agent, Trigger.UNREACHABLE, _S.NOT_READY, UNREACHABLE)
        elif reachable and agent.state is _S.NOT_READY and agent.reason == UNREACHABLE:
            self._change(agent, Trigger.READY, _S.READY)

    def _lost(self, agent: AgentRecord) -> None:
        if agent.state in ALERTING:
            self._fail(self.state.offers[agent.offer], "lost")
        if agent.state not in (_S.OFFLINE, _S.LOGGED_OUT):
            self._change(agent, Trigger.LOST, _S.OFFLINE)

    def _back(self, agent: AgentRecord) -> None:
        if agent.state is not _S.OFFLINE:
            return
        if agent.pending_reason == CONNECTION_LOST:
            self._pend(agent, "")
        waits_for_device = agent.saved is _S.NOT_READY and agent.saved_reason == UNREACHABLE
        if agent.saved is _S.READY or (waits_for_device and agent.reachable):
            self._settle(agent, Trigger.RETURNED)
        else:
            self._change(agent, Trigger.RETURNED, agent.saved, agent.saved_reason)

    def _grace_over(self, agent: AgentRecord) -> None:
        if agent.saved in IN_CONTACT and agent.station != BROWSER:
            self._pend(agent, _S.LOGGED_OUT, CONNECTION_LOST)  # the phone keeps talking; sign-out waits for its end
        else:
            self._change(agent, Trigger.GRACE_OVER, _S.LOGGED_OUT, CONNECTION_LOST)

    def _force(self, agent: AgentRecord, command: c.ForceState) -> None:
        target = command.state
        if target not in SETTLED:
            raise Conflict(f"{target} cannot be forced")
        if agent.state is _S.LOGGED_OUT:
            raise Conflict(f"agent {agent.login} is {agent.state}")
        if agent.state is _S.OFFLINE and target is not _S.LOGGED_OUT:
            raise Conflict(f"agent {agent.login} is offline")
        if target is _S.READY and not agent.reachable:
            raise Conflict(f"the device of agent {agent.login} cannot be reached ({agent.station})")
        self._emit(SupervisionForced(agent=agent.login, actor=command.actor, state=target, reason=command.reason))
        if agent.lives in IN_CONTACT | ALERTING:
            self._pend(agent, "" if target is _S.READY else target, command.reason if target is not _S.READY else "")
        elif (agent.state, agent.reason) != (target, command.reason):
            self._note_wrap_up(agent)
            if agent.state is not target or target is _S.NOT_READY:
                self._change(agent, Trigger.FORCE, target, command.reason)

    def _recover_agent(self, agent: AgentRecord) -> None:
        agent.reachable = False
        if agent.lives in ALERTING:
            self._settle(agent, Trigger.WITHDRAWN)
        elif agent.lives is _S.DIALLING:
            self._dial_failed(agent)
        elif agent.lives in IN_CONTACT:
            self._settle(agent, Trigger.RELEASED)
        if agent.state is _S.OFFLINE:
            self._alarm(self._now + self.config.rules.grace, "grace", agent.login)
        elif agent.station == BROWSER and agent.state is not _S.LOGGED_OUT:
            self._lost(agent)
        elif agent.state is _S.READY:
            self._change(agent, Trigger.UNREACHABLE, _S.NOT_READY, UNREACHABLE)
        self._arm_agent(agent)

    # ------------------------------------------------------------------ contacts and wrap-up

    def _dial(self, agent: AgentRecord, call: str) -> None:
        self.check_may_dial(agent.login)
        self._note_wrap_up(agent)
        self._change(agent, Trigger.DIAL, _S.DIALLING, call=call)

    def _dial_failed(self, agent: AgentRecord) -> None:
        if agent.before_dial is _S.NOT_READY and not agent.pending:
            self._change(agent, Trigger.DIAL_FAILED, _S.NOT_READY, agent.before_dial_reason)
        else:
            self._settle(agent, Trigger.DIAL_FAILED)

    def _released(self, agent: AgentRecord, call: str) -> None:
        if agent.call != call or agent.lives not in IN_CONTACT:
            return  # a late word about a contact that is over
        if agent.lives is _S.DIALLING:
            self._dial_failed(agent)
        elif self.config.wrap_up(agent.login, agent.queue) > 0 and agent.pending_reason != CONNECTION_LOST:
            self._change(agent, Trigger.RELEASED, _S.WRAP_UP)
        else:
            self._settle(agent, Trigger.RELEASED)

    def wrap_up_end(self, agent: AgentRecord) -> float:
        return agent.wrap_up_since + self.config.wrap_up(agent.login, agent.queue)

    def _note_wrap_up(self, agent: AgentRecord) -> None:
        if agent.lives is _S.WRAP_UP:
            self._emit(AgentWrapupDone(agent=agent.login, ms=round((self._now - agent.wrap_up_since) * 1000)))

    def _end_wrap_up(self, agent: AgentRecord) -> None:
        self._note_wrap_up(agent)
        self._settle(agent, Trigger.DONE)

    # ------------------------------------------------------------------ callers and offers

    def _enqueue(self, command: c.Enqueue) -> None:
        if command.queue not in self.config.queues:
            raise NotFound(f"there is no queue {command.queue}")
        if command.visit in self.state.visits:
            raise Conflict(f"visit {command.visit} is in a queue already")
        line = self.state.waiting.get(command.queue, [])
        probe = Visit(command.visit, command.call, command.queue, entered_at=self._now - command.waited, since=self._now)
        self._emit(
            QueueEntered(
                call=command.call, queue=command.queue, visit=command.visit, position=place_of(line, probe) + 1,
                waited_ms=round(command.waited * 1000),
            )
        )  # fmt: skip

    def _leave(self, visit: Visit, result: str) -> None:
        if visit.offer:
            offer = self.state.offers[visit.offer]
            self._emit(OfferWithdrawn(call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id, reason=result))
            self._settle(self.state.agents[offer.agent], Trigger.WITHDRAWN)
        self._left(visit, result)

    def _left(self, visit: Visit, result: str, agent: str = "") -> None:
        wait_ms = round((self._now - visit.since) * 1000)
        self._emit(QueueLeft(call=visit.call, queue=visit.queue, agent=agent, visit=visit.id, result=result, wait_ms=wait_ms))

    def _waited_long(self, visit: Visit) -> None:
        if visit.offer:  # a device is alerting: its answer, or the end of its ring time, comes first
            self._alarm(self._offer_end(self.state.offers[visit.offer]), "max_wait", visit.id)
        else:
            queue = self.config.queues[visit.queue]
            self._left(visit, "overflow" if queue.overflow else "timeout")

    def _offer_end(self, offer: Offer) -> float:
        """When the offer fails at the latest; past now."""
        end = offer.rings_since + offer.ring_limit if offer.rings_since else offer.made_at + self.config.rules.reserved_limit
        return max(end, self._now + 0.1)

    def _offer(self, visit: Visit, agent: AgentRecord) -> None:
        ring_ms = round(self.config.queues[visit.queue].ring_timeout * 1000)
        wait_ms = round((self._now - visit.since) * 1000)
        self._emit(
            OfferMade(
                call=visit.call, queue=visit.queue, agent=agent.login, offer=self._offer_id(), visit=visit.id,
                station=agent.station, wait_ms=wait_ms, ring_timeout_ms=ring_ms,
            )
        )  # fmt: skip
        self._change(agent, Trigger.OFFER, _S.RESERVED)

    def _alerting(self, offer: Offer) -> None:
        if not offer.rings_since:
            self._emit(OfferRinging(call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id))
            self._change(self.state.agents[offer.agent], Trigger.ALERTED, _S.RINGING)

    def _accepted(self, offer: Offer) -> None:
        self._alerting(offer)
        self._emit(
            OfferAnswered(call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id, ring_ms=self._ring_ms(offer))
        )
        self._left(self.state.visits[offer.visit], "answered", offer.agent)
        self._change(self.state.agents[offer.agent], Trigger.ANSWER, _S.TALKING, call=offer.call)

    def _fail(self, offer: Offer, reason: str) -> None:
        """Redirection on no answer (§3.2): the caller keeps the place, the agent is judged by the reason."""
        self._emit(
            OfferFailed(
                call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id, reason=reason,
                ring_ms=self._ring_ms(offer),
            )
        )  # fmt: skip
        agent = self.state.agents[offer.agent]
        silent = reason in ("no_answer", "device") or agent.rejects >= self.config.rules.reject_limit
        if silent and not agent.pending:
            self._change(agent, Trigger.FAILED, _S.NOT_RESPONDING, reason)
        else:
            self._settle(agent, Trigger.FAILED)

    def _ring_ms(self, offer: Offer) -> int:
        return round((self._now - offer.rings_since) * 1000) if offer.rings_since else 0

    # ------------------------------------------------------------------ configuration

    def _configure(self, config: AcdConfig) -> None:
        """Waiting callers of a queue that is gone leave as `closed`; agents who are gone sign out, after their contact."""
        for name in [name for name in self.state.waiting if name not in config.queues]:
            for visit in list(self.state.waiting[name]):
                self._leave(visit, "closed")
        self.config = config
        self._members = config.members()
        for agent in list(self.state.agents.values()):
            if agent.login not in config.agents:
                self._logout(agent, "removed")
            elif agent.lives is _S.WRAP_UP:
                self._arm_agent(agent)
        self._rematch = True


_OFFLINE_TRIGGERS = frozenset({Trigger.RETURNED, Trigger.GRACE_OVER, Trigger.LOGOUT, Trigger.FORCE})
