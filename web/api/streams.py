"""Streams: the sound of a live call to a program over WebSocket, and what the program says back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.calls.call import Call
from softswitch.model.errors import NotFound
from softswitch.model.events import rfc3339
from softswitch.streams.model import Format, StreamView, StreamWish, Track
from softswitch.streams.service import Streams
from web import shapes
from web.routing import Model, Request, Route

_TRACKS = {"inbound": (Track.INBOUND,), "outbound": (Track.OUTBOUND,), "both": (Track.INBOUND, Track.OUTBOUND)}


class StartStream(Model):
    """`party` as in the call's participants; empty: whom the call serves. `speaks`: what comes back is played to that party."""

    url: str = Field(max_length=2000, description="ws:// or wss://; we connect")
    name: str = Field("", max_length=64)
    party: str = Field("", max_length=128)
    track: Literal["inbound", "outbound", "both"] = Field("inbound", description="what the party says, hears, or both")
    format: Format = Field(Format.MEDIA, description="media: messages of Twilio Media Streams; raw: 16-bit samples")
    rate: Literal[8000, 16000, 24000, 48000] = Field(8000, description="of raw")
    speaks: bool = False
    parameters: dict[str, str] = Field(default_factory=dict, description="told at the start")


class Stream(shapes.Shape):
    id: str
    call: str
    name: str
    url: str
    party: str
    tracks: list[str]
    format: str
    rate: int
    speaks: bool
    state: Literal["connecting", "open"]
    since: str
    dropped_ms: int


class StreamList(shapes.Shape):
    items: list[Stream]
    next: str | None = None


def _stream(view: StreamView) -> Stream:
    return Stream(
        id=view.id, call=view.call, name=view.name, url=view.url, party=view.party, tracks=list(view.tracks),
        format=view.format, rate=view.rate, speaks=view.speaks,
        state="open" if view.state == "open" else "connecting", since=rfc3339(view.since), dropped_ms=view.dropped_ms,
    )  # fmt: skip


def live_call(request: Request) -> Call:
    """The call of a path with `{id}`. Raises NotFound: it has ended, or lies outside the scope."""
    view = request.services.calls.view(request.path("id"))
    if view is None or not request.scope.may_see_call(view.agent, view.queue):
        raise NotFound("no live call of that id")
    return request.services.part(Streams).call_of(view.id)


async def start_stream(request: Request) -> Stream:
    body = request.body(StartStream)
    wish = StreamWish(
        url=body.url, name=body.name, party=body.party, tracks=_TRACKS[body.track], format=body.format, rate=body.rate,
        speaks=body.speaks, parameters=body.parameters,
    )  # fmt: skip
    return _stream(request.services.part(Streams).start(live_call(request), wish, request.who.actor))


async def list_streams(request: Request) -> StreamList:
    return StreamList(items=[_stream(view) for view in request.services.part(Streams).views(live_call(request))])


async def stop_stream(request: Request) -> None:
    request.services.part(Streams).stop(live_call(request), request.path("sid"))


ROUTES = (
    Route(method="GET", path="/calls/{id}/streams", handler=list_streams, permission=Permission.STREAM, reply=StreamList,
          summary="Programs that hear a live call"),
    Route(method="POST", path="/calls/{id}/streams", handler=start_stream, permission=Permission.STREAM, body=StartStream,
          reply=Stream, status=202, summary="Let a program hear a party of a live call, and speak to it"),
    Route(method="DELETE", path="/calls/{id}/streams/{sid}", handler=stop_stream, permission=Permission.STREAM, status=204,
          summary="End a stream, by its id or its name"),
)  # fmt: skip
