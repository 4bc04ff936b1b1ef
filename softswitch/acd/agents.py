"""Agents between contacts: signing in and out, ready and not ready, devices, lost connections, supervisors' orders, restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from softswitch.acd import commands as c
from softswitch.acd.fold import shared
from softswitch.acd.frame import BROWSER, CONNECTION_LOST, UNREACHABLE, Frame
from softswitch.acd.machine import ALERTING, FREE, IN_CONTACT, SETTLED, Trigger, allows
from softswitch.acd.model import AgentRecord, Offer
from softswitch.model.errors import Conflict, NotFound, Refusal
from softswitch.model.events import AgentLogin, AgentLogout, AgentSkillsChanged, AgentStateChanged, SupervisionForced
from softswitch.model.states import AgentState

_S = AgentState
_OFFLINE_TRIGGERS = frozenset({Trigger.RETURNED, Trigger.GRACE_OVER, Trigger.LOGOUT, Trigger.FORCE})
REMOVED = "removed"
"""Reason of the sign-out of an agent who is no longer in the directory."""
_RESUMED_WRAP_UP = frozenset({Trigger.WITHDRAWN, Trigger.FAILED, Trigger.GONE, Trigger.DIAL_FAILED})


class WrapUpTimes(Protocol):
    """What agents need of `wrapup.WrapUps`."""

    def note(self, agent: AgentRecord) -> None:
        """Says that a running or suspended wrap-up is over."""

    def is_over(self, agent: AgentRecord) -> bool:
        """Whether its time has passed."""


class Agents:
    """`fail` ends an offer with a reason."""

    def __init__(self, frame: Frame, fail: Callable[[Offer, str], None], wrap_ups: WrapUpTimes) -> None:
        self._frame = frame
        self._fail = fail
        self._wrap_ups = wrap_ups

    # ------------------------------------------------------------------ changes of state

    def change(
        self, agent: AgentRecord, trigger: Trigger, new: AgentState, reason: str = "", *, call: str = "",
        queue: str | None = None, direction: str | None = None,
    ) -> None:  # fmt: skip
        """Makes one change of the table. Under a lost connection it happens to the saved state."""
        shadow = agent.state is _S.OFFLINE and trigger not in _OFFLINE_TRIGGERS
        old = agent.saved if shadow else agent.state
        if not allows(old, trigger, new):
            raise Conflict(f"agent {agent.login} is {old}: {trigger} cannot lead to {new}", Refusal.OTHER_STATE)
        settled = new in SETTLED or new is _S.NOT_RESPONDING
        pending = "" if settled else agent.pending
        seen, saved = (new, "") if not shadow or new is _S.LOGGED_OUT else (_S.OFFLINE, new)
        if new is _S.OFFLINE:
            saved, reason = agent.state, agent.reason
        self._frame.emit(
            AgentStateChanged(
                at=self._frame.now, agent=agent.login, queue=agent.queue if queue is None else queue, call=call,
                old=agent.state, new=seen, reason=reason, pending=pending, saved=saved,
                direction=agent.direction if direction is None else direction,
            )
        )  # fmt: skip
        if new is _S.LOGGED_OUT:
            self._frame.emit(AgentLogout(agent=agent.login, reason=reason))

    def note(
        self, agent: AgentRecord, what: str, reason: str = "", *, call: str = "", queue: str = "", actor: str = "",
        direction: str = "",
    ) -> None:  # fmt: skip
        """Something else than the state changed."""
        saved = agent.saved if agent.state is _S.OFFLINE else ""
        self._frame.emit(
            AgentStateChanged(
                agent=agent.login, queue=queue, call=call, old=agent.state, new=agent.state, reason=reason,
                pending=agent.pending, saved=saved, what=what, direction=direction or agent.direction, actor=actor,
            )
        )  # fmt: skip

    def pend(self, agent: AgentRecord, pending: str, reason: str = "") -> None:
        """Sets or clears the flag that takes effect when READY would be next."""
        if (agent.pending, agent.pending_reason) == (pending, reason):
            return
        now, saved = agent.state, agent.saved if agent.state is _S.OFFLINE else ""
        self._frame.emit(AgentStateChanged(agent=agent.login, old=now, new=now, reason=reason, pending=pending, saved=saved))

    def settle(self, agent: AgentRecord, trigger: Trigger) -> None:
        """READY is due: a pending flag or an unreachable device makes it another state."""
        if agent.pending == _S.LOGGED_OUT:
            self.change(agent, trigger, _S.LOGGED_OUT, agent.pending_reason)
        elif agent.pending == _S.NOT_READY:
            self.change(agent, trigger, _S.NOT_READY, agent.pending_reason)
        elif not agent.reachable:
            self.change(agent, trigger, _S.NOT_READY, UNREACHABLE)
        else:
            self.change(agent, trigger, _S.READY)

    def go_back(self, agent: AgentRecord, trigger: Trigger) -> None:
        """What the agent did is over: back to the break it was in before, to a suspended wrap-up, else READY is due."""
        before, reason = agent.before, agent.before_reason
        resumed = agent.suspended and trigger in _RESUMED_WRAP_UP
        if resumed and not self._wrap_ups.is_over(agent):
            self.change(agent, trigger, _S.WRAP_UP)
            return
        if resumed:
            self._wrap_ups.note(agent)
        if agent.pending or before not in (_S.NOT_READY, _S.NOT_RESPONDING) or (reason == UNREACHABLE and agent.reachable):
            self.settle(agent, trigger)
        else:
            self.change(agent, trigger, before, reason)

    def is_engaged(self, agent: AgentRecord) -> bool:
        """Alerted or in a contact."""
        return agent.lives in IN_CONTACT or agent.lives in ALERTING

    # ------------------------------------------------------------------ signing in and out

    def login(self, command: c.Login) -> None:
        if command.agent not in self._frame.config.agents:
            raise NotFound(f"there is no agent {command.agent}")
        agent = self._frame.agent(command.agent)
        if agent.state is not _S.LOGGED_OUT and command.station == agent.station:
            if agent.state is _S.OFFLINE:
                self.back(agent)
            return
        if self.is_engaged(agent):
            raise Conflict(f"agent {agent.login} is {agent.state}: the station cannot change now", Refusal.OTHER_STATE)
        self._take_station(command.station, agent.login)
        if agent.state is _S.LOGGED_OUT:
            agent.reachable = False
            self._frame.emit(AgentLogin(agent=agent.login, station=command.station))
            automatic = self._frame.config.agents[agent.login].auto_ready
            self.change(agent, Trigger.LOGIN, _S.NOT_READY, UNREACHABLE if automatic else "login")
            return
        self.device(agent, reachable=False)
        self._frame.emit(AgentLogin(agent=agent.login, station=command.station))
        if agent.state is _S.OFFLINE:
            self.back(agent)

    def _take_station(self, station: str, login: str) -> None:
        """Whoever works at that phone is signed out: it has one place."""
        holder = self._frame.state.stations.get(station) if shared(station) else None
        if holder is None or holder == login:
            return
        other = self._frame.state.agents[holder]
        if self.is_engaged(other):
            raise Conflict(f"agent {holder} is {other.state} at {station}", Refusal.STATION_TAKEN)
        self.logout(other, "station taken")

    def logout(self, agent: AgentRecord, reason: str) -> None:
        if agent.state is _S.LOGGED_OUT:
            return
        may_not_leave = agent.state is _S.WRAP_UP and self._wrap_up_mode(agent) == "timed_no_exit"
        if self.is_engaged(agent) or (may_not_leave and reason != REMOVED):
            self.pend(agent, _S.LOGGED_OUT, reason)
            return
        self._wrap_ups.note(agent)
        self.change(agent, Trigger.LOGOUT, _S.LOGGED_OUT, reason)

    def _wrap_up_mode(self, agent: AgentRecord) -> str:
        return self._frame.config.wrap_up_rule(agent.login, agent.queue).mode

    # ------------------------------------------------------------------ ready and not ready

    def ready(self, agent: AgentRecord) -> None:
        """Not for WRAP_UP, see `WrapUps.done`."""
        if agent.asked:
            self.note(agent, "declined", agent.asked, actor=agent.login)
        if agent.state is _S.PREVIEW:
            self.go_back(agent, Trigger.PREVIEW_OVER)
        elif self.is_engaged(agent) and agent.state is not _S.OFFLINE:
            if agent.pending or agent.before is not _S.READY:
                self.note(agent, "ready")
        elif agent.state in (_S.NOT_READY, _S.NOT_RESPONDING):
            self._check_reachable(agent)
            self.change(agent, Trigger.READY, _S.READY)
        elif agent.state is not _S.READY:
            raise Conflict(f"agent {agent.login} is {agent.state}", Refusal.OTHER_STATE)

    def _check_reachable(self, agent: AgentRecord) -> None:
        if not agent.reachable:
            raise Conflict(f"the device of agent {agent.login} cannot be reached ({agent.station})", Refusal.DEVICE_AWAY)

    def not_ready(self, agent: AgentRecord, reason: str) -> None:
        """A reason that needs approval is only asked for."""
        if agent.state in (_S.LOGGED_OUT, _S.OFFLINE):
            raise Conflict(f"agent {agent.login} is {agent.state}", Refusal.OTHER_STATE)
        rule = self._frame.config.reasons.get(reason)
        if rule is not None and rule.approval and (agent.state, agent.reason) != (_S.NOT_READY, reason):
            if agent.asked != reason:
                self.note(agent, "asked", reason)
            return
        self._rest(agent, reason)

    def decide(self, command: c.DecideReason) -> None:
        agent = self._frame.agent(command.agent)
        if not agent.asked:
            raise Conflict(f"agent {agent.login} has asked for nothing")
        reason = agent.asked
        self.note(agent, "declined" if not command.granted else "granted", reason, actor=command.actor)
        if command.granted and agent.state is not _S.OFFLINE:
            self._rest(agent, reason)

    def _rest(self, agent: AgentRecord, reason: str) -> None:
        if agent.state in FREE:
            if (agent.state, agent.reason) != (_S.NOT_READY, reason):
                self.change(agent, Trigger.NOT_READY, _S.NOT_READY, reason)
        else:
            self.pend(agent, _S.NOT_READY, reason)

    def break_due(self, agent: AgentRecord) -> float | None:
        """When the running reason reaches its longest time."""
        rule = self._frame.config.reasons.get(agent.reason)
        if agent.state is not _S.NOT_READY or rule is None or not rule.max_seconds:
            return None
        return agent.since + rule.max_seconds

    def break_over(self, agent: AgentRecord) -> None:
        """Back by itself where the reason says so, else the supervisor sees that it is over."""
        rule = self._frame.config.reasons[agent.reason]
        if rule.then_ready:
            self.settle(agent, Trigger.BREAK_OVER)
        else:
            self.note(agent, "overdue", agent.reason)

    # ------------------------------------------------------------------ devices and connections

    def device(self, agent: AgentRecord, *, reachable: bool) -> None:
        agent.reachable = reachable
        if not reachable and agent.state is _S.READY:
            self.change(agent, Trigger.UNREACHABLE, _S.NOT_READY, UNREACHABLE)
        elif reachable and agent.state is _S.NOT_READY and agent.reason == UNREACHABLE:
            self.change(agent, Trigger.READY, _S.READY)

    def lost(self, agent: AgentRecord) -> None:
        if agent.offer:
            self._fail(self._frame.state.offers[agent.offer], "lost")
        if agent.state is _S.PREVIEW:
            self.go_back(agent, Trigger.PREVIEW_OVER)
        if agent.state not in (_S.OFFLINE, _S.LOGGED_OUT):
            self.change(agent, Trigger.LOST, _S.OFFLINE)

    def back(self, agent: AgentRecord) -> None:
        if agent.state is not _S.OFFLINE:
            return
        if agent.pending_reason == CONNECTION_LOST:
            self.pend(agent, "")
        waits_for_device = agent.saved is _S.NOT_READY and agent.saved_reason == UNREACHABLE
        if agent.saved is _S.READY or (waits_for_device and agent.reachable):
            self.settle(agent, Trigger.RETURNED)
        else:
            self.change(agent, Trigger.RETURNED, agent.saved, agent.saved_reason)

    def grace_over(self, agent: AgentRecord) -> None:
        if self.is_engaged(agent) and agent.station != BROWSER:
            self.pend(agent, _S.LOGGED_OUT, CONNECTION_LOST)  # the phone keeps talking; sign-out waits for its end
        else:
            self._wrap_ups.note(agent)
            self.change(agent, Trigger.GRACE_OVER, _S.LOGGED_OUT, CONNECTION_LOST)

    # ------------------------------------------------------------------ supervisors

    def force(self, command: c.ForceState) -> None:
        agent, target = self._frame.agent(command.agent), command.state
        if target not in SETTLED:
            raise Conflict(f"{target} cannot be forced")
        if agent.state is _S.LOGGED_OUT:
            raise Conflict(f"agent {agent.login} is {agent.state}", Refusal.OTHER_STATE)
        if agent.state is _S.OFFLINE and target is not _S.LOGGED_OUT:
            raise Conflict(f"agent {agent.login} is offline", Refusal.OTHER_STATE)
        if target is _S.READY:
            self._check_reachable(agent)
        self._frame.emit(SupervisionForced(agent=agent.login, actor=command.actor, state=target, reason=command.reason))
        if self.is_engaged(agent):
            if target is _S.READY:
                self.note(agent, "ready")
            else:
                self.pend(agent, target, command.reason)
        elif (agent.state, agent.reason) != (target, command.reason):
            self._wrap_ups.note(agent)
            if agent.state is not target or target is _S.NOT_READY:
                self.change(agent, Trigger.FORCE, target, command.reason)

    def skills(self, command: c.SetSkills) -> None:
        agent = self._frame.agent(command.agent)
        unknown = set(command.queues or ()) - set(self._frame.config.queues)
        if unknown:
            raise NotFound(f"there is no queue {min(unknown)}")
        self._frame.emit(
            AgentSkillsChanged(
                agent=agent.login, skills=dict(command.skills or {}), queues=command.queues or (), until=command.until,
                actor=command.actor, reset=command.reset,
            )
        )  # fmt: skip

    # ------------------------------------------------------------------ restart

    def recover(self, agent: AgentRecord) -> None:
        """Contacts and offers died with the process."""
        agent.reachable = False
        self.end_all(agent)
        if agent.station == BROWSER and agent.state not in (_S.LOGGED_OUT, _S.OFFLINE):
            self.lost(agent)
        elif agent.state is _S.READY:
            self.change(agent, Trigger.UNREACHABLE, _S.NOT_READY, UNREACHABLE)

    def end_all(self, agent: AgentRecord) -> None:
        """Whatever the agent was in is over."""
        if agent.lives in ALERTING:
            self.go_back(agent, Trigger.GONE if agent.call else Trigger.WITHDRAWN)
        elif agent.lives is _S.DIALLING:
            self.go_back(agent, Trigger.DIAL_FAILED)
        elif agent.lives in IN_CONTACT:
            self.go_back(agent, Trigger.RELEASED)
        elif agent.lives is _S.PREVIEW:
            self.go_back(agent, Trigger.PREVIEW_OVER)
