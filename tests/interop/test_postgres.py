"""The whole switch on PostgreSQL: a call through a queue to an agent's page, its record, its recording, its reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.flows import CARRIER, LI, SALES
from tests.support.hotline import customer
from tests.support.postgres import Postgres
from tests.support.switch import Switch, wait_for
from tests.support.web_client import WebClient

APPLY = CARRIER + SALES + LI
pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def server() -> Iterator[Postgres]:
    made = Postgres.create()
    yield made
    made.remove()


async def one_call(switch: Switch, folder: Path) -> None:
    async with WebClient(switch, "li", 700.0) as li:
        await li.start_work()
        with customer(folder, switch) as caller:
            offer = (await li.event("offer.made"))["offer"]
            await li.ask("offer.accept", offer=offer["id"])
            await asyncio.sleep(1.5)
            await li.ask("call.hangup")
            await asyncio.to_thread(caller.succeed, 10)


async def test_a_call_its_recording_and_its_reports(tmp_path: Path, server: Postgres) -> None:
    log = tmp_path / "queue_log"
    settings = {"SOFTSWITCH_DATABASE__URL": server.database(), "SOFTSWITCH_REPORTS__QUEUE_LOG": str(log)}
    with Switch(tmp_path, APPLY, settings=settings) as switch:
        await one_call(switch, tmp_path)
        (call,) = switch.ended_calls()
        assert (call["result"], call["queue"], call["agent"]) == ("answered", "sales", "li")
        recording = wait_for(lambda: switch.api("GET", f"/calls/{call['id']}")["recordings"], 10, "the recording")
        assert recording[0]["status"] == "complete" and recording[0]["duration_ms"] > 1000
        told = {"CONNECT", "COMPLETEAGENT"}
        wait_for(lambda: told <= set(log.read_text().replace("\n", "|").split("|")), 10, "the queue log")
        switch.kill()

        switch.start()
        found = row(switch, "queues")
        assert (found["off"], found["ans"], found["abd"], found["sl1"]) == (1, 1, 0, 100.0)
        assert 1000 < found["talk_ms"] <= call["talk_ms"] + 50  # the agent's part ends before the call does
        agent = row(switch, "agent_inbound")
        assert (agent["agent"], agent["name"], agent["total"], agent["missed"]) == ("li", "李", 1, 0)
        work = row(switch, "workload")
        assert work["answered"] == 1 and work["signed_in_ms"] > 1000 and work["document_ms"] >= 0
        line = row(switch, "lines")
        assert (line["trunk"], line["calls_in"]) == ("carrier", 1)
        (drilled,) = query(switch, "/calls", found["drill"])["items"]
        assert drilled["id"] == call["id"]
        status, sheet = switch.request("GET", "/api/v1/reports/queues?format=xlsx")
        assert status == 200 and sheet.startswith(b"PK")
        assert switch.run("reports", "rebuild").stdout.startswith("1 calls from ")
        again = row(switch, "queues")
        assert {name: again[name] for name in ("off", "ans", "talk_ms")} == {
            name: found[name] for name in ("off", "ans", "talk_ms")
        }


def row(switch: Switch, report: str) -> dict[str, Any]:
    (found,) = switch.api("GET", f"/reports/{report}")["rows"]
    return dict(found)


def query(switch: Switch, path: str, values: dict[str, str]) -> Any:
    return switch.api("GET", f"{path}?{urlencode(values)}")


async def test_calls_go_on_while_postgresql_is_away(tmp_path: Path, server: Postgres) -> None:
    with Switch(tmp_path, APPLY, settings={"SOFTSWITCH_DATABASE__URL": server.database()}) as switch:
        async with WebClient(switch, "li", 700.0) as li:
            await li.start_work()
            await asyncio.to_thread(server.stop)  # signed in before that
            with customer(tmp_path, switch) as caller:
                offer = (await li.event("offer.made"))["offer"]
                await li.ask("offer.accept", offer=offer["id"])
                await asyncio.sleep(3.0)
                await li.ask("call.hangup")
                await asyncio.to_thread(caller.succeed, 10)
            await asyncio.to_thread(server.start)
        (call,) = await asyncio.to_thread(switch.ended_calls, 1, 30)
        assert (call["result"], call["agent"]) == ("answered", "li")
        assert row(switch, "queues")["ans"] == 1
