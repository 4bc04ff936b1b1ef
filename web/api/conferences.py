"""Conference rooms: who is in them, and what a moderator does from a page: invite, mute, remove, lock, record, end."""

from __future__ import annotations

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.features.conference import Conferences, MemberView, RoomView
from web import shapes
from web.routing import Model, Request, Route


class Invitation(Model):
    to: str = Field(min_length=1, max_length=128, description="a number as dialled, a login, or a destination")


class RoomChange(Model):
    """What is left out stays. `muted`: all who do not lead."""

    locked: bool | None = None
    muted: bool | None = None
    recording: bool | None = None


class MemberChange(Model):
    muted: bool


class RoomMember(shapes.Shape):
    """`role`: moderator, member. `state`: inside, waiting (for a moderator), ringing (was invited; `id` is the call's)."""

    id: str
    name: str
    caller_name: str
    call: str
    role: str
    state: str
    since: str | None
    muted: bool
    talking: bool


class Room(shapes.Shape):
    """`declared` false: made by whoever called `conference:NAME` first, gone with the last."""

    name: str
    title: str
    number: str
    declared: bool
    max_members: int
    locked: bool
    recording: bool
    members: list[RoomMember]


class RoomList(shapes.Shape):
    items: list[Room]
    next: str | None = None


def room(view: RoomView) -> Room:
    return Room(
        name=view.name, title=view.title, number=view.number, declared=view.declared, max_members=view.max_members,
        locked=view.locked, recording=view.recording, members=[_member(member) for member in view.members],
    )  # fmt: skip


def _member(view: MemberView) -> RoomMember:
    return RoomMember(
        id=view.id, name=view.name, caller_name=view.caller_name, call=view.call, role=view.role, state=view.state,
        since=shapes.time(view.since), muted=view.muted, talking=view.talking,
    )  # fmt: skip


def _rooms(request: Request) -> Conferences:
    return request.services.part(Conferences)


async def list_rooms(request: Request) -> RoomList:
    return RoomList(items=[room(view) for view in _rooms(request).views()])


async def get_room(request: Request) -> Room:
    return room(_rooms(request).view(request.path("room")))


async def change_room(request: Request) -> Room:
    name, body, rooms = request.path("room"), request.body(RoomChange), _rooms(request)
    if body.locked is not None:
        rooms.lock(name, locked=body.locked)
    if body.muted is not None:
        rooms.mute(name, muted=body.muted)
    if body.recording is not None:
        rooms.record(name, request.who.actor, on=body.recording)
    return room(rooms.view(name))


async def end_room(request: Request) -> None:
    _rooms(request).end(request.path("room"))


async def invite(request: Request) -> RoomMember:
    body = request.body(Invitation)
    return _member(_rooms(request).invite(request.path("room"), body.to, request.who.actor))


async def change_member(request: Request) -> Room:
    name, rooms = request.path("room"), _rooms(request)
    rooms.mute(name, muted=request.body(MemberChange).muted, member=request.path("member"))
    return room(rooms.view(name))


async def remove_member(request: Request) -> None:
    _rooms(request).remove(request.path("room"), request.path("member"))


ROUTES = (
    Route(method="GET", path="/conferences", handler=list_rooms, permission=Permission.BOARD, reply=RoomList,
          summary="Conference rooms and who is in them"),
    Route(method="GET", path="/conferences/{room}", handler=get_room, permission=Permission.BOARD, reply=Room,
          summary="One conference room"),
    Route(method="PATCH", path="/conferences/{room}", handler=change_room, permission=Permission.CALLS_END, body=RoomChange,
          reply=Room, summary="Lock or unlock a room, mute or unmute all members, start or end its recording"),
    Route(method="DELETE", path="/conferences/{room}", handler=end_room, permission=Permission.CALLS_END, status=204,
          summary="End a conference: the calls of all members end"),
    Route(method="POST", path="/conferences/{room}/members", handler=invite, permission=Permission.CALLS_PLACE, status=201,
          body=Invitation, reply=RoomMember, summary="Ring somebody into a room: an extension, an agent or an outside number"),
    Route(method="PATCH", path="/conferences/{room}/members/{member}", handler=change_member,
          permission=Permission.CALLS_END, body=MemberChange, reply=Room, summary="Mute or unmute a member of a room"),
    Route(method="DELETE", path="/conferences/{room}/members/{member}", handler=remove_member,
          permission=Permission.CALLS_END, status=204, summary="Remove a member from a room: its call ends"),
)  # fmt: skip
