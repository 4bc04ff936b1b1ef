"""What people have set for their extension: forwarding, do not disturb, call waiting, short numbers."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.features.call_back import CallBacks
from softswitch.features.malicious import Evidence, MaliciousCalls
from softswitch.features.personal import PersonalServices, as_values
from softswitch.features.wake_up import WakeUp, WakeUps
from softswitch.model.errors import Forbidden, NotFound, Refusal
from softswitch.model.states import Role
from web import shapes
from web.routing import STAFF, Model, Request, Route

_USERS = (STAFF | {Role.API}) - {Role.QUALITY}


class ForwardRuleModel(Model):
    """Calls of `callers` (numbers, patterns, anonymous, list:vip; none: all) while `calendar` is open, or closed, go `to`."""

    to: str = Field(max_length=128)
    callers: list[str] = Field([], max_length=100)
    calendar: str = Field("", max_length=64)
    closed: bool = False


class ServicesChange(Model):
    """What is left out stays as it is."""

    forward_always: str | None = Field(None, max_length=128)
    forward_busy: str | None = Field(None, max_length=128)
    forward_no_answer: str | None = Field(None, max_length=128)
    forward_unreachable: str | None = Field(None, max_length=128)
    no_answer_after: int | None = Field(None, ge=5, le=60)
    forward_rules: list[ForwardRuleModel] | None = Field(None, max_length=20)
    rules_on: bool | None = None
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
    forward_rules: list[ForwardRuleModel]
    rules_on: bool
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
    request.services.part(PersonalServices).change(number, request.who.actor, values)
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


class EvidenceReported(shapes.Shape):
    """The number stays with who may read reports."""

    call: str
    extension: str
    at: str | None


class WakeUpChange(Model):
    """`wanted` is HHMM, `days` weekdays ("0" is Monday), "" for once."""

    wanted: str = Field(pattern="^[0-9]{4}$")
    days: str = Field("", pattern="^[0-6]{0,7}$")


class WakeUpShape(shapes.Shape):
    """`wanted` "" and `at` null: none."""

    extension: str
    wanted: str
    days: str
    at: str | None
    tries: int


class WakeUpList(shapes.Shape):
    items: list[WakeUpShape]


class CallBackShape(shapes.Shape):
    target: str
    until: str | None


class CallBackList(shapes.Shape):
    items: list[CallBackShape]


class EvidenceList(shapes.Shape):
    items: list[EvidenceShape]


async def list_malicious(request: Request) -> EvidenceList:
    found = await request.services.part(MaliciousCalls).reports()
    return EvidenceList(items=[_evidence(each) for each in found])


def _evidence(each: Evidence) -> EvidenceShape:
    return EvidenceShape(
        **{**asdict(each), "at": shapes.time(each.at), "began_at": shapes.time(each.began_at),
           "recordings": list(each.recordings)}
    )  # fmt: skip


async def report_malicious(request: Request) -> EvidenceReported:
    evidence = request.services.part(MaliciousCalls).report(_extension(request))
    return EvidenceReported(call=evidence.call, extension=evidence.extension, at=shapes.time(evidence.at))


def _wake_up(extension: str, wake_up: WakeUp | None) -> WakeUpShape:
    if wake_up is None:
        return WakeUpShape(extension=extension, wanted="", days="", at=None, tries=0)
    return WakeUpShape(
        extension=extension, wanted=wake_up.wanted, days=wake_up.days, at=shapes.time(wake_up.at), tries=wake_up.tries
    )  # fmt: skip


async def get_wake_up(request: Request) -> WakeUpShape:
    number = _extension(request)
    return _wake_up(number, request.services.part(WakeUps).of(number))


async def set_wake_up(request: Request) -> WakeUpShape:
    number, wanted = _extension(request), request.body(WakeUpChange)
    return _wake_up(number, request.services.part(WakeUps).set(number, wanted.wanted, wanted.days))


async def clear_wake_up(request: Request) -> None:
    request.services.part(WakeUps).clear(_extension(request))


async def list_wake_ups(request: Request) -> WakeUpList:
    return WakeUpList(items=[_wake_up(number, each) for number, each in request.services.part(WakeUps).all()])


async def list_call_backs(request: Request) -> CallBackList:
    wishes = request.services.part(CallBacks).of(_extension(request))
    return CallBackList(items=[CallBackShape(target=wish.target, until=shapes.time(wish.until)) for wish in wishes])


async def ask_call_back(request: Request) -> CallBackShape:
    wish = request.services.part(CallBacks).ask(_extension(request), request.path("target"))
    return CallBackShape(target=wish.target, until=shapes.time(wish.until))


async def clear_call_back(request: Request) -> None:
    request.services.part(CallBacks).clear(_extension(request), request.path("target"))


ROUTES = (
    Route(method="GET", path="/malicious-calls", handler=list_malicious, permission=Permission.TRACE, reply=EvidenceList,
          summary="Calls that were reported as malicious, with the number even where it is withheld"),
    Route(method="POST", path="/extensions/{number}/malicious-calls", handler=report_malicious, roles=_USERS, status=201,
          reply=EvidenceReported, summary="Report the call that an extension has, or had until a minute ago"),
    Route(method="GET", path="/wake-ups", handler=list_wake_ups, permission=Permission.BOARD, reply=WakeUpList,
          summary="All wake-up calls, the next one first"),
    Route(method="GET", path="/extensions/{number}/wake-up", handler=get_wake_up, roles=_USERS, reply=WakeUpShape,
          summary="The wake-up call of an extension"),
    Route(method="PUT", path="/extensions/{number}/wake-up", handler=set_wake_up, roles=_USERS, body=WakeUpChange,
          reply=WakeUpShape, summary="Set the wake-up call of an extension"),
    Route(method="DELETE", path="/extensions/{number}/wake-up", handler=clear_wake_up, roles=_USERS, status=204,
          summary="No wake-up call"),
    Route(method="GET", path="/extensions/{number}/call-backs", handler=list_call_backs, roles=_USERS, reply=CallBackList,
          summary="Extensions that are called back when they are free"),
    Route(method="PUT", path="/extensions/{number}/call-backs/{target}", handler=ask_call_back, roles=_USERS,
          reply=CallBackShape, summary="Connect with an extension once both are free"),
    Route(method="DELETE", path="/extensions/{number}/call-backs/{target}", handler=clear_call_back, roles=_USERS, status=204,
          summary="Call this extension back no more"),
    Route(method="GET", path="/extensions/{number}/services", handler=get_services, roles=_USERS, reply=ServicesShape,
          summary="Forwarding, do not disturb, call waiting and short numbers of an extension"),
    Route(method="PATCH", path="/extensions/{number}/services", handler=change_services, roles=_USERS, body=ServicesChange,
          reply=ServicesShape, summary="Set services of an extension; what is left out stays"),
)  # fmt: skip
