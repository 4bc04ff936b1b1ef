"""Who did what: the audit trail, and whether it is as it was written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field, field_validator

from softswitch.access.audit import Audit, AuditFilter, Entry
from softswitch.access.rights import Permission
from softswitch.model.events import to_dict
from web import shapes
from web.routing import Model, Request, Route


class AuditQuery(Model):
    """`object` is `kind:name`, or `kind:` for all of a kind."""

    since: datetime | None = Field(None, alias="from")
    until: datetime | None = Field(None, alias="to")
    actor: str = Field("", max_length=128)
    object: str = Field("", max_length=256)
    type: str = Field("", max_length=64)
    limit: int = Field(50, ge=1, le=200)
    cursor: int = Field(0, ge=0, le=1 << 53)

    @field_validator("since", "until")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class AuditItem(shapes.Shape):
    number: int
    at: str | None
    type: str
    actor: str
    object: str
    detail: dict[str, Any]
    hash: str


class AuditList(shapes.Shape):
    items: list[AuditItem]
    next: int | None = None


class AuditVerdict(shapes.Shape):
    ok: bool
    checked: int
    head: str
    number: int | None
    why: str


def _item(entry: Entry) -> AuditItem:
    detail = {key: value for key, value in to_dict(entry.event).items() if key not in ("type", "at", "actor")}
    return AuditItem(number=entry.number, at=shapes.time(entry.event.at), type=entry.event.type, actor=entry.actor,
                     object=entry.object, detail=detail, hash=entry.hash)  # fmt: skip


async def list_audit(request: Request) -> AuditList:
    query = request.query(AuditQuery)
    wanted = AuditFilter(
        since=query.since.timestamp() if query.since else None, until=query.until.timestamp() if query.until else None,
        actor=query.actor, object=query.object, type=query.type,
    )  # fmt: skip
    entries, following = await request.services.part(Audit).page(wanted, limit=query.limit, before=query.cursor)
    return AuditList(items=[_item(entry) for entry in entries], next=following or None)


async def verify_audit(request: Request) -> AuditVerdict:
    verdict = await request.services.part(Audit).verify()
    return AuditVerdict(ok=verdict.ok, checked=verdict.checked, head=str(verdict.head), number=verdict.number or None,
                        why=verdict.why)  # fmt: skip


ROUTES = (
    Route(method="GET", path="/audit", handler=list_audit, permission=Permission.AUDIT, query=AuditQuery, reply=AuditList,
          summary="Who did what, newest first"),
    Route(method="GET", path="/audit/verify", handler=verify_audit, permission=Permission.AUDIT, reply=AuditVerdict,
          summary="Whether the trail is as it was written"),
)  # fmt: skip
