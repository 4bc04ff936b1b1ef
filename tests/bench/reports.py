"""How long reports over a million calls take, on SQLite and on PostgreSQL.

    python -m tests.bench reports            or, of fewer calls: python -m tests.bench.reports [CALLS]
    SOFTSWITCH_BENCH_DATABASES=sqlite        for one of them

30 days, 20 queues, 300 agents, 4 trunks. Goal: the interval report ≤ 3 s on SQLite, ≤ 1 s on PostgreSQL. The facts are made
directly, without timelines; sums are made by the switch's own ledger. Each report is made three times, the fastest counts. The
note has the CPU that one took, here and in the database server: on a busy machine that tells more than the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, text

from softswitch.reports.catalogue import REPORTS
from softswitch.reports.facts import Contact, Ended, Seizure, Visit
from softswitch.reports.ledger import Ledger
from softswitch.reports.model import Asking, Context, Query
from softswitch.reports.recorder import Rows
from softswitch.store import fact_tables as t
from softswitch.store import tables
from softswitch.store.bulk import inserting
from softswitch.store.database import Store
from softswitch.store.rows import CdrRow, cdr_values
from tests.bench.figures import TICK, Figure, load_average
from tests.support.postgres import Postgres

SINCE, DAYS = 1_763_740_800.0, 30
CALLS, BATCH, ROUNDS = 1_000_000, 10_000, 3
INTERVAL = "queues by hour"
GOALS = {"SQLite": 3.0, "PostgreSQL": 1.0}
RESULTS = ("answered",) * 17 + ("abandoned", "abandoned", "timeout")
ASKED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("queues by 15 min", "queues", "15", {}), ("queues by hour", "queues", "60", {}), ("queues by day", "queues", "day", {}),
    ("queues, other service time", "queues", "60", {"target_ms": 12_000}), ("agents by day", "agent_inbound", "day", {}),
    ("workload of the month", "workload", "", {}), ("lines by hour", "lines", "60", {}),
    ("traffic by day", "traffic", "day", {}), ("queues, edges cut", "queues", "60", {"since": SINCE + 1234.5}),
    ("call list", "calls", "", {}),
)  # fmt: skip


def some_calls(dice: random.Random, first: int, count: int, of: int) -> tuple[Rows, list[tuple[object, ...]]]:
    rows, records = Rows(), []
    for number in range(first, first + count):
        # neighbours in number are neighbours in time, as in production
        at = SINCE + (number / of + dice.random() / 1000) * DAYS * 86_400 * 0.999
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


async def fill(stores: Sequence[Store], count: int) -> None:
    """The same calls into each of them."""
    dice, ledger = random.Random(1), Ledger()
    for first in range(0, count, BATCH):
        rows, records = some_calls(dice, first, min(BATCH, count - first), count)
        rows.count(ledger)
        facts: list[tuple[Table, Sequence[Any]]] = [
            (t.visits, rows.visits), (t.contacts, rows.contacts), (t.seizures, rows.seizures), (tables.cdr, records),
        ]  # fmt: skip
        for store in stores:
            await store.write(lambda connection, facts=facts: _put(connection, facts))  # type: ignore[misc]
    for store in stores:
        await store.write(ledger.write)
        await store.write(lambda connection: connection.execute(text("analyze")))


def _put(connection: Connection, facts: Sequence[tuple[Table, Sequence[Any]]]) -> None:
    for table, rows in facts:
        if connection.dialect.name == "sqlite":
            inserting(table).run(connection, rows)
        else:
            columns = [column.name for column in table.columns]
            driver: Any = connection.connection.dbapi_connection
            driver.run_async(
                lambda asyncpg, name=table.name, columns=columns, rows=rows: asyncpg.copy_records_to_table(
                    name, columns=columns, records=rows
                )
            )


async def measure(store: Store) -> list[Figure]:
    now, found, database = SINCE + DAYS * 86_400, [], "SQLite" if store.url.startswith("sqlite") else "PostgreSQL"
    for title, report, interval, more in ASKED:
        query = Query(**{"since": SINCE, "until": now, "interval": interval, **more})
        work, took, spent = made_by(report, query, now), [], []
        for _ in range(ROUNDS):
            at, own, server = time.monotonic(), time.process_time(), server_seconds()
            rows = await store.study(work)
            took.append(time.monotonic() - at)
            spent.append((time.process_time() - own, server_seconds() - server))
        own, server = min(spent)
        note = f"{rows} rows, CPU {own:.2f} s" + (f" and the server's {server:.2f} s" if database == "PostgreSQL" else "")
        goal = GOALS[database] if title == INTERVAL else None
        found.append(Figure("reports", f"{title}, {database}", min(took), "s", goal, note=f"{note}, {load_average()}"))
    return found


def server_seconds() -> float:
    """CPU of all PostgreSQL processes of this machine, also of workers that are over."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            if name == "postgres":
                total += sum(int(ticks) for ticks in rest.split()[11:15])
    return total / TICK


def made_by(report: str, query: Query, now: float) -> Callable[[Any], int]:
    return lambda connection: len(REPORTS[report].make(Asking(connection, query, Context(now=now, channels=lambda _: 30))).rows)


async def run(count: int) -> list[Figure]:
    wanted = os.environ.get("SOFTSWITCH_BENCH_DATABASES", "sqlite,postgresql").split(",")
    async with contextlib.AsyncExitStack() as stack:
        urls = []
        if "sqlite" in wanted:
            urls.append(f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/bench.db")
        if "postgresql" in wanted:
            server = Postgres.create()
            stack.callback(server.remove)
            urls.append(server.database())
        stores = []
        for url in urls:
            stores.append(await Store.open(url))
            stack.push_async_callback(stores[-1].close)
        began = time.monotonic()
        await fill(stores, count)
        print(f"{count} calls stored in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return [figure for store in stores for figure in await measure(store)]


def bench(count: int = CALLS) -> list[Figure]:
    return asyncio.run(run(count))


if __name__ == "__main__":
    for figure in bench(*(int(text) for text in sys.argv[1:])):
        print(f"{figure.name}: {figure.value:.2f} {figure.unit} {figure.verdict} ({figure.note})")
