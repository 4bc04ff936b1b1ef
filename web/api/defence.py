"""Sources that are shut out (signalling's bans): list, order one, end one."""

from __future__ import annotations

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.defence.service import BanView, Defence
from softswitch.defence.tolls import TollGuard
from softswitch.model.errors import NotFound
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


class TollItem(Shape):
    account: str
    calls: int
    minutes: float
    limit: float
    blocked: bool


class TollList(Shape):
    items: list[TollItem]
    next: str | None = None


async def list_tolls(request: Request) -> TollList:
    views = request.services.part(TollGuard).views()
    return TollList(
        items=[
            TollItem(account=view.account, calls=view.calls, minutes=view.minutes, limit=view.limit, blocked=view.blocked)
            for view in views
        ]
    )


async def reset_toll(request: Request) -> None:
    if not request.services.part(TollGuard).reset(request.path("account")):
        raise NotFound(f"{request.path('account')} has called nobody")


ROUTES = (
    Route(method="GET", path="/bans", handler=list_bans, permission=Permission.STATUS, reply=BanList,
          summary="Sources that are shut out now"),
    Route(method="POST", path="/bans", handler=add_ban, permission=Permission.CONFIG, body=BanOrder, reply=BanItem, status=201,
          summary="Shut a source out"),
    Route(method="DELETE", path="/bans/{source}", handler=lift_ban, permission=Permission.CONFIG, status=204,
          summary="End a ban"),
    Route(method="GET", path="/tolls", handler=list_tolls, permission=Permission.STATUS, reply=TollList,
          summary="International minutes of today, by account"),
    Route(method="DELETE", path="/tolls/{account}", handler=reset_toll, permission=Permission.CONFIG, status=204,
          summary="Give an account its minutes of today back"),
)  # fmt: skip
