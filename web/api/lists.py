"""Black, white and VIP lists."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from softswitch.access.rights import Permission
from softswitch.lists.model import Action, Direction, Entry, ListKind
from softswitch.lists.service import Lists
from softswitch.model.events import rfc3339
from web import shapes
from web.routing import Model, Request, Route


class EntryQuery(Model):
    kind: Literal["", "black", "white", "vip"] = ""


class EntryChange(Model):
    """What is not given stays; `expires` null: never. `approved` is for those who may approve."""

    pattern: str | None = Field(None, min_length=1, max_length=64)
    direction: Direction | None = None
    action: Action | None = None
    announcement: str | None = Field(None, max_length=128)
    importance: int | None = Field(None, ge=0, le=100)
    queue: str | None = Field(None, max_length=128)
    expires: datetime | None = None
    reason: str | None = Field(None, max_length=500)
    approved: bool | None = None

    @field_validator("expires")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("expected a time with its zone")
        return value

    def values(self) -> dict[str, object]:
        given = self.model_dump(exclude_unset=True, exclude={"expires", "kind"})
        found: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        if "expires" in self.model_fields_set:
            found["expires"] = self.expires.timestamp() if self.expires is not None else 0.0
        return found


class EntryDraft(EntryChange):
    kind: ListKind
    pattern: str = Field(min_length=1, max_length=64)


class EntryShape(shapes.Shape):
    id: str
    kind: str
    pattern: str
    direction: str
    action: str
    announcement: str
    importance: int
    queue: str
    expires: str | None
    reason: str
    proposer: str
    approver: str
    approved: bool
    hits: int
    created: str


class EntryList(shapes.Shape):
    items: list[EntryShape]
    next: str | None = None


def shape(entry: Entry) -> EntryShape:
    return EntryShape(
        id=entry.id, kind=entry.kind, pattern=entry.pattern, direction=entry.direction, action=entry.action,
        announcement=entry.announcement, importance=entry.importance, queue=entry.queue,
        expires=shapes.time(entry.expires or None), reason=entry.reason, proposer=entry.proposer, approver=entry.approver,
        approved=entry.approved, hits=entry.hits, created=rfc3339(entry.created),
    )  # fmt: skip


async def list_entries(request: Request) -> EntryList:
    return EntryList(items=[shape(entry) for entry in request.services.part(Lists).entries(request.query(EntryQuery).kind)])


async def add(request: Request) -> EntryShape:
    draft, approves = request.body(EntryDraft), request.may(Permission.LIST_APPROVE)
    values = draft.values()
    approved = values.pop("approved", True)
    entry = await request.services.part(Lists).add(
        draft.kind, values, request.who.actor, approves=approves and approved is not False
    )
    return shape(entry)


async def change(request: Request) -> EntryShape:
    values = request.body(EntryChange).values()
    entry = await request.services.part(Lists).change(
        request.path("id"), values, request.who.actor, approves=request.may(Permission.LIST_APPROVE)
    )
    return shape(entry)


async def remove(request: Request) -> None:
    await request.services.part(Lists).remove(request.path("id"), request.who.actor)


ROUTES = (
    Route(method="GET", path="/lists", handler=list_entries, permission=Permission.LIST_PROPOSE, query=EntryQuery,
          reply=EntryList, summary="Entries of the black, white and VIP lists"),
    Route(method="POST", path="/lists", handler=add, permission=Permission.LIST_PROPOSE, body=EntryDraft, reply=EntryShape,
          status=201, summary="Add an entry, or propose one"),
    Route(method="PUT", path="/lists/{id}", handler=change, permission=Permission.LIST_PROPOSE, body=EntryChange,
          reply=EntryShape, summary="Change or approve an entry"),
    Route(method="DELETE", path="/lists/{id}", handler=remove, permission=Permission.LIST_APPROVE, status=204,
          summary="Remove an entry"),
)  # fmt: skip
