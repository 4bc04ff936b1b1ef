"""Reports over REST: the catalogue, JSON and files, who may see what, and the way from a row to its calls."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.directory.model import Agent, Kind, Team
from softswitch.directory.store import Action, Change
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.model.states import Role
from softswitch.reports.recorder import Recorder
from softswitch.store.journal import Journal
from tests.softswitch.reports.calls import AGENTS, DAY, a_day
from tests.web.conftest import Web

RANGE = {"from": "2025-11-21T16:00:00Z", "to": "2025-11-22T16:00:00Z"}


@pytest.fixture
async def busy(app: Web) -> Web:
    """A day of calls behind the application."""
    journal = Journal(app.services.store, Bus().publish, ManualClock(at=DAY + 86_000), fold, followers=[Recorder()])
    for event in a_day(1, 150):
        journal.append(event)
    journal.start()
    await journal.close()
    return app


async def get(app: Web, path: str, query: dict[str, str] | None = None, role: Role = Role.ADMINISTRATOR) -> Any:
    reply = await app.anonymous().get(f"/api/v1{path}", params=query or {}, headers=await app.program(role))
    assert reply.status == 200, await reply.text()
    return await reply.json()


async def test_the_catalogue_says_what_each_column_is(busy: Web) -> None:
    items = {item["id"]: item for item in (await get(busy, "/reports"))["items"]}
    assert len(items) == 19
    wanted = "queues service workload agent_inbound agent_outbound lines traffic calls ivr recordings alarms operations"
    assert {*wanted.split(), "prediction", "dispositions", "survey", "repeats"} <= items.keys()
    level = next(column for column in items["queues"]["columns"] if column["id"] == "sl1")
    assert level["title"] == {"zh": "服务水平", "en": "Service level"} and level["formula"]["en"].startswith("ANS(w≤T) / OFF")
    assert "interval" in items["queues"]["parameters"]


async def test_every_report_answers_in_every_format(busy: Web) -> None:
    headers = await busy.program(Role.ADMINISTRATOR)
    client = busy.anonymous()
    for report in (await get(busy, "/reports"))["items"]:
        for kind, begin in (("json", b"{"), ("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
            query = {**RANGE, "interval": "60", "format": kind}
            reply = await client.get(f"/api/v1/reports/{report['id']}", params=query, headers=headers)
            assert reply.status == 200, (report["id"], kind, await reply.text())
            assert (await reply.read()).startswith(begin), (report["id"], kind)
    assert not list(Path("/tmp").glob("queues-*.csv"))


async def test_a_row_leads_to_its_calls(busy: Web) -> None:
    found = await get(busy, "/reports/queues", {**RANGE, "interval": "60"})
    row = max(found["rows"], key=lambda row: row["abd"])
    calls = await get(busy, "/calls", {**row["drill"], "result": "abandoned", "limit": "200"})
    assert len(calls["items"]) == row["abd"] > 0
    first = (await get(busy, "/reports/agent_inbound", RANGE))["rows"][0]
    calls = await get(busy, "/calls", {**first["drill"], "result": "answered", "limit": "200"})
    assert 0 < len(calls["items"]) <= first["answered"]


async def test_csv_and_json_say_the_same(busy: Web) -> None:
    headers = await busy.program(Role.ADMINISTRATOR)
    found = await get(busy, "/reports/traffic", {**RANGE, "interval": "60"})
    reply = await busy.anonymous().get("/api/v1/reports/traffic", headers=headers,
                                       params={**RANGE, "interval": "60", "format": "csv", "language": "en"})  # fmt: skip
    rows = list(csv.DictReader(io.StringIO((await reply.read()).decode("utf-8-sig"))))
    assert [int(row["All"]) for row in rows[:-1]] == [row["all"] for row in found["rows"]] == found["series"][0]["points"]
    assert int(rows[-1]["All"]) == found["totals"]["all"]
    assert "attachment" in reply.headers["Content-Disposition"]


async def test_a_team_leader_sees_the_team_and_takes_no_files_away(busy: Web) -> None:
    changes: list[Change] = [Change(Action.CREATE, Kind.TEAM, "one", Team(name="one", leaders=("leader",)))]
    for login in AGENTS:
        action = Action.UPDATE if login in busy.services.directory.current().agents else Action.CREATE
        if login not in busy.services.directory.current().users:
            await busy.services.users.add(login, login, Role.AGENT, "tests")
        team = "one" if login in ("li", "wang") else "two"
        changes.append(Change(action, Kind.AGENT, login, Agent(login=login, queues=("sales",), team=team)))
    await busy.services.users.add("leader", "leader", Role.TEAM_LEADER, "tests")
    changes.append(Change(Action.CREATE, Kind.TEAM, "two", Team(name="two")))
    await busy.services.directory.change(changes, "tests")
    client, _ = await busy.client("leader")
    found = await (await client.get("/api/v1/reports/agent_inbound", params=RANGE)).json()
    assert {row["agent"] for row in found["rows"]} <= {"li", "wang"} and found["rows"]
    found = await (await client.get("/api/v1/reports/agent_inbound", params={**RANGE, "agent": "zhao"})).json()
    assert found["rows"] == []
    found = await (await client.get("/api/v1/reports/queues", params=RANGE)).json()
    assert {row["queue"] for row in found["rows"]} == {"sales"}
    for path, status in (("/reports/operations", 403), ("/reports/traffic", 403), ("/reports/queues?format=csv", 403)):
        assert (await client.get(f"/api/v1{path}")).status == status, path
    agent, _ = await busy.client("li")
    assert (await agent.get("/api/v1/reports")).status == 403


async def test_what_makes_no_sense_is_named(busy: Web) -> None:
    headers, client = await busy.program(Role.ADMINISTRATOR), busy.anonymous()
    for query, field in (({"zone": "Mars"}, "zone"), ({"interval": "7"}, "interval"), ({**RANGE, "to": RANGE["from"]}, "to")):
        reply = await client.get("/api/v1/reports/queues", params=query, headers=headers)
        assert reply.status in (400, 422)
        assert (await reply.json())["errors"][0]["field"] == field
    assert (await client.get("/api/v1/reports/nothing", headers=headers)).status == 404
    assert await get(busy, "/reports/schedules") == {"items": [], "next": None}


async def test_alarms_are_told_from_their_begin_to_their_end(app: Web) -> None:
    journal = Journal(app.services.store, Bus().publish, ManualClock(), fold, followers=[Recorder()])
    for event in (
        ev.AlarmRaised(at=DAY + 5, code="trunk_down", level="major", text="Trunk carrier is down", object="carrier"),
        ev.AlarmAcknowledged(at=DAY + 65, code="trunk_down", object="carrier", actor="wang"),
        ev.AlarmCleared(at=DAY + 125, code="trunk_down", object="carrier"),
        ev.AlarmRaised(at=DAY + 200, code="disk", level="minor", text="Disk"),
    ):
        journal.append(event)
    journal.start()
    await journal.close()
    disk, trunk = (await get(app, "/reports/alarms", RANGE))["rows"]
    assert (trunk["code"], trunk["object"], trunk["ms"], trunk["by"]) == ("trunk_down", "carrier", 120_000, "wang")
    assert (disk["code"], disk["cleared"], disk["ms"]) == ("disk", None, None)
