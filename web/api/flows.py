"""Flows: versions, publishing, checks, try-outs, figures per node; emergency announcements at their slots."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import yaml
from aiohttp import web
from pydantic import Field, field_validator

from softswitch.access.rights import Permission
from softswitch.ivr import schema
from softswitch.ivr.pins import PinBook
from softswitch.ivr.service import IvrService
from softswitch.ivr.slots import AnnouncementBook, OnAir
from softswitch.ivr.statistics import FlowStatistics, NodeFigures
from softswitch.ivr.trial import Caller, Trial
from softswitch.ivr.verbs import REFUSED, VERBS
from softswitch.ivr.versions import FaultyFlow, FlowVersions, Version
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import rfc3339
from web import shapes
from web.bodies import octets_of
from web.errors import BadRequest, FieldFault
from web.routing import Model, Request, Route

MOST_OCTETS = 1 << 20
MOST_SOUND = 20 << 20
DAY = 86_400.0


# shapes


class FlowItem(shapes.Shape):
    """`published` 0: no call gets it yet. `draft`: a newer version that nobody hears, null for none."""

    name: str
    published: int
    draft: int | None


class FlowItems(shapes.Shape):
    items: list[FlowItem]
    next: str | None


class FlowVersion(shapes.Shape):
    version: int
    at: str
    by: str
    note: str
    published: str | None


class FlowDetail(FlowItem):
    versions: list[FlowVersion]
    tree: dict[str, Any]
    """Of the draft if there is one, else of the published version."""


class FlowTree(FlowVersion):
    name: str
    tree: dict[str, Any]


class FlowNote(shapes.Shape):
    level: str
    code: str
    node: str
    field: str
    text: str


class FlowCheck(shapes.Shape):
    """`ok`: there are no errors; warnings do not count."""

    ok: bool
    notes: list[FlowNote]


class FlowSaved(shapes.Shape):
    version: int
    notes: list[FlowNote]


class TrialStep(shapes.Shape):
    flow: str
    node: str
    verb: str
    heard: list[str]
    pressed: str
    result: str
    at: str
    next: str | None


class FlowTrial(shapes.Shape):
    steps: list[TrialStep]
    outcome: str
    to: str
    variables: dict[str, str]
    seconds: float


class FlowNode(shapes.Shape):
    node: str
    visits: int
    results: dict[str, int]
    drop_off: float
    mean_ms: int


class FlowFigures(shapes.Shape):
    flow: str
    nodes: list[FlowNode]


class AnnouncementItem(shapes.Shape):
    slot: str
    prompts: list[str]
    called: list[str]
    until: str
    on_air: bool
    by: str
    at: str
    heard: int
    left: int


class AnnouncementItems(shapes.Shape):
    items: list[AnnouncementItem]
    next: str | None


# bodies and queries


class NoteQuery(Model):
    note: str = Field("", max_length=500)


class VersionQuery(Model):
    version: int | None = Field(None, ge=1)


class Publication(Model):
    version: int = Field(ge=1)


class TrialOrder(Model):
    """`keys`: one string per time the flow listens, "" is silence. `outcomes`: node → result, taken instead of carried out."""

    version: int | None = Field(None, ge=1)
    tree: dict[str, Any] | None = None
    caller: str = Field("13800138000", max_length=64)
    called: str = Field("", max_length=64)
    keys: list[str] = Field(default_factory=list, max_length=500)
    variables: dict[str, str] = Field(default_factory=dict)
    outcomes: dict[str, str] = Field(default_factory=dict)
    at: datetime | None = None


class Span(Model):
    since: datetime | None = Field(None, alias="from")
    until: datetime | None = Field(None, alias="to")

    @field_validator("since", "until")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class AnnouncementOrder(Model):
    prompts: list[str] = Field(min_length=1, max_length=20)
    until: datetime
    called: list[str] = Field(default_factory=list, max_length=100)


# versions


async def _tree(request: Request) -> Mapping[str, Any]:
    """The body as a tree: JSON, or YAML by its content type."""
    kind = request.http.content_type
    if kind not in ("application/json", "application/yaml", "application/x-yaml", "text/yaml"):
        raise BadRequest("expected a body of type application/json or application/yaml", status=415)
    octets = await request.http.read()
    if len(octets) > MOST_OCTETS:
        raise BadRequest(f"expected at most {MOST_OCTETS} octets", status=413)
    try:  # YAML takes a second per 100 kB: calls must not wait for it
        found = json.loads(octets) if kind == "application/json" else await asyncio.to_thread(yaml.safe_load, octets)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise BadRequest(f"the body cannot be read: {str(error)[:200]}") from error
    if not isinstance(found, Mapping):
        raise BadRequest("expected a table with start and nodes")
    return {str(key): value for key, value in found.items()}


def _faulty(fault: FaultyFlow) -> BadRequest:
    faults = [FieldFault(".".join(str(part) for part in entry.path), entry.text) for entry in fault.faults]
    return BadRequest(f"{len(faults)} mistakes; nothing was changed", status=422, faults=faults)


def _item(name: str, published: int, newest: int) -> FlowItem:
    return FlowItem(name=name, published=published, draft=newest if newest > published else None)


def _version(found: Version) -> FlowVersion:
    return FlowVersion(
        version=found.version, at=rfc3339(found.at), by=found.by, note=found.note,
        published=rfc3339(found.published) if found.published else None,
    )  # fmt: skip


def _notes(request: Request, tree: Mapping[str, Any]) -> list[FlowNote]:
    found = request.services.part(IvrService).check(tree)
    return [FlowNote(level=n.level, code=n.code, node=n.node, field=n.field, text=n.text) for n in found]


async def list_flows(request: Request) -> FlowItems:
    book = request.services.part(FlowVersions)
    newest = await book.newest()
    return FlowItems(items=[_item(name, book.published(name), number) for name, number in newest.items()], next=None)


async def get_flow(request: Request) -> FlowDetail:
    book, name = request.services.part(FlowVersions), request.path("name")
    found = await book.versions(name)
    item = _item(name, book.published(name), found[0].version)
    shown = next((v for v in found if v.version == (item.draft or item.published)), found[0])
    return FlowDetail(**item.model_dump(), versions=[_version(entry) for entry in found], tree=dict(shown.tree))


async def get_version(request: Request) -> FlowTree:
    number = request.path("version")
    if not number.isdecimal() or len(number) > 9:
        raise NotFound("versions are numbers")
    found = await request.services.part(FlowVersions).version(request.path("name"), int(number))
    return FlowTree(**_version(found).model_dump(), name=found.name, tree=dict(found.tree))


async def save_version(request: Request) -> FlowSaved:
    tree, name = await _tree(request), request.path("name")
    if not name.replace("-", "_").replace(".", "_").isidentifier() or len(name) > 64:
        raise Invalid("name", "expected a name (letters, digits, _ . -)")
    try:
        note = request.query(NoteQuery).note
        saved = await request.services.part(FlowVersions).save(name, tree, request.who.actor, note)
    except FaultyFlow as fault:
        raise _faulty(fault) from fault
    return FlowSaved(version=saved.version, notes=_notes(request, saved.tree))


async def publish(request: Request) -> FlowVersion:
    number = request.body(Publication).version
    try:
        found = await request.services.part(FlowVersions).publish(request.path("name"), number, request.who.actor)
    except FaultyFlow as fault:
        raise _faulty(fault) from fault
    return _version(found)


async def check_flow(request: Request) -> FlowCheck:
    notes = _notes(request, await _tree(request))
    return FlowCheck(ok=not any(note.level == "error" for note in notes), notes=notes)


async def describe_verbs(_request: Request) -> dict[str, Any]:
    verbs = {
        name: {"fields": schema.described(verb), "needs_caller": verb.needs_caller, "final": verb.final}
        for name, verb in VERBS.items()
    }
    return {"verbs": verbs, "refused": dict(REFUSED)}


# try-outs and figures


async def try_flow(request: Request) -> FlowTrial:
    body, name = request.body(TrialOrder), request.path("name")
    book = request.services.part(FlowVersions)
    if body.tree is not None:
        tree: Mapping[str, Any] = {**body.tree, "name": name}
    else:
        number = body.version or book.published(name) or (await book.versions(name))[0].version
        tree = (await book.version(name, number)).tree
    at = body.at.timestamp() if body.at else request.services.clock.utc()
    caller = Caller(
        number=body.caller, called=body.called, keys=tuple(body.keys), variables=body.variables, at=at, given=body.outcomes
    )
    try:
        return _trial(await request.services.part(IvrService).try_out(tree, caller))
    except ValueError as fault:
        raise BadRequest(str(fault), status=422, faults=[FieldFault("tree", str(fault))]) from fault


def _trial(found: Trial) -> FlowTrial:
    following = [*(step.node for step in found.steps[1:]), None]
    return FlowTrial(
        steps=[
            TrialStep(
                flow=step.flow, node=step.node, verb=step.verb, heard=list(step.heard), pressed=step.pressed,
                result=step.result, at=rfc3339(step.at), next=after,
            )
            for step, after in zip(found.steps, following, strict=True)
        ],
        outcome=found.outcome, to=found.to, variables=dict(found.variables), seconds=round(found.seconds, 1),
    )  # fmt: skip


async def get_statistics(request: Request) -> FlowFigures:
    span, name = request.query(Span), request.path("name")
    now = request.services.clock.utc()
    until = span.until.timestamp() if span.until else now
    since = span.since.timestamp() if span.since else until - DAY
    found = await request.services.part(FlowStatistics).figures(name, since, until)
    return FlowFigures(flow=name, nodes=[_node(entry) for entry in found])


def _node(entry: NodeFigures) -> FlowNode:
    return FlowNode(
        node=entry.node, visits=entry.visits, results=entry.results, drop_off=round(entry.drop_off, 4), mean_ms=entry.mean_ms
    )


# emergency announcements


def _announcement(entry: OnAir, now: float) -> AnnouncementItem:
    what = entry.what
    return AnnouncementItem(
        slot=what.slot, prompts=list(what.prompts), called=list(what.called), until=rfc3339(what.until),
        on_air=now < what.until, by=entry.by, at=rfc3339(entry.at), heard=entry.heard, left=entry.left,
    )  # fmt: skip


async def list_announcements(request: Request) -> AnnouncementItems:
    now = request.services.clock.utc()
    return AnnouncementItems(items=[_announcement(e, now) for e in request.services.part(AnnouncementBook).all()], next=None)


async def put_announcement(request: Request) -> AnnouncementItem:
    body, now = request.body(AnnouncementOrder), request.services.clock.utc()
    until = body.until if body.until.tzinfo else body.until.replace(tzinfo=UTC)
    book = request.services.part(AnnouncementBook)
    entry = book.set(request.path("slot"), body.prompts, until.timestamp(), body.called, request.who.actor)
    return _announcement(entry, now)


async def put_announcement_audio(request: Request) -> dict[str, str]:
    if request.http.content_type.partition("/")[0] != "audio":
        raise BadRequest("expected a body of a type audio/…", status=415)
    audio = await octets_of(request.http, MOST_SOUND)
    book = request.services.part(AnnouncementBook)
    name = await book.record(request.path("slot"), request.path("language"), audio, request.who.actor)
    return {"prompt": name, "language": request.path("language")}


async def delete_pin(request: Request) -> None:
    await request.services.part(PinBook).reset(request.path("id"), request.who.actor)


async def delete_announcement(request: Request) -> web.StreamResponse | None:
    request.services.part(AnnouncementBook).remove(request.path("slot"), request.who.actor)
    return None


ROUTES = (
    Route(method="GET", path="/flows", handler=list_flows, permission=Permission.CONFIG_READ, reply=FlowItems,
          summary="All flows with their published version"),
    Route(method="POST", path="/flows/check", handler=check_flow, permission=Permission.FLOW, raw_body="application/json",
          reply=FlowCheck, summary="Errors and warnings about a tree (JSON or YAML)"),
    Route(method="GET", path="/flows/verbs", handler=describe_verbs, permission=Permission.CONFIG_READ,
          summary="The verbs and their fields, and those that are refused"),
    Route(method="GET", path="/flows/{name}", handler=get_flow, permission=Permission.CONFIG_READ, reply=FlowDetail,
          summary="One flow: versions, and the tree of the draft or of the published one"),
    Route(method="GET", path="/flows/{name}/versions/{version}", handler=get_version, permission=Permission.CONFIG_READ,
          reply=FlowTree, summary="One version with its tree"),
    Route(method="POST", path="/flows/{name}/versions", handler=save_version, permission=Permission.FLOW, query=NoteQuery,
          raw_body="application/json", reply=FlowSaved, status=201, summary="Save a version (JSON or YAML) as a draft"),
    Route(method="POST", path="/flows/{name}/publish", handler=publish, permission=Permission.FLOW, body=Publication,
          reply=FlowVersion, summary="New calls get this version; an older one rolls back"),
    Route(method="POST", path="/flows/{name}/try", handler=try_flow, permission=Permission.FLOW, body=TrialOrder,
          reply=FlowTrial, summary="Walk through it with a simulated caller"),
    Route(method="GET", path="/flows/{name}/statistics", handler=get_statistics, permission=Permission.REPORT, query=Span,
          reply=FlowFigures, summary="Visits, results, drop-off and time per node"),
    Route(method="GET", path="/announcements", handler=list_announcements, permission=Permission.BOARD,
          reply=AnnouncementItems, summary="Emergency announcements and who heard them"),
    Route(method="PUT", path="/announcements/{slot}", handler=put_announcement, permission=Permission.QUEUE,
          body=AnnouncementOrder, reply=AnnouncementItem, summary="Put one on the air, with its end"),
    Route(method="PUT", path="/announcements/{slot}/audio/{language}", handler=put_announcement_audio,
          permission=Permission.QUEUE, raw_body="audio/*", summary="Its sound in a language: the prompt announcement-SLOT"),
    Route(method="DELETE", path="/customers/{id}/pin", handler=delete_pin, permission=Permission.CUSTOMER_DELETE, status=204,
          summary="Forget a customer's PIN and its lock"),
    Route(method="DELETE", path="/announcements/{slot}", handler=delete_announcement, permission=Permission.QUEUE, status=204,
          summary="Take it off the air"),
)  # fmt: skip
