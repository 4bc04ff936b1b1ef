"""Calls: list, one with its timeline, its recording, originate, hang up. Agents see their own calls only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from aiohttp import web
from pydantic import Field, ValidationError, field_validator

from softswitch.access.filters import within
from softswitch.access.rights import Permission
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Forbidden, Invalid, NotFound, Refusal
from softswitch.model.events import to_dict
from softswitch.model.states import Role
from softswitch.services import CallView
from softswitch.store import calls as store_calls
from softswitch.store import recordings as store_recordings
from softswitch.store.rows import RecordingRow
from softswitch.store.tables import cdr
from web import shapes
from web.api.said import said_of
from web.routing import EVERYBODY, LEADERS, Model, Request, Route
from web.sound import respond

_LIVE_STATES = frozenset({"ringing", "ivr", "waiting", "talking", "held"})
MOST_REASON = 500
_SOURCE = re.compile(r"(agent|extension):.+")


class CallQuery(Model):
    """`from` and `to` bound the begin of the call; `number` matches caller or called.

    `by` visit, contact or seizure: times, queue, agent, trunk, direction and result are those of a stay in a queue, an agent's
    contact or a trunk's seizure of ended calls, as reports count them.
    """

    since: datetime | None = Field(None, alias="from")
    until: datetime | None = Field(None, alias="to")
    number: str = Field("", max_length=128)
    queue: str = Field("", max_length=128)
    agent: str = Field("", max_length=128)
    state: str = Field("", description="live, ended, or one live state")
    result: str = Field("", max_length=32)
    trunk: str = Field("", max_length=128)
    direction: Literal["", "in", "out", "internal"] = ""
    by: store_calls.By = "call"
    channel: int = Field(0, ge=0, description="of a seizure")
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=256)

    @field_validator("state")
    @classmethod
    def known_state(cls, value: str) -> str:
        if value and value not in _LIVE_STATES | {"live", "ended"}:
            raise ValueError(f"expected live, ended or one of {' '.join(sorted(_LIVE_STATES))}")
        return value

    @field_validator("since", "until")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class RecordingQuery(Model):
    peaks: bool = False
    id: str = Field("", max_length=64)
    download: bool = False


class Release(Model):
    reason: str = Field("", max_length=MOST_REASON)


class Originate(Model):
    source: str = Field(alias="from", description="agent:LOGIN or extension:N, called first")
    to: str = Field(description="a destination, called when the first party has answered")

    @field_validator("source")
    @classmethod
    def known_source(cls, value: str) -> str:
        if not _SOURCE.fullmatch(value):
            raise ValueError('expected "agent:LOGIN" or "extension:N"')
        return value


def _names(request: Request) -> dict[str, str]:
    return {login: agent.name for login, agent in request.services.directory.current().agents.items()}


def _takes_part(request: Request, view: CallView) -> bool:
    return request.who.login in view.agents


def _may_see(request: Request, agent: str, queue: str = "") -> bool:
    if request.who.role is Role.AGENT:
        return agent == request.who.login
    return request.scope.may_see_call(agent, queue)


async def list_calls(request: Request) -> shapes.CallList:
    query = request.query(CallQuery)
    if request.who.role is Role.AGENT and query.agent not in ("", request.who.login):
        raise Forbidden("an agent sees only the own calls", Refusal.OWN_ONLY)
    live = [] if query.state == "ended" or query.cursor or query.by != "call" else _live_calls(request, query)
    if query.state in _LIVE_STATES | {"live"}:
        return shapes.CallList(items=live[: query.limit], next=None)
    wanted = store_calls.CallFilter(
        since=query.since.timestamp() if query.since else None,
        until=query.until.timestamp() if query.until else None,
        number=query.number,
        queue=query.queue,
        agent=request.who.login if request.who.role is Role.AGENT else query.agent,
        result=query.result,
        trunk=query.trunk,
        direction=query.direction,
        by=query.by,
        channel=query.channel,
        where=(within(request.scope, cdr.c.agent, cdr.c.queue),),
    )
    store = request.services.store
    page = await store.read(lambda db: store_calls.page_of_calls(db, wanted, limit=query.limit, cursor=query.cursor or None))
    rows = await store.read(lambda db: store_recordings.recordings_of(db, [row.id for row in page.items]))
    names = _names(request)
    ended = [shapes.ended_call(row, names, rows.get(row.id, [])) for row in page.items]
    return shapes.CallList(items=[*live, *ended], next=page.next)


def _live_calls(request: Request, query: CallQuery) -> list[shapes.Call]:
    names, now = _names(request), request.services.clock.utc()
    views = [
        view
        for view in request.services.calls.live()
        if (_takes_part(request, view) or _may_see(request, view.agent, view.queue)) and _matches(view, query)
    ]
    return [shapes.live_call(view, names, now) for view in sorted(views, key=lambda view: -view.created_at)]


def _matches(view: CallView, query: CallQuery) -> bool:
    return not (
        (query.state not in ("", "live") and view.state != query.state)
        or query.result
        or (query.direction and query.direction != view.direction)
        or (query.since and view.created_at < query.since.timestamp())
        or (query.until and view.created_at >= query.until.timestamp())
        or (query.number and query.number not in (view.caller, view.called))
        or any(getattr(query, name) and getattr(query, name) != getattr(view, name) for name in ("queue", "agent", "trunk"))
    )


async def get_call(request: Request) -> shapes.CallDetail:
    identity, store = request.path("id"), request.services.store
    names = _names(request)
    row = await store.read(lambda db: store_calls.call_record(db, identity))
    timeline = [to_dict(event) for event in await store.read(lambda db: store_calls.timeline_of(db, identity))]
    if row is not None and _may_see(request, row.agent, row.queue):
        rows = await _recordings(request, identity)
        said = await said_of(request, identity)
        return shapes.call_detail(row, names, rows, timeline).model_copy(update=said)
    view = request.services.calls.view(identity)
    if view is None or row is not None or not (_takes_part(request, view) or _may_see(request, view.agent, view.queue)):
        raise NotFound(f"there is no call {identity}")
    live = shapes.live_call(view, names, request.services.clock.utc())
    said = await said_of(request, identity)
    return shapes.CallDetail(**live.model_dump(), timeline=timeline, recordings=[]).model_copy(update=said)


async def _recordings(request: Request, call: str) -> list[RecordingRow]:
    """The recordings of a call that this role may hear: restricted ones are for leaders."""
    rows: dict[str, list[RecordingRow]] = await request.services.store.read(
        lambda db: store_recordings.recordings_of(db, [call])
    )
    found = rows.get(call, [])
    return found if request.who.role in LEADERS else [row for row in found if not row.restricted]


async def get_recording(request: Request) -> web.StreamResponse | dict[str, object]:
    query, identity = request.query(RecordingQuery), request.path("id")
    record = await request.services.store.read(lambda db: store_calls.call_record(db, identity))
    if record is None or not _may_see(request, record.agent, record.queue):
        raise NotFound(f"there is no ended call {identity}")
    rows = await _recordings(request, identity)
    row = next((row for row in rows if (row.id == query.id if query.id else not row.restricted)), None)
    if row is None or row.status in ("recording", "failed"):
        raise NotFound("this call has no recording that can be heard")
    keeper = request.services.recordings
    if query.peaks:
        return {"duration_ms": row.duration_ms, "channels": await keeper.peaks(row.file)}
    sound = await keeper.sound(row.file)
    keeper.accessed(row.id, identity, "download" if query.download else "play", request.who.actor)
    return await respond(request.http, sound, row.id, download=query.download)


async def originate(request: Request) -> shapes.Created:
    body = request.body(Originate)
    try:
        to = Destination.parse(body.to)
    except ValueError as error:
        raise Invalid("to", str(error)) from error
    if to.kind is DestinationKind.HANGUP:
        raise Invalid("to", "a call that only hangs up is none")
    directory = request.services.directory.current()
    if not directory.has(to):
        raise Invalid("to", f"there is no {to}")
    if to.kind is DestinationKind.OUTSIDE and directory.route_for(to.name) is None:
        raise Invalid("to", f"no route leads to {to.name}")
    return shapes.Created(id=await request.services.calls.originate(body.source, to, request.who.actor))


async def hang_up(request: Request) -> None:
    """People say why (in the body or as `?reason=`); programs may."""
    reason = await _reason(request.http)
    if not reason and not request.who.principal.program:
        raise Invalid("reason", "a forced release needs its reason")
    await request.services.calls.hang_up(request.path("id"), request.who.actor, reason)


async def _reason(http: web.Request) -> str:
    if http.can_read_body and http.content_type == "application/json":
        try:
            return Release.model_validate_json(await http.read()).reason
        except ValidationError as error:
            raise Invalid("reason", f"expected a text of at most {MOST_REASON} signs") from error
    return http.query.get("reason", "")[:MOST_REASON]


ROUTES = (
    Route(method="GET", path="/calls", handler=list_calls, roles=EVERYBODY, query=CallQuery, reply=shapes.CallList,
          summary="Live calls first, then ended ones, newest first"),
    Route(method="POST", path="/calls", handler=originate, roles=LEADERS, body=Originate, reply=shapes.Created, status=202,
          summary="Call one party, then the other"),
    Route(method="GET", path="/calls/{id}", handler=get_call, roles=EVERYBODY, reply=shapes.CallDetail,
          summary="One call: its record and its timeline"),
    Route(method="DELETE", path="/calls/{id}", handler=hang_up, permission=Permission.CALLS_END, status=204,
          summary="Forced release of a live call; people give their reason"),
    Route(method="GET", path="/calls/{id}/recording", handler=get_recording, roles=EVERYBODY, query=RecordingQuery,
          reply_type="audio/wav", summary="The stereo recording, or its peaks"),
)  # fmt: skip
