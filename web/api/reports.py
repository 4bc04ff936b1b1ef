"""Reports: the catalogue, one report as JSON or as a file, the schedules by which they are mailed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from pydantic import Field, field_validator

from softswitch.access.rights import Permission
from softswitch.model.errors import Forbidden, Invalid
from softswitch.model.events import rfc3339
from softswitch.reports.formats import TYPES
from softswitch.reports.model import Language, Query, Report, Table, Words
from softswitch.reports.periods import Interval, midnight, zone_of
from softswitch.reports.schedules import Schedules
from softswitch.reports.service import EVERYTHING, Reports, Sight
from web.routing import Model, Request, Route
from web.shapes import Shape

PIECE = 256 * 1024
SENDING_SECONDS = 300.0


class ReportQuery(Model):
    """Without `from` and `to` it is today. Lists are separated by commas."""

    since: datetime | None = Field(None, alias="from")
    until: datetime | None = Field(None, alias="to")
    zone: str = Field("Asia/Shanghai", max_length=64)
    interval: Interval = ""
    queue: str = Field("", max_length=500)
    agent: str = Field("", max_length=2000)
    team: str = Field("", max_length=500)
    trunk: str = Field("", max_length=500)
    flow: str = Field("", max_length=500)
    direction: Literal["", "in", "out", "internal"] = ""
    number: str = Field("", max_length=128)
    result: str = Field("", max_length=32)
    by_channel: bool = False
    target_ms: int = Field(0, ge=0, le=3_600_000, description="another service time than the queue's")
    language: Language | Literal[""] = ""
    format: Literal["json", "csv", "xlsx", "pdf"] = "json"

    @field_validator("since", "until")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Text(Shape):
    zh: str
    en: str


class ColumnShape(Shape):
    id: str
    kind: str
    title: Text
    formula: Text


class CatalogueEntry(Shape):
    id: str
    title: Text
    parameters: list[str]
    chart: str
    columns: list[ColumnShape]


class Catalogue(Shape):
    items: list[CatalogueEntry]
    next: None = None


class SeriesShape(Shape):
    id: str
    points: list[float | int | None]


class ReportShape(Shape):
    """`rows` have a value per column, null where there is none, and `drill`: the query of GET /calls for what they count."""

    id: str
    since: str = Field(alias="from")
    until: str = Field(alias="to")
    zone: str
    columns: list[ColumnShape]
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    periods: list[str]
    series: list[SeriesShape]


class ScheduleShape(Shape):
    name: str
    report: str
    every: str
    at: str
    zone: str
    format: str
    mail: list[str]
    next: str
    last: str | None
    fault: str


class ScheduleList(Shape):
    items: list[ScheduleShape]
    next: None = None


def _text(words: Words) -> Text:
    return Text(zh=words.zh, en=words.en)


def _columns(report: Report) -> list[ColumnShape]:
    return [
        ColumnShape(id=column.id, kind=column.kind, title=_text(column.title), formula=_text(column.formula))
        for column in report.columns
    ]


def _sight(request: Request) -> Sight:
    scope = request.scope
    if scope.everything:
        return EVERYTHING if request.may(Permission.AUDIT) else Sight(restricted=False)
    agents = frozenset({*scope.agents, scope.login})
    return Sight(agents=agents, queues=scope.queues | scope.served, restricted=request.may(Permission.AUDIT))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def _query(request: Request, asked: ReportQuery) -> Query:
    """Raises Invalid."""
    services = request.services
    now, zone = services.clock.utc(), zone_of(asked.zone)
    since = asked.since.timestamp() if asked.since else midnight(now, zone)
    until = asked.until.timestamp() if asked.until else midnight(max(now, since), zone, days=1)
    agents, teams = _listed(asked.agent), _listed(asked.team)
    if teams:
        members = [login for login, agent in services.directory.current().agents.items() if agent.team in teams]
        agents = tuple(sorted(set(members) & set(agents) if agents else set(members))) or ("",)  # nobody
    language: Language = asked.language or (
        "en" if request.http.headers.get("Accept-Language", "").startswith("en") else "zh-CN"
    )
    return Query(
        since=since, until=until, zone=asked.zone, interval=asked.interval, queues=_listed(asked.queue), agents=agents,
        trunks=_listed(asked.trunk), flows=_listed(asked.flow), direction=asked.direction, number=asked.number,
        result=asked.result, by_channel=asked.by_channel, target_ms=asked.target_ms, language=language,
    )  # fmt: skip


async def list_reports(request: Request) -> Catalogue:
    found = request.services.part(Reports).visible(_sight(request))
    return Catalogue(items=[
        CatalogueEntry(id=report.id, title=_text(report.title), parameters=["from", "to", "zone", *report.parameters],
                       chart=report.chart, columns=_columns(report))
        for report in found
    ])  # fmt: skip


async def get_report(request: Request) -> ReportShape | web.StreamResponse:
    asked, name = request.query(ReportQuery), request.path("id")
    reports, query = request.services.part(Reports), _query(request, request.query(ReportQuery))
    if asked.format != "json":
        if not request.may(Permission.EXPORT):
            raise Forbidden(f"the role {request.who.role} may not take data out as files")
        path = await reports.export(name, query, asked.format, _sight(request))
        return await _sent(request, path, f"{name}.{asked.format}", TYPES[asked.format])
    report, table = await reports.make(name, query, _sight(request))
    return _shape(report, query, table)


def _shape(report: Report, query: Query, table: Table) -> ReportShape:
    return ReportShape.model_validate({
        "id": report.id, "from": rfc3339(query.since), "to": rfc3339(query.until), "zone": query.zone,
        "columns": _columns(report), "rows": [{**row.values, "drill": row.drill} for row in table.rows], "totals": table.totals,
        "periods": list(table.periods),
        "series": [SeriesShape(id=series.id, points=list(series.points)) for series in table.series],
    })  # fmt: skip


async def _sent(request: Request, path: Path, name: str, kind: str) -> web.StreamResponse:
    """Sends the file piece by piece and removes it."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(request.services.clock.utc()))
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
        headers = {"Content-Disposition": f'attachment; filename="{stamp}-{name}"', "Content-Length": str(size)}
        response = web.StreamResponse(headers={**headers, "Content-Type": kind, "Cache-Control": "no-store"})
        await response.prepare(request.http)
        with await asyncio.to_thread(path.open, "rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                await response.write(piece)
        await response.write_eof()
        return response
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def list_schedules(request: Request) -> ScheduleList:
    schedules = request.services.part(Schedules)
    return ScheduleList(items=[ScheduleShape.model_validate(_schedule(entry)) for entry in await schedules.all()])


def _schedule(entry: Mapping[str, Any]) -> dict[str, Any]:
    last = entry["last"]
    return {**entry, "next": rfc3339(entry["next"]), "last": rfc3339(last) if last else None}


async def send_schedule(request: Request) -> None:
    """Sends it now, beside its times. Raises NotFound, Invalid when the mail is not accepted."""
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            await request.services.part(Schedules).send_now(request.path("name"))
    except (OSError, TimeoutError) as error:
        raise Invalid("mail", str(error) or "no answer in time") from error


ROUTES = (
    Route(method="GET", path="/reports", handler=list_reports, permission=Permission.REPORT, reply=Catalogue,
          summary="The reports that there are, with their columns and formulas"),
    Route(method="GET", path="/reports/schedules", handler=list_schedules, permission=Permission.REPORT, reply=ScheduleList,
          summary="Reports that are mailed, with their next time"),
    Route(method="POST", path="/reports/schedules/{name}/send", handler=send_schedule, permission=Permission.CONFIG,
          status=204, summary="Mail a scheduled report now"),
    Route(method="GET", path="/reports/{id}", handler=get_report, permission=Permission.REPORT, query=ReportQuery,
          reply=ReportShape, files=tuple(TYPES.values()), summary="One report as JSON, CSV, Excel or PDF"),
)  # fmt: skip
