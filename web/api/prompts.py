"""Prompts and hold music of the operator, and what a text sounds like."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.model.errors import Busy
from softswitch.speech.service import Speech
from softswitch.speech.shelf import MOST_OCTETS, Shelf
from web import shapes
from web.bodies import octets_of
from web.routing import Model, Request, Route


class PromptItem(shapes.Shape):
    """`own`: the operator's file, in place of a shipped one of that name. Language `music` is hold music."""

    name: str
    language: str
    own: bool
    text: str


class PromptItems(shapes.Shape):
    items: list[PromptItem]


class Spoken(Model):
    text: str = Field(min_length=1, max_length=1000)
    language: str = Field("zh-CN", max_length=16)


async def list_prompts(request: Request) -> PromptItems:
    items = await request.services.part(Shelf).items()
    return PromptItems(items=[PromptItem(name=i.name, language=i.language, own=i.own, text=i.text) for i in items])


async def get_prompt(request: Request) -> web.StreamResponse:
    return web.FileResponse(request.services.part(Shelf).path(request.path("name"), request.path("language")))


async def put_prompt(request: Request) -> dict[str, Any]:
    name, language = request.path("name"), request.path("language")
    octets = await request.services.part(Shelf).keep(name, language, await octets_of(request.http, MOST_OCTETS))
    return {"name": name, "language": language, "octets": octets}


async def delete_prompt(request: Request) -> None:
    await request.services.part(Shelf).remove(request.path("name"), request.path("language"))


async def preview(request: Request) -> web.StreamResponse:
    wanted = request.body(Spoken)
    path = await request.services.part(Speech).say(wanted.text, wanted.language)
    if path is None:
        raise Busy("this text cannot be spoken now: no engine for this language (speech.engine), or it is not ready yet")
    return web.FileResponse(path, headers={"Content-Type": "audio/wav"})


ROUTES = (
    Route(method="GET", path="/prompts", handler=list_prompts, permission=Permission.FLOW, reply=PromptItems,
          summary="Prompts and music: shipped ones and those of your own"),
    Route(method="GET", path="/prompts/{language}/{name}", handler=get_prompt, permission=Permission.FLOW,
          summary="The sound as it is played"),
    Route(method="PUT", path="/prompts/{language}/{name}", handler=put_prompt, permission=Permission.FLOW,
          raw_body="application/octet-stream", summary="Your own, of any sound format; kept at one loudness"),
    Route(method="DELETE", path="/prompts/{language}/{name}", handler=delete_prompt, permission=Permission.FLOW, status=204,
          summary="Back to the shipped one"),
    Route(method="POST", path="/speech", handler=preview, permission=Permission.FLOW, body=Spoken,
          summary="What a text sounds like (WAV)"),
)  # fmt: skip
