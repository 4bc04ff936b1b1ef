"""Sources that are shut out (signalling's bans): list, order one, end one."""

from __future__ import annotations

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.defence.service import BanView, Defence
from softswitch.model.events import rfc3339
from web.routing import Model, Request, Route
from web.shapes import Shape


class BanItem(Shape):
    source: str
    until: str
    reason: str
    times: int


class BanList(Shape):
    items: list[BanItem]
    next: str | None = None


class BanOrder(Model):
    source: str = Field(min_length=2, max_length=64)
    seconds: float = Field(3600.0, ge=1.0, le=366 * 86400.0)
    reason: str = Field("", max_length=200)


def _item(view: BanView) -> BanItem:
    return BanItem(source=view.source, until=rfc3339(view.until), reason=view.reason, times=view.times)


async def list_bans(request: Request) -> BanList:
    return BanList(items=[_item(view) for view in request.services.part(Defence).views()])


async def add_ban(request: Request) -> BanItem:
    order = request.body(BanOrder)
    return _item(request.services.part(Defence).ban(order.source, order.seconds, order.reason, request.who.actor))


async def lift_ban(request: Request) -> None:
    request.services.part(Defence).lift(request.path("source"), request.who.actor)


ROUTES = (
    Route(method="GET", path="/bans", handler=list_bans, permission=Permission.STATUS, reply=BanList,
          summary="Sources that are shut out now"),
    Route(method="POST", path="/bans", handler=add_ban, permission=Permission.CONFIG, body=BanOrder, reply=BanItem, status=201,
          summary="Shut a source out"),
    Route(method="DELETE", path="/bans/{source}", handler=lift_ban, permission=Permission.CONFIG, status=204,
          summary="End a ban"),
)  # fmt: skip
