"""What an agent's desk needs beside the own seat: codes, whom a call can be sent to, who waits in the own queues."""

from __future__ import annotations

from collections.abc import Iterator

from softswitch.access.rights import Permission
from softswitch.directory.model import Agent
from softswitch.directory.snapshot import Snapshot
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.views import AgentView, QueueView
from web import shapes
from web.routing import Request, Route

PICK = "pick"


class ReasonItem(shapes.Shape):
    code: str
    title: str
    title_en: str
    productive: bool
    max_seconds: int
    then_ready: bool
    approval: bool


class DispositionItem(shapes.Shape):
    code: str
    title: str
    title_en: str
    parent: str
    note_required: bool


class Codes(shapes.Shape):
    reasons: list[ReasonItem]
    dispositions: list[DispositionItem]


class Target(shapes.Shape):
    """`to` is a destination as written. An agent has `state` and `since`, a queue `waiting` and `ready`."""

    kind: str
    to: str
    name: str
    detail: str
    state: str | None = None
    since: str | None = None
    waiting: int | None = None
    ready: int | None = None


class TargetList(shapes.Shape):
    items: list[Target]
    next: str | None = None


class OwnWaiting(shapes.Waiting):
    queue: str


class OwnWaitingList(shapes.Shape):
    items: list[OwnWaiting]
    next: str | None = None


async def get_codes(request: Request) -> Codes:
    snapshot = request.services.directory.current()
    return Codes(
        reasons=[ReasonItem.model_validate(one, from_attributes=True) for one in snapshot.reasons.values()],
        dispositions=[DispositionItem.model_validate(one, from_attributes=True) for one in snapshot.dispositions.values()],
    )


async def list_targets(request: Request) -> TargetList:
    """Colleagues and queues are everybody's to see here, whatever the scope: a call may go to any of them."""
    floor, snapshot = request.services.floor, request.services.directory.current()
    people = [_agent(view) for view in floor.agents() if view.login != request.who.login]
    return TargetList(items=[*people, *(_queue(view) for view in floor.queues()), *_places(snapshot)])


def _agent(view: AgentView) -> Target:
    shown = shapes.agent(view)
    target = _target(DestinationKind.AGENT, view.login, view.name)
    return target.model_copy(update={"state": shown.state, "since": shown.since})


def _queue(view: QueueView) -> Target:
    target = _target(DestinationKind.QUEUE, view.name, view.title)
    return target.model_copy(update={"waiting": len(view.calls), "ready": view.ready})


def _places(snapshot: Snapshot) -> Iterator[Target]:
    yield from (_target(DestinationKind.FLOW, name, "") for name in snapshot.flows)
    yield from (_target(DestinationKind.VOICEMAIL, one.name, one.title) for one in snapshot.mailboxes.values())
    yield from (_target(DestinationKind.GROUP, one.name, one.title) for one in snapshot.ring_groups.values())
    yield from (_target(DestinationKind.EXTENSION, one.number, one.name) for one in snapshot.extensions.values())


def _target(kind: DestinationKind, name: str, title: str) -> Target:
    return Target(kind=kind.value, to=str(Destination(kind, name)), name=title or name, detail=name)


async def list_waiting(request: Request) -> OwnWaitingList:
    """In the order of service; empty for who may not take calls by hand."""
    agent = request.services.directory.current().agents.get(request.who.login)
    if agent is None or PICK not in agent.rights:
        return OwnWaitingList(items=[])
    return OwnWaitingList(
        items=[
            OwnWaiting(**shapes.waiting(call).model_dump(), queue=view.name)
            for view in request.services.floor.queues()
            if view.name in _queues(request, agent)
            for call in view.calls
        ]
    )


def _queues(request: Request, agent: Agent) -> frozenset[str]:
    """The queues of the day, as the floor has them."""
    return frozenset(request.services.floor.agent(agent.login).queues)


ROUTES = (
    Route(method="GET", path="/desk", handler=get_codes, permission=Permission.DESK, reply=Codes,
          summary="Reasons and dispositions"),
    Route(method="GET", path="/desk/targets", handler=list_targets, permission=Permission.DESK, reply=TargetList,
          summary="Whom a call can be sent to, with live states"),
    Route(method="GET", path="/desk/waiting", handler=list_waiting, permission=Permission.DESK, reply=OwnWaitingList,
          summary="Who waits in the own queues and may be taken by hand"),
)  # fmt: skip
