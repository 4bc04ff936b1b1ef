"""Facts and sums made again from the journal are those that were written as it happened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select, text

from softswitch.calls.cdr import fold
from softswitch.model import events as ev
from softswitch.reports.rebuild import rebuild
from softswitch.reports.recorder import Recorder
from softswitch.store.fact_tables import FACTS, interval_queues, visits
from softswitch.store.schema import SCHEMA, migrate
from tests.softswitch.reports.calls import a_day
from tests.softswitch.reports.conftest import Fill


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table.name: sorted(tuple(row) for row in connection.execute(select(table))) for table in FACTS}


async def test_a_rebuild_gives_the_same_rows(fill: Fill) -> None:
    events = a_day(4, 200)
    store = await fill([*events, ev.AgentStateChanged(agent="late", at=1_699_999_000.0, old="logged_out", new="ready")])
    await fill([])  # a second start: whoever was signed in is offline since the first node's last sign of life
    before = await store.read(everything)
    assert before["visits"] and before["interval_contacts"] and before["spans"]
    await store.write(lambda c: c.execute(delete(visits)))
    await store.write(lambda c: c.execute(text("update interval_queues set off = off + 7")))
    done = await store.write(lambda c: rebuild(c, Recorder(), fold))
    assert await store.read(everything) == before
    assert done.events == len(events) + 1
    assert done.calls == sum(isinstance(event, ev.CallEnded) for event in events)


async def test_a_database_of_the_former_release_gets_its_figures_by_a_rebuild(fill: Fill) -> None:
    store = await fill(a_day(6, 60))
    before = await store.read(everything)

    def former(connection: Connection) -> None:
        for table in FACTS:
            table.drop(connection)
        connection.execute(text("update facts set value = '1' where name = 'schema.store'"))
        for index in ("audit_of_actor", "audit_of_object"):
            connection.execute(text(f"drop index {index}"))
        for column in ("hash", "actor", "object"):
            connection.execute(text(f"alter table audit drop column {column}"))

    await store.write(former)
    await store.write(lambda c: migrate(c, (SCHEMA,)))
    assert await store.read(lambda c: c.execute(select(interval_queues)).all()) == []
    await store.write(lambda c: rebuild(c, Recorder(), fold))
    after = await store.read(everything)
    assert {name: rows for name, rows in after.items() if name != "standing"} == {
        name: rows for name, rows in before.items() if name != "standing"
    }
