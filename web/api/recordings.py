"""Recordings: list, one, its sound, legal hold and retention, removal by right, and what the nightly check found.

Restricted files (what a supervisor whispered) need a permission of their own. Every hearing is written down, every removal
before it happens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import Field, field_validator, model_validator

from softswitch.access.rights import Permission
from softswitch.model.errors import NotFound
from softswitch.model.events import rfc3339
from softswitch.model.states import RecordingStatus
from softswitch.recordings.archive import Archive
from softswitch.recordings.questions import Found, RecordingFilter
from web import shapes
from web.routing import Model, Request, Route
from web.sound import respond

_PLAYABLE = frozenset({RecordingStatus.COMPLETE, RecordingStatus.DEGRADED, RecordingStatus.RECOVERED})


class RecordingQuery(Model):
    """`from` and `to` bound the begin of the recording; `number` matches caller or called."""

    since: datetime | None = Field(None, alias="from")
    until: datetime | None = Field(None, alias="to")
    agent: str = Field("", max_length=128)
    queue: str = Field("", max_length=128)
    number: str = Field("", max_length=128)
    call: str = Field("", max_length=64)
    status: RecordingStatus | None = None
    restricted: bool | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=256)

    @field_validator("since", "until")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class AudioQuery(Model):
    peaks: bool = False
    download: bool = False


class Retention(Model):
    """What is not given stays. `keep_until` null: for ever."""

    keep_until: datetime | None = None
    legal_hold: bool | None = None
    reason: str = Field("", max_length=500)

    @model_validator(mode="after")
    def says_something(self) -> Retention:
        if not {"keep_until", "legal_hold"} & self.model_fields_set:
            raise ValueError("expected keep_until or legal_hold")
        if self.keep_until is not None and self.keep_until.tzinfo is None:
            raise ValueError("keep_until: expected a time with its zone")
        return self


class Removal(Model):
    reason: str = Field(min_length=1, max_length=500)


class RecordingItem(shapes.Recording):
    call: str
    started: str
    expires: str | None
    legal_hold: bool
    playable: bool
    agent: str | None
    queue: str | None
    caller: str | None
    called: str | None
    direction: str | None


class RecordingItems(shapes.Shape):
    items: list[RecordingItem]
    next: str | None


class CheckReport(shapes.Shape):
    """`disk.days` null: it does not fill up at the present pace."""

    checked: str | None
    files: int
    hashed: int
    faults: dict[str, str]
    disk: dict[str, float | None] | None


def _item(found: Found) -> RecordingItem:
    row = found.row
    return RecordingItem(
        **shapes.recording(row).model_dump(), call=row.call, started=rfc3339(row.started_at),
        expires=shapes.time(row.expires_at), legal_hold=found.legal_hold, playable=row.status in _PLAYABLE,
        agent=found.agent or None, queue=found.queue or None, caller=found.caller or None, called=found.called or None,
        direction=found.direction or None,
    )  # fmt: skip


async def _visible(request: Request) -> Found:
    """Raises NotFound for what does not exist and for what the asker may not know of."""
    found = await request.services.part(Archive).one(request.path("id"))
    allowed = request.scope.may_see_call(found.agent, found.queue) or not (found.agent or found.queue)
    if not allowed or (found.row.restricted and not request.may(Permission.RECORD_RESTRICTED)):
        raise NotFound(f"there is no recording {found.row.id}")
    return found


async def list_recordings(request: Request) -> RecordingItems:
    query = request.query(RecordingQuery)
    restricted = query.restricted if request.may(Permission.RECORD_RESTRICTED) else False
    wanted = RecordingFilter(
        since=query.since.timestamp() if query.since else None, until=query.until.timestamp() if query.until else None,
        agent=query.agent, queue=query.queue, number=query.number, call=query.call,
        status=query.status.value if query.status else "", restricted=restricted, scope=request.scope,
    )  # fmt: skip
    page = await request.services.part(Archive).page(wanted, limit=query.limit, cursor=query.cursor)
    return RecordingItems(items=[_item(found) for found in page.items], next=page.next)


async def get_recording(request: Request) -> RecordingItem:
    return _item(await _visible(request))


async def get_audio(request: Request) -> web.StreamResponse | dict[str, Any]:
    query, found = request.query(AudioQuery), await _visible(request)
    row = found.row
    if row.status not in _PLAYABLE:
        raise NotFound("this recording cannot be heard" if row.status == RecordingStatus.FAILED else "it is still being made")
    keeper = request.services.part(Archive).keeper
    if query.peaks:
        return {"duration_ms": row.duration_ms, "channels": await keeper.peaks(row.file)}
    sound = await keeper.sound(row.file)
    keeper.accessed(row.id, row.call, "download" if query.download else "play", request.who.actor)
    return await respond(request.http, sound, row.id, download=query.download)


async def set_retention(request: Request) -> RecordingItem:
    body, archive, identity = request.body(Retention), request.services.part(Archive), request.path("id")
    actor = request.who.actor
    if body.legal_hold is not None:
        await archive.set_hold(identity, on=body.legal_hold, reason=body.reason, actor=actor)
    if "keep_until" in body.model_fields_set:
        until = body.keep_until.timestamp() if body.keep_until is not None else None
        await archive.keep_until(identity, until, actor=actor)
    return _item(await archive.one(identity))


async def remove(request: Request) -> None:
    reason = request.query(Removal).reason
    await request.services.part(Archive).remove(request.path("id"), reason=reason, actor=request.who.actor)


async def get_check(request: Request) -> CheckReport:
    watch = request.services.part(Archive).watch
    report, disk = await watch.last(), watch.forecast
    space = {"free_bytes": disk.free, "bytes_per_day": disk.per_day, "days": disk.days} if disk else None
    if report is None:
        return CheckReport(checked=None, files=0, hashed=0, faults={}, disk=space)
    return CheckReport(checked=rfc3339(report.at), files=report.files, hashed=report.hashed, faults=report.faults, disk=space)


async def run_check(request: Request) -> CheckReport:
    await request.services.part(Archive).watch.check()
    return await get_check(request)


ROUTES = (
    Route(method="GET", path="/recordings", handler=list_recordings, permission=Permission.RECORD_HEAR, query=RecordingQuery,
          reply=RecordingItems, summary="Recordings, newest first"),
    Route(method="GET", path="/recordings/check", handler=get_check, permission=Permission.STATUS, reply=CheckReport,
          summary="What the last look at every file found, and how long the disk lasts"),
    Route(method="POST", path="/recordings/check", handler=run_check, permission=Permission.STATUS, reply=CheckReport,
          summary="Look at every file now"),
    Route(method="GET", path="/recordings/{id}", handler=get_recording, permission=Permission.RECORD_HEAR, reply=RecordingItem,
          summary="One recording"),
    Route(method="GET", path="/recordings/{id}/audio", handler=get_audio, permission=Permission.RECORD_HEAR, query=AudioQuery,
          reply_type="audio/wav", summary="Its sound, or its peaks; each hearing is written down"),
    Route(method="PUT", path="/recordings/{id}", handler=set_retention, permission=Permission.RECORD_DELETE, body=Retention,
          reply=RecordingItem, summary="Legal hold, and how long it is kept"),
    Route(method="DELETE", path="/recordings/{id}", handler=remove, permission=Permission.RECORD_DELETE, query=Removal,
          status=204, summary="Remove it for good, with a reason"),
)  # fmt: skip
