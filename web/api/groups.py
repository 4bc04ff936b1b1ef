"""Ring groups, live: their members and what they are doing. They are made and changed as `/config/ring_group`."""

from __future__ import annotations

from dataclasses import asdict

from softswitch.access.rights import Permission
from softswitch.groups.service import GroupView, RingGroups
from softswitch.model.errors import NotFound
from web import shapes
from web.routing import Request, Route


class GroupMemberShape(shapes.Shape):
    """`state`: free, busy, dnd, offline, outside."""

    to: str
    name: str
    state: str


class RingGroupShape(shapes.Shape):
    """`ringing` callers now; `calls` and `answered` since the switch was started."""

    name: str
    title: str
    number: str
    strategy: str
    ringing: int
    calls: int
    answered: int
    members: list[GroupMemberShape]


class RingGroupList(shapes.Shape):
    items: list[RingGroupShape]


def _shape(view: GroupView) -> RingGroupShape:
    return RingGroupShape(**asdict(view))


async def list_groups(request: Request) -> RingGroupList:
    return RingGroupList(items=[_shape(view) for view in request.services.part(RingGroups).views()])


async def get_group(request: Request) -> RingGroupShape:
    name = request.path("group")
    try:
        return _shape(request.services.part(RingGroups).view(name))
    except KeyError:
        raise NotFound(f"there is no ring group {name}") from None


ROUTES = (
    Route(method="GET", path="/ring_groups", handler=list_groups, permission=Permission.BOARD, reply=RingGroupList,
          summary="Ring groups with their members, live"),
    Route(method="GET", path="/ring_groups/{group}", handler=get_group, permission=Permission.BOARD, reply=RingGroupShape,
          summary="One ring group, live"),
)  # fmt: skip
