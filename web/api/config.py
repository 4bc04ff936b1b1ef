"""Objects of the directory, one at a time, with the keys and checks of the apply file. Secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from softswitch.access.rights import Permission
from softswitch.config.problems import Refused
from softswitch.directory.editing import Changed, Described, Editor
from softswitch.directory.model import Kind
from softswitch.model.errors import Forbidden, NotFound
from web.errors import BadRequest, problem, respond
from web.routing import Request, Route
from web.shapes import Shape


class ConfigItem(Shape):
    kind: str
    identity: str
    values: dict[str, Any]
    secrets: dict[str, bool]
    etag: str


class ConfigSaved(ConfigItem):
    made: dict[str, str]


class ConfigList(Shape):
    items: list[ConfigItem]
    next: str | None = None


def _kind(request: Request) -> Kind:
    try:
        return Kind(request.path("kind"))
    except ValueError as error:
        raise NotFound(f"There is no kind {request.path('kind')} (known: {' '.join(Kind)})") from error


def _changeable(request: Request) -> Kind:
    """Who may let people in is more than who may change queues."""
    kind = _kind(request)
    if kind in (Kind.USER, Kind.TOKEN) and not request.may(Permission.USER):
        raise Forbidden(f"the role {request.who.role} may not change users and tokens")
    return kind


def _item(found: Described) -> ConfigItem:
    return ConfigItem(kind=found.kind.value, identity=found.identity, values=dict(found.values), secrets=dict(found.secrets),
                      etag=found.tag)  # fmt: skip


def _tag(request: Request) -> str:
    return request.http.headers.get("If-Match", "").removeprefix("W/").strip('"')


def _stale(error: Changed) -> BadRequest:
    return BadRequest(str(error), status=412)


async def get_schema(request: Request) -> dict[str, Any]:
    return request.services.part(Editor).schema()


async def list_objects(request: Request) -> ConfigList:
    return ConfigList(items=[_item(found) for found in request.services.part(Editor).list(_kind(request))])


async def get_object(request: Request) -> web.Response:
    found = request.services.part(Editor).get(_kind(request), request.path("identity"))
    return _reply(_item(found))


def _reply(item: ConfigItem, status: int = 200) -> web.Response:
    text = item.model_dump_json()
    return web.Response(text=text, content_type="application/json", status=status, headers={"ETag": f'"{item.etag}"'})


async def put_object(request: Request) -> web.StreamResponse:
    try:
        values = await request.http.json()
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"expected JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadRequest("expected an object with the keys of the apply file")
    editor, identity = request.services.part(Editor), request.path("identity")
    try:
        saved = await editor.put(_changeable(request), identity, values, request.who.actor, tag=_tag(request))
    except Changed as error:
        raise _stale(error) from error
    except Refused as refused:
        errors = [{"field": p.key, "reason": p.text} for p in refused.problems]
        return respond(problem(422, f"{len(errors)} mistakes; nothing was saved", errors=errors))
    item = ConfigSaved(**_item(saved).model_dump(), made=dict(saved.made))
    return _reply(item, 201 if saved.created else 200)


async def delete_object(request: Request) -> None:
    try:
        await request.services.part(Editor).delete(
            _changeable(request), request.path("identity"), request.who.actor, tag=_tag(request)
        )
    except Changed as error:
        raise _stale(error) from error


ROUTES = (
    Route(method="GET", path="/config/schema", handler=get_schema, permission=Permission.CONFIG_READ,
          summary="Kinds and keys of the directory, for input forms"),
    Route(method="GET", path="/config/{kind}", handler=list_objects, permission=Permission.CONFIG_READ, reply=ConfigList,
          summary="All objects of a kind"),
    Route(method="GET", path="/config/{kind}/{identity}", handler=get_object, permission=Permission.CONFIG_READ,
          reply=ConfigItem, summary="One object, without its secrets; ETag for If-Match"),
    Route(method="PUT", path="/config/{kind}/{identity}", handler=put_object, permission=Permission.CONFIG,
          raw_body="application/json", reply=ConfigSaved, summary="Make or replace one object"),
    Route(method="DELETE", path="/config/{kind}/{identity}", handler=delete_object, permission=Permission.CONFIG, status=204,
          summary="Delete an object that nothing refers to"),
)  # fmt: skip
