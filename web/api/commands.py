"""Orders about calls: those of the WebSocket, for programs and for leaders who act for an agent (acd/orders.py)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.model.errors import Forbidden, NotFound, Refusal
from softswitch.model.states import Role
from web.routing import EVERYBODY, Model, Request, Route

Word = Literal[
    "hold", "resume", "mute", "unmute", "mute_member", "consult", "consult_complete", "consult_merge", "consult_cancel",
    "transfer", "invite", "remove", "park", "pickup", "dtmf", "data", "hangup", "record_start", "record_stop", "record_pause",
    "record_resume",
]  # fmt: skip


class Command(Model):
    """Which of the others are needed depends on `command`. `to`: a destination, or a number, extension or login as dialled."""

    command: Word
    to: str = Field("", max_length=128)
    data: dict[str, str] | None = Field(None, max_length=64, description="goes with a transfer")
    participant: str = Field("", max_length=128)
    on: bool = True
    slot: str = Field("", max_length=8)
    digits: str = Field("", max_length=32)
    values: dict[str, str] | None = Field(None, max_length=64)
    agent: str = Field("", max_length=128, description="in whose place; without it the agent who has the call")

    @property
    def arguments(self) -> dict[str, Any]:
        return self.model_dump(exclude={"command"}, exclude_none=True)


class AgentCommand(Command):
    command: Word | Literal["dial"]  # type: ignore[assignment]
    call: str = Field("", max_length=64, description="for pickup")


def _may_act_for_others(request: Request) -> None:
    if not request.may(Permission.CALLS_PLACE):
        raise Forbidden("this role acts on its own calls only")


async def in_call(request: Request) -> dict[str, Any]:
    """A member of the call acts for itself, everybody else for its agent."""
    body, who, identity = request.body(Command), request.who, request.path("id")
    view = request.services.calls.view(identity)
    if view is None:
        raise NotFound("no live call has this id")
    agent = body.agent
    if who.role is Role.AGENT or (not agent and who.login in view.agents):
        if who.login not in view.agents and body.command != "pickup":
            raise Forbidden("an agent acts on its own calls only", Refusal.OWN_ONLY)
        agent = who.login
    elif agent != who.login:
        _may_act_for_others(request)
    return dict(await request.services.floor.act_in(identity, body.command, body.arguments, who.actor, agent))


async def of_agent(request: Request) -> dict[str, Any]:
    """In the agent's own call, or (dial, pickup) a new one."""
    body, login = request.body(AgentCommand), request.path("login")
    if login != request.who.login:
        _may_act_for_others(request)
    return dict(await request.services.floor.act(login, body.command, body.arguments, request.who.actor))


ROUTES = (
    Route(method="POST", path="/calls/{id}/commands", handler=in_call, roles=EVERYBODY, body=Command,
          summary="Hold, consult, transfer, conference, park, record: what an agent does in a call"),
    Route(method="POST", path="/agents/{login}/commands", handler=of_agent, roles=EVERYBODY, body=AgentCommand,
          summary="The same in the call that the agent is in, and placing or picking up one"),
)  # fmt: skip
