"""A report counts everything that had happened when it was asked for, also what is on its way to the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.directory.snapshot import Snapshot
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.reports.model import Query
from softswitch.reports.recorder import Recorder
from softswitch.reports.service import Reports
from softswitch.store.database import Store
from softswitch.store.journal import Journal

BEGAN = 1_767_000_000.0


def state(agent: str, old: str, new: str, at: float) -> ev.Event:
    return ev.AgentStateChanged(agent=agent, old=old, new=new, at=at)


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    clock = ManualClock(BEGAN + 60)
    journal = Journal(store, Bus().publish, clock, fold, followers=[Recorder()])
    journal.start()
    yield journal, Reports(store, Snapshot, clock, settled=journal.settled)
    await journal.close()
    await store.close()


QUERY = Query(since=BEGAN - 1, until=BEGAN + 61)


async def test_who_signed_out_a_moment_ago_was_ready_until_then(desk: Any) -> None:
    """Nothing is awaited between the last event and the report: the journal still holds all of them."""
    journal, reports = desk
    for agent, ready in (("p03", 43.364), ("p04", 50.25)):
        journal.append(state(agent, "logged_out", "ready", BEGAN))
        journal.append(state(agent, "ready", "logged_out", BEGAN + ready))
    assert journal.pending == 4
    rows = {row.values["agent"]: row.values for row in (await reports.make("workload", QUERY))[1].rows}
    assert {agent: row["ready_ms"] for agent, row in rows.items()} == {"p03": 43_364, "p04": 50_250}


async def test_reports_are_made_while_the_database_takes_no_events(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, reports = desk
    journal.append(state("p03", "logged_out", "ready", BEGAN))
    await journal.flush()
    stuck = asyncio.Event()

    async def away(_group: Any) -> bool:
        return await stuck.wait()

    monkeypatch.setattr(journal, "_written", away)
    journal.append(state("p03", "ready", "logged_out", BEGAN + 30))
    rows = (await reports.make("workload", QUERY))[1].rows
    assert [row.values["ready_ms"] for row in rows] == [60_000], "as stored: still ready"
    stuck.set()
