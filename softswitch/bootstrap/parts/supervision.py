"""Supervision by page, program and phone; intercepting, messages and calls for help. Scopes come from `access`."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from softswitch.access.rights import Permission, may
from softswitch.access.scope import Scopes
from softswitch.acd import commands as c
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.supervision import Supervision
from softswitch.calls.supervision_help import HelpDesk
from softswitch.calls.supervision_intercept import Interception
from softswitch.calls.supervision_phone import supervise
from softswitch.directory.users import Principal
from softswitch.model.destination import DestinationKind
from softswitch.model.errors import Forbidden, NotFound
from softswitch.model.events import AgentHelp, CallEnded, Event
from softswitch.model.states import MonitorMode

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

CODES = {mode.value: mode for mode in (MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE, MonitorMode.TAKE_OVER)}
"""Actions of feature codes."""


async def build(node: Node) -> Supervision:
    switch = node.switch
    supervision = Supervision(switch.calls, switch.board, secrets.choice, _sees(node))
    for action, mode in CODES.items():
        switch.codes.handlers[action] = _code(node, supervision, mode)
    return supervision


async def build_interception(node: Node) -> Interception:
    def leave_line(call: str, actor: str) -> None:
        for visit, waiting in tuple(node.acd.core.state.visits.items()):
            if waiting.call == call:
                node.acd.submit(c.Intercept(visit, actor))

    found = Interception(node.switch.calls, node.switch.board, _sees(node), leave_line)
    handlers = node.switch.handlers
    handlers[DestinationKind.AGENT] = found.wrap(handlers[DestinationKind.AGENT])
    return found


async def build_help(node: Node) -> HelpDesk:
    def call_of(login: str) -> str:
        return next((call.id for call in node.switch.calls.each() if call.mix.agent(login)), "")

    supervision = node.parts[Supervision]
    assert isinstance(supervision, Supervision)
    desk = HelpDesk(supervision, node.journal.append, node.clock, node.directory.current, call_of, _sees(node))
    node.floor.help_of = desk.state

    def over(event: Event) -> None:
        desk.call_over(event.call)

    def told(event: Event) -> None:
        node.acd.board.agent_changed(event.agent)

    node.floor.help_of = desk.state
    node.bus.subscribe(over, (CallEnded,))
    node.bus.subscribe(told, (AgentHelp,))
    return desk


def _sees(node: Node) -> Callable[[str, str, str], bool]:
    """Whether a supervisor may supervise an agent or a queue: right and scope."""
    scopes = Scopes()

    def sees(login: str, agent: str, queue: str) -> bool:
        snapshot = node.directory.current()
        user = snapshot.users.get(login)
        if user is None or user.disabled or not may(user.role, Permission.MONITOR):
            return False
        return scopes.of(Principal(login, user.name, user.role), snapshot).may_see_call(agent, queue)

    return sees


def _code(node: Node, supervision: Supervision, mode: MonitorMode) -> Callable[[Call, str], Awaitable[Outcome]]:
    """`*81*1001`: beside the agent who works at that phone; a login works too where a phone can dial one."""

    async def handle(call: Call, argument: str) -> Outcome:
        orders = node.switch.codes.agents
        supervisor = orders.login_at(call.facts.party) if orders is not None else ""
        if orders is None or not supervisor:
            raise Forbidden("nobody who supervises works at this phone")
        wanted = argument.removeprefix("*")
        agent = orders.login_at(wanted) or wanted
        if agent not in node.directory.current().agents:
            raise NotFound(f"no agent works at {wanted}")
        return await supervise(supervision, call, supervisor=supervisor, agent=agent, mode=mode)

    return handle
