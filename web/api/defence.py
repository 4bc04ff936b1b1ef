"""Sources that are shut out (signalling's bans): list, order one, end one."""

from __future__ import annotations

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.defence.service import BanView, Defence
from softswitch.defence.tolls import TollGuard, TollView
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
    """`never`: the networks of the setting `security.never_ban`."""

    items: list[BanItem]
    never: list[str]
    next: str | None = None


class LiftQuery(Model):
    reason: str = Field("", max_length=200)


class BanOrder(Model):
    source: str = Field(min_length=2, max_length=64)
    seconds: float = Field(3600.0, ge=1.0, le=366 * 86400.0)
    reason: str = Field("", max_length=200)


def _item(view: BanView) -> BanItem:
    return BanItem(source=view.source, until=rfc3339(view.until), reason=view.reason, times=view.times)


async def list_bans(request: Request) -> BanList:
    defence = request.services.part(Defence)
    return BanList(items=[_item(view) for view in defence.views()], never=list(defence.never))


async def add_ban(request: Request) -> BanItem:
    order = request.body(BanOrder)
    return _item(request.services.part(Defence).ban(order.source, order.seconds, order.reason, request.who.actor))


async def lift_ban(request: Request) -> None:
    request.services.part(Defence).lift(request.path("source"), request.who.actor, request.query(LiftQuery).reason)


class TollHeld(Shape):
    """A country that waits for approval, with the number that was dialled first."""

    country: str
    number: str
    at: str


class TollItem(Shape):
    account: str
    calls: int
    minutes: float
    limit: float
    blocked: bool
    cost: float
    cost_limit: float
    held: list[TollHeld]
    countries: list[str]


class TollCountry(Model):
    country: str = Field(pattern=r"^[1-9][0-9]{0,2}$")


class TollList(Shape):
    items: list[TollItem]
    next: str | None = None


async def list_tolls(request: Request) -> TollList:
    views = request.services.part(TollGuard).views()
    return TollList(items=[_toll(view) for view in views])


def _toll(view: TollView) -> TollItem:
    held = [TollHeld(country=one.country, number=one.number, at=rfc3339(one.at)) for one in view.held]
    return TollItem(
        account=view.account, calls=view.calls, minutes=view.minutes, limit=view.limit, blocked=view.blocked, cost=view.cost,
        cost_limit=view.cost_limit, held=held, countries=list(view.countries),
    )  # fmt: skip


async def reset_toll(request: Request) -> None:
    if not request.services.part(TollGuard).reset(request.path("account"), request.who.actor):
        raise NotFound(f"{request.path('account')} has called nobody")


async def approve_country(request: Request) -> None:
    order = request.body(TollCountry)
    request.services.part(TollGuard).approve(request.path("account"), order.country, request.who.actor)


async def refuse_country(request: Request) -> None:
    request.services.part(TollGuard).refuse(request.path("account"), request.path("country"), request.who.actor)


ROUTES = (
    Route(method="GET", path="/bans", handler=list_bans, permission=Permission.STATUS, reply=BanList,
          summary="Sources that are shut out now"),
    Route(method="POST", path="/bans", handler=add_ban, permission=Permission.CONFIG, body=BanOrder, reply=BanItem, status=201,
          summary="Shut a source out"),
    Route(method="DELETE", path="/bans/{source}", handler=lift_ban, permission=Permission.CONFIG, query=LiftQuery,
          status=204, summary="End a ban"),
    Route(method="GET", path="/tolls", handler=list_tolls, permission=Permission.STATUS, reply=TollList,
          summary="International minutes and cost of today, by account, and the countries that wait for approval"),
    Route(method="DELETE", path="/tolls/{account}", handler=reset_toll, permission=Permission.CONFIG, status=204,
          summary="Give an account its minutes and money of today back"),
    Route(method="POST", path="/tolls/{account}/countries", handler=approve_country, permission=Permission.CONFIG,
          body=TollCountry, status=204, summary="Let an account call a country"),
    Route(method="DELETE", path="/tolls/{account}/countries/{country}", handler=refuse_country, permission=Permission.CONFIG,
          status=204, summary="Refuse an account a country, or take its approval away"),
)  # fmt: skip
