"""Agents: list, one, and the state that an agent, a supervisor or a program sets."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.model.errors import Forbidden, Invalid, Refusal
from softswitch.model.states import Role
from softswitch.model.views import AgentToday
from web import shapes
from web.reasons import check_reason
from web.routing import EVERYBODY, LEADERS, Model, Request, Route


class StateChange(Model):
    state: Literal["ready", "not_ready", "logged_out", "wrap_up", "wrap_up_done"]
    reason: str = Field("", max_length=64)
    station: str = Field("", max_length=64, description='"browser", "extension:N" or "outside:N"; for signing in')


class DaySkills(Model):
    """What is left out stays as it is; both left out: back to the configuration."""

    skills: dict[str, int] | None = Field(None, max_length=200, description="skill → level 1–100")
    queues: list[str] | None = Field(None, max_length=200)
    until: datetime | None = Field(None, description="end; without it until changed again")


class Statistics(shapes.Shape):
    """An agent's day: `occupancy` of the last 60 minutes, `today.occupancy` since midnight."""

    login: str
    occupancy: float | None
    today: shapes.Today


async def list_agents(request: Request) -> shapes.AgentList:
    return shapes.AgentList(
        items=[shapes.agent(view) for view in request.services.floor.agents() if request.scope.may_see_agent(view.login)]
    )


async def get_agent(request: Request) -> shapes.Agent:
    login = request.path("login")
    if request.who.role is Role.AGENT and login != request.who.login:
        raise Forbidden("an agent sees only the own state", Refusal.OWN_ONLY)
    return shapes.agent(request.services.floor.agent(login))


async def set_state(request: Request) -> shapes.Agent:
    login, body = request.path("login"), request.body(StateChange)
    if request.who.role is Role.AGENT and login != request.who.login:
        raise Forbidden("an agent sets only the own state", Refusal.OWN_ONLY)
    known, floor = request.services.directory.current(), request.services.floor
    check_reason(known, body.state, body.reason, for_other=login != request.who.login)
    return shapes.agent(await floor.set_state(login, body.state, body.reason, request.who.actor, body.station))


async def set_skills(request: Request) -> shapes.Agent:
    body = request.body(DaySkills)
    if body.skills and not all(1 <= level <= 100 for level in body.skills.values()):
        raise Invalid("skills", "expected levels from 1 to 100")
    unknown = set(body.queues or ()) - set(request.services.directory.current().queues)
    if unknown:
        raise Invalid("queues", f"there is no queue {min(unknown)}")
    until = body.until.timestamp() if body.until is not None else 0.0
    queues = tuple(body.queues) if body.queues is not None else None
    view = await request.services.floor.set_skills(request.path("login"), body.skills, queues, until, request.who.actor)
    return shapes.agent(view)


async def get_statistics(request: Request) -> Statistics:
    login = request.path("login")
    if request.who.role is Role.AGENT and login != request.who.login:
        raise Forbidden("an agent sees only the own figures", Refusal.OWN_ONLY)
    agent = shapes.agent(request.services.floor.agent(login))
    today = agent.today or shapes.Today(**asdict(AgentToday()))
    return Statistics(login=login, occupancy=agent.occupancy, today=today)


ROUTES = (
    Route(method="GET", path="/agents", handler=list_agents, roles=LEADERS, reply=shapes.AgentList, summary="All agents, live"),
    Route(method="GET", path="/agents/{login}", handler=get_agent, roles=EVERYBODY, reply=shapes.Agent, summary="One agent"),
    Route(method="PUT", path="/agents/{login}/state", handler=set_state, roles=EVERYBODY, body=StateChange, reply=shapes.Agent,
          summary="Set an agent's state, and sign in at a station"),
    Route(method="PUT", path="/agents/{login}/skills", handler=set_skills, permission=Permission.FORCE, body=DaySkills,
          reply=shapes.Agent, summary="Skills and queues of the day"),
    Route(method="GET", path="/agents/{login}/statistics", handler=get_statistics, roles=EVERYBODY, reply=Statistics,
          summary="An agent's day"),
)  # fmt: skip
