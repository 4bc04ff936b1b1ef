"""Queues, live: who waits, who serves, today's figures."""

from __future__ import annotations

from web import shapes
from web.routing import LEADERS, Request, Route


async def list_queues(request: Request) -> shapes.QueueList:
    queues = request.services.floor.queues()
    return shapes.QueueList(items=[shapes.queue(view) for view in queues if request.scope.may_see_queue(view.name)])


async def get_queue(request: Request) -> shapes.Queue:
    return shapes.queue(request.services.floor.queue(request.path("name")))


ROUTES = (
    Route(method="GET", path="/queues", handler=list_queues, roles=LEADERS, reply=shapes.QueueList, summary="All queues, live"),
    Route(method="GET", path="/queues/{name}", handler=get_queue, roles=LEADERS, reply=shapes.Queue, summary="One queue"),
)
