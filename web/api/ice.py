"""Where a program's own WebRTC client finds STUN and TURN; pages ask by WebSocket."""

from __future__ import annotations

from softswitch.access.turn import ice_servers
from web import shapes
from web.routing import EVERYBODY, Request, Route


class IceServer(shapes.Shape):
    """As in the browsers' `RTCIceServer`."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class IceServers(shapes.Shape):
    ice_servers: list[IceServer]


async def get_ice_servers(request: Request) -> IceServers:
    services = request.services
    found = ice_servers(services.settings.media, request.who.actor, services.clock.utc())
    return IceServers(ice_servers=[IceServer.model_validate(one) for one in found])


ROUTES = (
    Route(method="GET", path="/ice-servers", handler=get_ice_servers, roles=EVERYBODY, reply=IceServers,
          summary="STUN and TURN servers with a password for a few hours"),
)  # fmt: skip
