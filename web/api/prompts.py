"""Prompts and hold music of the operator, and what a text sounds like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.model.errors import Conflict, Refusal
from softswitch.speech.service import Speech
from softswitch.speech.shelf import MOST_OCTETS, Shelf
from web import shapes
from web.bodies import octets_of
from web.routing import Model, Request, Route


class PromptItem(shapes.Shape):
    """`own`: the operator's file, in place of a `shipped` one of that name. Language `music` is hold music."""

    name: str
    language: str
    own: bool
    shipped: bool
    text: str
    duration_ms: int | None


class PromptItems(shapes.Shape):
    items: list[PromptItem]


class Spoken(Model):
    text: str = Field(min_length=1, max_length=1000)
    language: str = Field("zh-CN", max_length=16)


async def list_prompts(request: Request) -> PromptItems:
    items = await request.services.part(Shelf).items()
    return PromptItems(
        items=[
            PromptItem(
                name=i.name, language=i.language, own=i.own, shipped=i.shipped, text=i.text, duration_ms=i.duration_ms
            )
            for i in items
        ]
    )  # fmt: skip


async def get_prompt(request: Request) -> web.StreamResponse:
    path = request.services.part(Shelf).path(request.path("name"), request.path("language"))
    return web.FileResponse(path, headers=_sound(path))


def _sound(path: Path) -> dict[str, str]:
    """Another one may take its place at any time, so it is asked for again."""
    return {"Cache-Control": "no-cache", **({"Content-Type": "audio/wav"} if path.suffix == ".wav" else {})}


async def put_prompt(request: Request) -> dict[str, Any]:
    name, language = request.path("name"), request.path("language")
    octets = await request.services.part(Shelf).keep(name, language, await octets_of(request.http, MOST_OCTETS))
    return {"name": name, "language": language, "octets": octets}


async def delete_prompt(request: Request) -> None:
    await request.services.part(Shelf).remove(request.path("name"), request.path("language"))


async def preview(request: Request) -> web.StreamResponse:
    wanted = request.body(Spoken)
    speech = request.services.part(Speech)
    if wanted.language not in speech.synthesizer.languages:
        raise Conflict("no engine speaks this language (setting speech.engine)", Refusal.NO_SPEECH)
    path = await speech.say(wanted.text, wanted.language)
    if path is None:
        raise Conflict("the text is not ready yet, or the engine has failed (alarm speech_failed)", Refusal.SPEECH_LATE)
    return web.FileResponse(path, headers={"Content-Type": "audio/wav"})


ROUTES = (
    Route(method="GET", path="/prompts", handler=list_prompts, permission=Permission.FLOW, reply=PromptItems,
          summary="Prompts and music: shipped ones and those of your own"),
    Route(method="GET", path="/prompts/{language}/{name}", handler=get_prompt, permission=Permission.FLOW,
          reply_type="audio/wav", summary="The sound as it is played"),
    Route(method="PUT", path="/prompts/{language}/{name}", handler=put_prompt, permission=Permission.FLOW,
          raw_body="application/octet-stream", summary="Your own, of any sound format; kept at one loudness"),
    Route(method="DELETE", path="/prompts/{language}/{name}", handler=delete_prompt, permission=Permission.FLOW, status=204,
          summary="Back to the shipped one"),
    Route(method="POST", path="/speech", handler=preview, permission=Permission.FLOW, body=Spoken,
          reply_type="audio/wav", summary="What a text sounds like (WAV)"),
)  # fmt: skip
