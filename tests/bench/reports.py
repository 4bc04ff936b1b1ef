"""How long reports over a million calls take, on SQLite and on PostgreSQL.

    python tests/bench/reports.py [CALLS]      prints one JSON line per database; SOFTSWITCH_BENCH_DATABASES=sqlite for one

30 days, 20 queues, 300 agents, 4 trunks. Goal: the interval report ≤ 3 s on SQLite, ≤ 1 s on PostgreSQL. The facts are made
directly, without timelines; sums are written by the switch's own code. Each report is made three times, the median counts.
`own_cpu_ms` is the CPU of this process (on SQLite the database's too): on a busy machine it tells more than the time.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import text

from softswitch.reports.catalogue import REPORTS
from softswitch.reports.facts import Contact, Ended, Seizure, Visit
from softswitch.reports.model import Asking, Context, Query
from softswitch.reports.recorder import Recorder, Rows
from softswitch.store import tables
from softswitch.store.bulk import inserting
from softswitch.store.database import Store
from softswitch.store.rows import CdrRow, cdr_values
from tests.support.postgres import Postgres

SINCE, DAYS = 1_763_740_800.0, 30
BATCH = 10_000
RESULTS = ("answered",) * 17 + ("abandoned", "abandoned", "timeout")
ASKED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("queues by 15 min", "queues", "15", {}), ("queues by hour", "queues", "60", {}), ("queues by day", "queues", "day", {}),
    ("queues, other service time", "queues", "60", {"target_ms": 12_000}), ("agents by day", "agent_inbound", "day", {}),
    ("workload of the month", "workload", "", {}), ("lines by hour", "lines", "60", {}),
    ("traffic by day", "traffic", "day", {}), ("queues, edges cut", "queues", "60", {"since": SINCE + 1234.5}),
    ("call list", "calls", "", {}),
)  # fmt: skip


def some_calls(dice: random.Random, first: int, count: int) -> tuple[Rows, list[tuple[object, ...]]]:
    rows, records = Rows(), []
    for number in range(first, first + count):
        # neighbours in number are neighbours in time, as in production
        at = SINCE + (number / CALLS + dice.random() / 1000) * DAYS * 86_400 * 0.999
        call, queue, agent = f"{int(at):08x}{number:08}", f"queue{dice.randrange(20):02}", f"agent{dice.randrange(300):03}"
        result, wait, talk = dice.choice(RESULTS), int(dice.expovariate(1 / 15_000)), int(dice.expovariate(1 / 180_000))
        trunk, end = f"trunk{dice.randrange(4)}", at + (wait + talk) / 1000
        rows.visits.append(
            Visit(call, call, queue, "voice", at, at + wait / 1000, result, wait, wait > 1000, agent, 1, 0, 14_000, 30_000)
        )
        answered = result == "answered"
        if answered:
            rows.contacts.append(
                Contact(call, 1, agent, queue, "in", at + wait / 1000, end, "answered", True, 3000, talk, 0, 0, False)
            )
        rows.seizures.append(Seizure(call, "", trunk, dice.randrange(1, 31), "in", at, end))
        rows.calls.append(Ended(at, "in", result, wait, talk if answered else 0, wait + talk))
        records.append(cdr_values(CdrRow(
            call, "in", "13800138000", "", "4008001000", trunk, "sip", queue, agent, result, "normal", 16, 200, "caller",
            at, at, at + wait / 1000 if answered else None, end, wait, 3000, talk, 0, wait + talk, "", {},
        )))  # fmt: skip
    return rows, records


async def fill(store: Store) -> float:
    began, dice, recorder, cdr = time.monotonic(), random.Random(1), Recorder(), inserting(tables.cdr)
    for first in range(0, CALLS, BATCH):
        rows, records = some_calls(dice, first, min(BATCH, CALLS - first))

        def write(connection: Any, rows: Rows = rows, records: list[tuple[object, ...]] = records) -> None:
            recorder.write(connection, [rows])
            cdr.run(connection, records)

        await store.write(write)
    return time.monotonic() - began


async def measure(name: str, url: str) -> dict[str, object]:
    store = await Store.open(url)
    filled = await fill(store)
    await store.write(lambda connection: connection.execute(text("analyze")))
    now, found = SINCE + DAYS * 86_400, {}
    for title, report, interval, more in ASKED:
        query = Query(**{"since": SINCE, "until": now, "interval": interval, **more})
        work = made_by(report, query, now)
        took, cpu = [], time.process_time()
        for _ in range(3):
            at = time.monotonic()
            rows = await store.study(work)
            took.append(time.monotonic() - at)
        cpu = (time.process_time() - cpu) / 3
        found[title] = {"ms": round(statistics.median(took) * 1000), "own_cpu_ms": round(cpu * 1000), "rows": rows}
    await store.close()
    return {"bench": "reports", "database": name, "calls": CALLS, "filled_s": round(filled, 1), "reports": found}


def made_by(report: str, query: Query, now: float) -> Callable[[Any], int]:
    return lambda connection: len(REPORTS[report].make(Asking(connection, query, Context(now=now, channels=lambda _: 30))).rows)


async def run() -> None:
    wanted = os.environ.get("SOFTSWITCH_BENCH_DATABASES", "sqlite,postgresql").split(",")
    if "sqlite" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(await measure("sqlite", f"sqlite:///{folder}/bench.db")), flush=True)
    if "postgresql" in wanted:
        server = Postgres.create()
        try:
            print(json.dumps(await measure("postgresql", server.database())), flush=True)
        finally:
            server.remove()


CALLS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
if __name__ == "__main__":
    asyncio.run(run())
