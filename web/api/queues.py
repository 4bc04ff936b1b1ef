"""Queues, live: who waits, who serves, today's figures; the emergency switch; waiting calls picked, moved and ranked."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, field_validator

from softswitch.access.rights import Permission
from softswitch.acd.entry import Emergency
from softswitch.acd.handwork import Handwork
from softswitch.acd.switches import EmergencySwitches
from softswitch.model.errors import Forbidden, Invalid, Refusal
from softswitch.model.states import Role
from web import shapes
from web.routing import LEADERS, Model, Request, Route


class EmergencyChange(Model):
    """`announcement` is the name of a prompt; "" says the shipped one."""

    on: bool
    announcement: str = Field("", max_length=128)
    until: datetime | None = None

    @field_validator("until")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("expected a time with its zone")
        return value


class Move(Model):
    """One of: other importance, another queue, the head of the line."""

    importance: int | None = Field(None, ge=0, le=100)
    queue: str = Field("", max_length=128)
    front: bool = False


class Pick(Model):
    agent: str = Field("", max_length=128, description="for programs; people pick for themselves")


async def list_queues(request: Request) -> shapes.QueueList:
    scope = request.scope
    return shapes.QueueList(
        items=[shapes.queue(view) for view in request.services.floor.queues() if scope.may_see_queue(view.name)]
    )


async def get_queue(request: Request) -> shapes.Queue:
    return shapes.queue(request.services.floor.queue(request.path("name")))


async def set_emergency(request: Request) -> shapes.Queue:
    change, name = request.body(EmergencyChange), request.path("name")
    until = change.until.timestamp() if change.until is not None else 0.0
    switch = Emergency(change.announcement, until) if change.on else None
    await request.services.part(EmergencySwitches).set(name, switch, request.who.actor)
    return shapes.queue(request.services.floor.queue(name))


async def pick(request: Request) -> None:
    login = request.body(Pick).agent
    if request.who.role is not Role.API:
        if login not in ("", request.who.login):
            raise Forbidden("a waiting call is picked for oneself")
        login = request.who.login
    if not login:
        raise Invalid("agent", "expected the login of an agent")
    request.services.part(Handwork).pick(login, request.path("call"), queue=request.path("name"))


async def move(request: Request) -> None:
    wanted = request.body(Move)
    if wanted.queue and not request.scope.may_see_queue(wanted.queue):
        raise Forbidden(f"the queue {wanted.queue} is not in your scope", Refusal.OUT_OF_SCOPE)
    handwork, call, queue, actor = (
        request.services.part(Handwork), request.path("call"), request.path("name"), request.who.actor
    )  # fmt: skip
    if wanted.queue:
        handwork.move(call, wanted.queue, actor, queue=queue)
    elif wanted.front or wanted.importance is not None:
        handwork.rank(call, actor, importance=wanted.importance, front=wanted.front, queue=queue)
    else:
        raise Invalid("body", "expected importance, queue or front")


ROUTES = (
    Route(method="GET", path="/queues", handler=list_queues, roles=LEADERS, reply=shapes.QueueList, summary="All queues, live"),
    Route(method="GET", path="/queues/{name}", handler=get_queue, roles=LEADERS, reply=shapes.Queue, summary="One queue"),
    Route(method="PUT", path="/queues/{name}/emergency", handler=set_emergency, permission=Permission.QUEUE,
          body=EmergencyChange, reply=shapes.Queue, summary="Emergency switch of a queue"),
    Route(method="POST", path="/queues/{name}/calls/{call}/pick", handler=pick, permission=Permission.DESK, body=Pick,
          summary="Take a waiting call by hand"),
    Route(method="PUT", path="/queues/{name}/calls/{call}", handler=move, permission=Permission.QUEUE, body=Move,
          summary="Move or rank a waiting call"),
)  # fmt: skip
