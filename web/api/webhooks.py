"""Webhooks: their state, what was sent and what came of it, another try, a test."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.webhooks.outbox import Delivery
from softswitch.webhooks.service import HookView, Webhooks
from web import shapes
from web.routing import Model, Request, Route


class DeliveryQuery(Model):
    state: Literal["", "waiting", "done", "failed"] = ""
    limit: int = Field(50, ge=1, le=200)
    cursor: int = Field(0, ge=0)


class Hook(shapes.Shape):
    """`signed`: a secret is set. `failing_since` null: the last attempt succeeded."""

    name: str
    url: str
    events: list[str]
    signed: bool
    waiting: int
    oldest: str | None
    failing_since: str | None
    last_ok: str | None
    last_error: str


class Hooks(shapes.Shape):
    items: list[Hook]
    next: str | None = None


class DeliveryItem(shapes.Shape):
    """`status`: of the last answer, 0 for none."""

    id: str
    type: str
    call: str | None
    state: str
    attempts: int
    created: str
    next_attempt: str | None
    finished: str | None
    status: int
    error: str
    body: str


class Deliveries(shapes.Shape):
    items: list[DeliveryItem]
    next: str | None


class Tested(shapes.Shape):
    id: str
    ok: bool
    status: int
    error: str
    ms: int


def _hook(view: HookView) -> Hook:
    return Hook(
        name=view.name, url=view.url, events=list(view.events), signed=view.signed, waiting=view.waiting,
        oldest=shapes.time(view.oldest), failing_since=shapes.time(view.failing_since or None),
        last_ok=shapes.time(view.last_ok or None), last_error=view.last_error,
    )  # fmt: skip


def _item(row: Delivery) -> DeliveryItem:
    return DeliveryItem(
        id=row.id, type=row.type, call=row.call or None, state=row.state, attempts=row.attempts,
        created=shapes.time(row.created_at) or "", finished=shapes.time(row.finished_at), status=row.status, error=row.error,
        next_attempt=shapes.time(row.next_at or None) if row.state == "waiting" else None, body=row.body,
    )  # fmt: skip


async def list_hooks(request: Request) -> Hooks:
    return Hooks(items=[_hook(view) for view in await request.services.part(Webhooks).views()])


async def list_deliveries(request: Request) -> Deliveries:
    query = request.query(DeliveryQuery)
    rows = await request.services.part(Webhooks).deliveries(
        request.path("hook"), state=query.state, limit=query.limit + 1, before=query.cursor
    )
    shown = rows[: query.limit]
    return Deliveries(items=[_item(row) for row in shown], next=str(shown[-1].number) if len(rows) > query.limit else None)


async def retry(request: Request) -> DeliveryItem:
    return _item(await request.services.part(Webhooks).retry(request.path("hook"), request.path("id")))


async def test(request: Request) -> Tested:
    identity, answer = await request.services.part(Webhooks).test(request.path("hook"))
    return Tested(id=identity, ok=200 <= answer.status < 300, status=answer.status, error=answer.error, ms=answer.ms)


ROUTES = (
    Route(method="GET", path="/webhooks", handler=list_hooks, permission=Permission.CONFIG_READ, reply=Hooks,
          summary="Webhooks and how they are"),
    Route(method="GET", path="/webhooks/{hook}/deliveries", handler=list_deliveries, permission=Permission.CONFIG_READ,
          query=DeliveryQuery, reply=Deliveries, summary="What was sent to a webhook, newest first"),
    Route(method="POST", path="/webhooks/{hook}/deliveries/{id}/retry", handler=retry, permission=Permission.CONFIG,
          reply=DeliveryItem, summary="Try a delivery again now"),
    Route(method="POST", path="/webhooks/{hook}/test", handler=test, permission=Permission.CONFIG, reply=Tested,
          summary="Send a test"),
)  # fmt: skip
