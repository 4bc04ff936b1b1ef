"""What people have set for their extension: forwarding, do not disturb, call waiting, short numbers."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.features.malicious import MaliciousCalls
from softswitch.features.personal import PersonalServices, as_values
from softswitch.model.errors import Forbidden, Invalid, NotFound, Refusal, Unreachable
from softswitch.model.states import Role
from web import shapes
from web.routing import STAFF, Model, Request, Route

_USERS = (STAFF | {Role.API}) - {Role.QUALITY}


class ServicesChange(Model):
    """What is left out stays as it is."""

    forward_always: str | None = Field(None, max_length=128)
    forward_busy: str | None = Field(None, max_length=128)
    forward_no_answer: str | None = Field(None, max_length=128)
    forward_unreachable: str | None = Field(None, max_length=128)
    no_answer_after: int | None = Field(None, ge=5, le=60)
    dnd: bool | None = None
    call_waiting: bool | None = None
    max_calls: int | None = Field(None, ge=0, le=100)
    reject_anonymous: bool | None = None
    hotline: str | None = Field(None, max_length=128)
    short: dict[str, str] | None = Field(None, max_length=100)


class ServicesShape(shapes.Shape):
    extension: str
    forward_always: str
    forward_busy: str
    forward_no_answer: str
    forward_unreachable: str
    no_answer_after: int
    dnd: bool
    call_waiting: bool
    max_calls: int
    reject_anonymous: bool
    hotline: str
    short: dict[str, str]
    locked: bool


def _extension(request: Request) -> str:
    """The extension of the path. Raises NotFound; Forbidden for somebody else's without the right to change settings."""
    number = request.path("number")
    snapshot = request.services.directory.current()
    if number not in snapshot.extensions:
        raise NotFound(f"there is no extension {number}")
    own = snapshot.agents.get(request.who.actor)
    is_own = own is not None and own.extension == number
    if not is_own and not request.may(Permission.CONFIG) and not request.may(Permission.FORCE):
        raise Forbidden("this is somebody else's extension", Refusal.OWN_ONLY)
    return number


def _shape(request: Request, number: str) -> ServicesShape:
    values = as_values(request.services.part(PersonalServices).of(number))
    return ServicesShape(extension=number, **values)


async def get_services(request: Request) -> ServicesShape:
    return _shape(request, _extension(request))


async def change_services(request: Request) -> ServicesShape:
    number = _extension(request)
    values = {name: value for name, value in request.body(ServicesChange).model_dump().items() if value is not None}
    try:
        request.services.part(PersonalServices).change(number, request.who.actor, values)
    except Unreachable as fault:
        raise Invalid("to", fault.cause.sentence) from fault
    return _shape(request, number)


class EvidenceShape(shapes.Shape):
    call: str
    extension: str
    at: str | None
    number: str
    withheld: bool
    shown_name: str
    called: str
    trunk: str
    sip_call_id: str
    session_id: str
    began_at: str | None
    recordings: list[str]


class EvidenceList(shapes.Shape):
    items: list[EvidenceShape]


async def list_malicious(request: Request) -> EvidenceList:
    found = await request.services.part(MaliciousCalls).reports()
    return EvidenceList(
        items=[
            EvidenceShape(
                **{**asdict(each), "at": shapes.time(each.at), "began_at": shapes.time(each.began_at),
                   "recordings": list(each.recordings)}
            )
            for each in found
        ]
    )  # fmt: skip


ROUTES = (
    Route(method="GET", path="/malicious-calls", handler=list_malicious, permission=Permission.TRACE, reply=EvidenceList,
          summary="Calls that were reported as malicious, with the number even where it is withheld"),
    Route(method="GET", path="/extensions/{number}/services", handler=get_services, roles=_USERS, reply=ServicesShape,
          summary="Forwarding, do not disturb, call waiting and short numbers of an extension"),
    Route(method="PATCH", path="/extensions/{number}/services", handler=change_services, roles=_USERS, body=ServicesChange,
          reply=ServicesShape, summary="Set services of an extension; what is left out stays"),
)  # fmt: skip
