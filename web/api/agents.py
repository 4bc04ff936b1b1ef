"""Agents: list, one, and the state that an agent, a supervisor or a program sets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.model.errors import Forbidden
from softswitch.model.states import Role
from web import shapes
from web.routing import EVERYBODY, LEADERS, Model, Request, Route


class StateChange(Model):
    state: Literal["ready", "not_ready", "logged_out", "wrap_up_done"]
    reason: str = Field("", max_length=64)


async def list_agents(request: Request) -> shapes.AgentList:
    return shapes.AgentList(
        items=[shapes.agent(view) for view in request.services.floor.agents() if request.scope.may_see_agent(view.login)]
    )


async def get_agent(request: Request) -> shapes.Agent:
    login = request.path("login")
    if request.who.role is Role.AGENT and login != request.who.login:
        raise Forbidden("an agent sees only the own state")
    return shapes.agent(request.services.floor.agent(login))


async def set_state(request: Request) -> shapes.Agent:
    login, body = request.path("login"), request.body(StateChange)
    if request.who.role is Role.AGENT and login != request.who.login:
        raise Forbidden("an agent sets only the own state")
    return shapes.agent(await request.services.floor.set_state(login, body.state, body.reason, request.who.actor))


ROUTES = (
    Route(method="GET", path="/agents", handler=list_agents, roles=LEADERS, reply=shapes.AgentList, summary="All agents, live"),
    Route(method="GET", path="/agents/{login}", handler=get_agent, roles=EVERYBODY, reply=shapes.Agent, summary="One agent"),
    Route(method="PUT", path="/agents/{login}/state", handler=set_state, roles=EVERYBODY, body=StateChange, reply=shapes.Agent,
          summary="Set an agent's state"),
)  # fmt: skip
