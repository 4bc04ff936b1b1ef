"""What agents do with calls: their own ones, those beside the queues, hold, consultation, conference, release."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.acd import commands as c
from softswitch.acd.agents import Agents
from softswitch.acd.frame import CONNECTION_LOST, Frame
from softswitch.acd.machine import IN_CONTACT, Trigger
from softswitch.acd.model import AgentRecord, Offer
from softswitch.acd.wrapup import WrapUps
from softswitch.model.errors import Conflict, Refusal
from softswitch.model.states import AgentState

_S = AgentState
_DIALS = frozenset({_S.READY, _S.NOT_READY, _S.WRAP_UP, _S.PREVIEW})
_MAY_RING = frozenset({_S.READY, _S.NOT_READY, _S.NOT_RESPONDING, _S.WRAP_UP})


def _direction(*, internal: bool, otherwise: str) -> str:
    return "internal" if internal else otherwise


class Contacts:
    def __init__(self, frame: Frame, agents: Agents, wrap_ups: WrapUps, fail: Callable[[Offer, str], None]) -> None:
        self._frame = frame
        self._agents = agents
        self._wrap_ups = wrap_ups
        self._fail = fail

    # ------------------------------------------------------------------ calls of the agent's own

    def check_may_dial(self, login: str) -> None:
        """Raises Conflict or NotFound when the agent may not start a call now."""
        agent = self._frame.agent(login)
        config = self._frame.config.agents.get(login)
        allowed = config.dial_from if config else ()
        if agent.state not in _DIALS or (agent.state is not _S.PREVIEW and agent.state not in allowed):
            raise Conflict(f"agent {login} is {agent.state}", Refusal.OTHER_STATE)
        if not agent.reachable:
            raise Conflict(f"the device of agent {login} cannot be reached ({agent.station})", Refusal.DEVICE_AWAY)

    def dial(self, command: c.Dial) -> None:
        agent = self._frame.agent(command.agent)
        direction = _direction(internal=command.internal, otherwise="out")
        if not command.placed:
            self.check_may_dial(agent.login)
        elif agent.offer and not self._stops_ringing(agent):
            return
        if self._agents.is_engaged(agent):
            agent.beside[command.call] = direction
            return
        self._agents.change(agent, Trigger.DIAL, _S.DIALLING, call=command.call, direction=direction)

    def dial_answered(self, agent: AgentRecord) -> None:
        self._begin_talk(agent, Trigger.DIAL_ANSWERED)

    def dial_failed(self, agent: AgentRecord) -> None:
        self._over(agent, Trigger.DIAL_FAILED)

    def preview(self, agent: AgentRecord) -> None:
        self._agents.change(agent, Trigger.PREVIEW, _S.PREVIEW)

    def preview_over(self, agent: AgentRecord) -> None:
        self._agents.go_back(agent, Trigger.PREVIEW_OVER)

    # ------------------------------------------------------------------ calls beside the queues

    def alerted(self, command: c.Alerted) -> None:
        agent = self._frame.agent(command.agent)
        if agent.offer:
            raise Conflict(f"agent {agent.login} is {agent.state} for a queue", Refusal.OTHER_STATE)
        self._ring(agent, command.call, internal=command.internal)

    def answered(self, command: c.Answered) -> None:
        agent = self._frame.agent(command.agent)
        if command.call in agent.beside:
            return
        if agent.offer and not self._stops_ringing(agent):
            return
        if agent.call != command.call:
            self._ring(agent, command.call, internal=command.internal)
        if agent.lives is _S.RINGING and agent.call == command.call:
            self._begin_talk(agent, Trigger.ANSWER)

    def _stops_ringing(self, agent: AgentRecord) -> bool:
        """Another call came before the offer was answered; False when the agent is signed out by that."""
        self._fail(self._frame.state.offers[agent.offer], "busy")
        return agent.lives is not _S.LOGGED_OUT

    def _ring(self, agent: AgentRecord, call: str, *, internal: bool) -> None:
        direction = _direction(internal=internal, otherwise="in")
        if agent.lives in IN_CONTACT or agent.lives is _S.RINGING:
            if agent.call != call:
                agent.beside[call] = direction
            return
        if agent.lives not in _MAY_RING:
            raise Conflict(f"agent {agent.login} is {agent.state}", Refusal.OTHER_STATE)
        self._agents.change(agent, Trigger.DIRECT, _S.RINGING, call=call, direction=direction)

    def joined(self, command: c.Joined) -> None:
        agent = self._frame.in_state(command.agent, *IN_CONTACT)
        agent.beside.pop(command.call, None)
        direction = "in" if command.queue else agent.direction
        self._agents.note(agent, "joined", call=command.call, queue=command.queue, direction=direction)

    def _begin_talk(self, agent: AgentRecord, trigger: Trigger) -> None:
        if agent.suspended:
            self._wrap_ups.note(agent)
        self._agents.change(agent, trigger, _S.TALKING, call=agent.call, queue="")

    # ------------------------------------------------------------------ during a contact

    def hold(self, login: str) -> None:
        self._agents.change(self._frame.present(login, _S.TALKING), Trigger.HOLD, _S.HOLDING)

    def resume(self, login: str) -> None:
        self._agents.change(self._frame.present(login, _S.HOLDING), Trigger.RESUME, _S.TALKING)

    def consult(self, login: str) -> None:
        self._agents.change(self._frame.in_state(login, _S.TALKING, _S.HOLDING), Trigger.CONSULT, _S.CONSULTING)

    def consult_over(self, command: c.ConsultOver) -> None:
        agent = self._frame.in_state(command.agent, _S.CONSULTING)
        new = _S.CONFERENCE if command.result == "conference" else _S.TALKING
        self._agents.change(agent, Trigger.CONSULT_OVER, new)

    def conference(self, login: str) -> None:
        agent = self._frame.in_state(login, _S.TALKING, _S.HOLDING, _S.CONSULTING)
        self._agents.change(agent, Trigger.CONFERENCE, _S.CONFERENCE)

    def conference_over(self, login: str) -> None:
        self._agents.change(self._frame.in_state(login, _S.CONFERENCE), Trigger.CONFERENCE_OVER, _S.TALKING)

    def released(self, agent: AgentRecord, call: str) -> None:
        if agent.beside.pop(call, None) is not None:
            self._frame.hungry_agents[agent.login] = None
            return
        if agent.call != call or not self._agents.is_engaged(agent):
            return  # a late word about a contact that is over
        if agent.lives is _S.DIALLING:
            self._over(agent, Trigger.DIAL_FAILED)
        elif agent.lives is _S.RINGING:
            self._over(agent, Trigger.GONE)
        else:
            self._over(agent, Trigger.RELEASED)

    def _over(self, agent: AgentRecord, trigger: Trigger) -> None:
        """The contact is over; another live call of the agent goes on in its place."""
        if agent.beside:
            call, direction = next(iter(agent.beside.items()))
            del agent.beside[call]
            self._take_up(agent, call, direction, trigger)
        elif trigger is not Trigger.RELEASED:
            self._agents.go_back(agent, trigger)
        else:
            left_for_good = agent.pending_reason == CONNECTION_LOST
            self._wrap_ups.follow(agent, trigger, none=left_for_good or agent.direction == "internal")

    def _take_up(self, agent: AgentRecord, call: str, direction: str, trigger: Trigger) -> None:
        if trigger is Trigger.RELEASED:
            if agent.lives is not _S.TALKING:
                self._agents.change(agent, trigger, _S.TALKING)
            queue = agent.queue
        else:
            self._agents.go_back(agent, trigger)
            if agent.lives is _S.LOGGED_OUT:
                return
            self._agents.change(agent, Trigger.DIAL, _S.DIALLING, call=call, direction=direction)
            self._begin_talk(agent, Trigger.DIAL_ANSWERED)
            return
        self._agents.note(agent, "joined", call=call, queue=queue, direction=agent.direction if queue else direction)
