"""The administrator's status page, and what the demo page needs."""

from __future__ import annotations

from softswitch.model.destination import Destination
from softswitch.model.errors import NotFound
from web import shapes
from web.routing import OPERATORS, Request, Route


async def get_status(request: Request) -> dict[str, object]:
    found: dict[str, object] = dict(await request.services.status())
    return found


async def get_demo(request: Request) -> dict[str, object]:
    """A widget token for the demo page itself. Only in `softswitch demo`."""
    demo = request.services.demo
    if demo is None:
        raise NotFound("this is not a demo")
    origin = f"{request.http.scheme}://{request.http.host}"
    token, expires = request.services.clicks.issue(Destination.parse(demo.to), origin)
    return {"token": token, "expires": shapes.time(expires), "to": demo.to}


ROUTES = (
    Route(method="GET", path="/status", handler=get_status, roles=OPERATORS, summary="How the switch is"),
    Route(method="GET", path="/demo", handler=get_demo, roles=None, summary="The demo page's widget token"),
)
