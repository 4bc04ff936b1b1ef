"""Alarms: active ones, history, acknowledging; the four-step reserve: what is proposed, calling up, coming, releasing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.alerting.catalogue import Said, entry_of
from softswitch.alerting.history import PastAlarm
from softswitch.alerting.roster import Reserve
from softswitch.alerting.service import Alerting
from softswitch.model.errors import NotFound
from softswitch.model.states import Role
from softswitch.observe.alarms import Alarm
from web import shapes
from web.routing import EVERYBODY, Model, Request, Route


class Text(shapes.Shape):
    zh: str
    en: str


class AlarmItem(shapes.Shape):
    """`cause` is the probable one, `guide` what to do."""

    id: str
    code: str
    level: str
    object: str
    text: str
    title: Text
    cause: Text
    guide: Text
    since: str | None
    cleared: str | None
    count: int
    flapping: bool
    acked_by: str
    acked: str | None
    note: str
    escalated_to: str


class AlarmList(shapes.Shape):
    items: list[AlarmItem]
    next: str | None = None


class AlarmQuery(Model):
    state: Literal["active", "all"] = "active"
    code: str = Field("", max_length=64)
    level: Literal["", "critical", "major", "minor", "warning"] = ""
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=256)


class Acknowledgement(Model):
    note: str = Field("", max_length=500)


class ReserveQueue(Model):
    step: int = Field(0, ge=0, le=4, description="0: the proposed one, else the next")


class PersonItem(shapes.Shape):
    login: str
    step: int
    state: str
    at: str | None


class ReserveItem(shapes.Shape):
    queue: str
    step: int
    exhausted: bool
    proposal: dict[str, str | int | None] | None
    wanted: int
    people: list[PersonItem]


class ReserveList(shapes.Shape):
    items: list[ReserveItem]
    next: str | None = None


def _said(said: Said) -> Text:
    return Text(zh=said.zh, en=said.en)


def _active(alarm: Alarm) -> AlarmItem:
    entry = entry_of(alarm.code)
    return AlarmItem(
        id=alarm.id, code=alarm.code, level=alarm.level, object=alarm.object, text=alarm.text, title=_said(entry.title),
        cause=_said(entry.cause), guide=_said(entry.guide), since=shapes.time(alarm.since), cleared=None, count=alarm.count,
        flapping=alarm.flapping, acked_by=alarm.acked_by, acked=shapes.time(alarm.acked_at or None), note=alarm.note,
        escalated_to="",
    )  # fmt: skip


def _past(alarm: PastAlarm) -> AlarmItem:
    entry = entry_of(alarm.code)
    return AlarmItem(
        id=alarm.id, code=alarm.code, level=alarm.level, object=alarm.object, text=alarm.text, title=_said(entry.title),
        cause=_said(entry.cause), guide=_said(entry.guide), since=shapes.time(alarm.raised_at),
        cleared=shapes.time(alarm.cleared_at), count=1, flapping=False, acked_by=alarm.acked_by,
        acked=shapes.time(alarm.acked_at or None), note=alarm.note, escalated_to=alarm.escalated_to,
    )  # fmt: skip


async def list_alarms(request: Request) -> AlarmList:
    query = request.query(AlarmQuery)
    if query.state == "active":
        found = [alarm for alarm in request.services.alarms.active() if query.code in ("", alarm.code)]
        return AlarmList(items=[_active(alarm) for alarm in found if query.level in ("", alarm.level)])
    alerting = request.services.part(Alerting)
    past = await alerting.past(limit=query.limit, cursor=query.cursor, code=query.code, level=query.level)
    return AlarmList(items=[_past(alarm) for alarm in past.items], next=past.next)


async def acknowledge(request: Request) -> AlarmItem:
    note = request.body(Acknowledgement).note
    return _active(request.services.alarms.acknowledge(request.path("alarm"), request.who.actor, note))


def _reserve(request: Request, queue: str) -> ReserveItem:
    here = request.services.part(Reserve).view(queue)
    proposal = here.proposal
    return ReserveItem(
        queue=queue, step=here.standing.step, exhausted=here.standing.exhausted, wanted=here.wanted,
        proposal={"step": proposal.step, "why": proposal.why, "at": shapes.time(proposal.at)} if proposal else None,
        people=[
            PersonItem(login=person.login, step=person.step, state=person.state, at=shapes.time(person.at))
            for person in here.people.values()
        ],
    )  # fmt: skip


async def list_reserve(request: Request) -> ReserveList:
    reserve, scope = request.services.part(Reserve), request.scope
    mine = [queue for queue in reserve.queues() if scope.may_see_queue(queue)]
    if request.who.role is Role.AGENT:
        mine = [queue for queue in reserve.queues() if request.who.login in reserve.view(queue).people]
    return ReserveList(items=[_reserve(request, queue) for queue in mine])


def _queue(request: Request) -> str:
    queue = request.path("queue")
    if not request.scope.may_see_queue(queue):
        raise NotFound(f"The queue {queue} has no reserve")
    return queue


async def call_reserve(request: Request) -> ReserveItem:
    queue = _queue(request)
    await request.services.part(Reserve).call(queue, request.who.actor, request.body(ReserveQueue).step)
    return _reserve(request, queue)


async def release_reserve(request: Request) -> ReserveItem:
    queue = _queue(request)
    await request.services.part(Reserve).release(queue, request.who.actor)
    return _reserve(request, queue)


async def come(request: Request) -> ReserveItem:
    queue = request.path("queue")
    await request.services.part(Reserve).acknowledge(queue, request.who.login)
    return _reserve(request, queue)


ROUTES = (
    Route(method="GET", path="/alarms", handler=list_alarms, permission=Permission.ALARM, query=AlarmQuery, reply=AlarmList,
          summary="Active alarms, or the history newest first"),
    Route(method="POST", path="/alarms/{alarm}/ack", handler=acknowledge, permission=Permission.ALARM_ACK, body=Acknowledgement,
          reply=AlarmItem, summary="Take care of an alarm"),
    Route(method="GET", path="/reserve", handler=list_reserve, roles=EVERYBODY, reply=ReserveList,
          summary="The reserve of each queue: proposals, steps, people; agents see where they are called"),
    Route(method="POST", path="/reserve/{queue}/call", handler=call_reserve, permission=Permission.RESERVE, body=ReserveQueue,
          reply=ReserveItem, summary="Call up the proposed or next step"),
    Route(method="POST", path="/reserve/{queue}/release", handler=release_reserve, permission=Permission.RESERVE,
          reply=ReserveItem, summary="Send the newest step home"),
    Route(method="POST", path="/reserve/{queue}/ack", handler=come, roles=EVERYBODY - {Role.API}, reply=ReserveItem,
          summary="I come"),
)  # fmt: skip
