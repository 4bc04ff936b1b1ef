"""Calendars: whether one is open, and the days that differ from the week."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field, field_validator

from softswitch.access.rights import Permission
from softswitch.calendar.model import Day, DayKind
from softswitch.calendar.service import Calendars
from softswitch.model.errors import Invalid
from softswitch.model.states import Role
from web import shapes
from web.routing import STAFF, Model, Request, Route

_READERS = STAFF | {Role.API, Role.AUDITOR}


class DaysQuery(Model):
    year: int = Field(ge=2000, le=2100)


class StateQuery(Model):
    at: datetime | None = None

    @field_validator("at")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("expected a time with its zone")
        return value


class DayChange(Model):
    kind: DayKind
    open: list[str] = Field(default_factory=list, max_length=24)
    title: str = Field("", max_length=128)


class DayShape(shapes.Shape):
    date: str
    kind: str
    open: list[str]
    title: str
    shipped: bool


class DayList(shapes.Shape):
    items: list[DayShape]
    next: str | None = None


class StateShape(shapes.Shape):
    open: bool
    until: str | None
    why: str
    title: str


def shape(day: Day) -> DayShape:
    return DayShape(date=day.date.isoformat(), kind=day.kind, open=list(day.open), title=day.title, shipped=day.shipped)


async def list_days(request: Request) -> DayList:
    days = request.services.part(Calendars).days(request.path("name"), request.query(DaysQuery).year)
    return DayList(items=[shape(day) for day in days])


async def put_day(request: Request) -> DayShape:
    change = request.body(DayChange)
    day = Day(_date(request), change.kind, tuple(change.open), change.title)
    await request.services.part(Calendars).put(request.path("name"), day, request.who.actor)
    return shape(day)


async def remove_day(request: Request) -> None:
    await request.services.part(Calendars).remove(request.path("name"), _date(request), request.who.actor)


def _date(request: Request) -> date:
    try:
        return date.fromisoformat(request.path("date"))
    except ValueError:
        raise Invalid("date", "expected YYYY-MM-DD") from None


async def get_state(request: Request) -> StateShape:
    at = request.query(StateQuery).at
    found = request.services.part(Calendars).state(request.path("name"), at.timestamp() if at is not None else None)
    return StateShape(open=found.open, until=shapes.time(found.until), why=found.why, title=found.title)


ROUTES = (
    Route(method="GET", path="/calendars/{name}/days", handler=list_days, roles=_READERS, query=DaysQuery, reply=DayList,
          summary="Days of a year that differ from the week"),
    Route(method="PUT", path="/calendars/{name}/days/{date}", handler=put_day, permission=Permission.CALENDAR, body=DayChange,
          reply=DayShape, summary="Enter a holiday, a working day or special hours"),
    Route(method="DELETE", path="/calendars/{name}/days/{date}", handler=remove_day, permission=Permission.CALENDAR,
          status=204, summary="Take an entered day back"),
    Route(method="GET", path="/calendars/{name}/state", handler=get_state, roles=_READERS, query=StateQuery, reply=StateShape,
          summary="Open or closed, until when and why"),
)  # fmt: skip
