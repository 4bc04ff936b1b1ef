"""SIPREC: a live call on a recording server, begun and ended by hand; what rules begin is seen here as well."""

from __future__ import annotations

from typing import Literal, cast

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.model.events import rfc3339
from softswitch.siprec.model import SiprecView
from softswitch.siprec.service import Siprec
from web import shapes
from web.api.streams import live_call
from web.routing import Model, Request, Route

State = Literal["connecting", "recording", "paused", "waiting"]


class StartSiprec(Model):
    servers: list[str] = Field(min_length=1, max_length=8, description="trunks to recording servers, in the order of trial")


class SiprecSession(shapes.Shape):
    id: str
    call: str
    servers: list[str]
    server: str = Field(description="the address that it goes to; empty: none takes it now")
    state: State
    since: str
    why: str = Field(description="why it waits")


def _shown(view: SiprecView) -> SiprecSession:
    return SiprecSession(
        id=view.id, call=view.call, servers=list(view.servers), server=view.server, state=cast("State", view.state),
        since=rfc3339(view.since), why=view.why,
    )  # fmt: skip


async def start_siprec(request: Request) -> SiprecSession:
    body = request.body(StartSiprec)
    return _shown(request.services.part(Siprec).start(live_call(request), body.servers, request.who.actor))


async def show_siprec(request: Request) -> SiprecSession:
    return _shown(request.services.part(Siprec).view(live_call(request)))


async def stop_siprec(request: Request) -> None:
    request.services.part(Siprec).stop(live_call(request))


ROUTES = (
    Route(method="GET", path="/calls/{id}/siprec", handler=show_siprec, permission=Permission.STREAM, reply=SiprecSession,
          summary="The recording session of a live call with a recording server"),
    Route(method="POST", path="/calls/{id}/siprec", handler=start_siprec, permission=Permission.STREAM, body=StartSiprec,
          reply=SiprecSession, status=202, summary="Record a live call on a recording server (SIPREC)"),
    Route(method="DELETE", path="/calls/{id}/siprec", handler=stop_siprec, permission=Permission.STREAM, status=204,
          summary="End the recording session of a live call"),
)  # fmt: skip
