"""The database goes away while calls come: nothing waits, nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.reports.recorder import Recorder
from softswitch.store import fact_tables, tables
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from tests.softswitch.reports.calls import a_day
from tests.softswitch.test_store_journal import Signals
from tests.support.postgres import Postgres

AWAY_SECONDS = 20.0


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One of its own: it is stopped."""
    made = Postgres.create()
    yield made
    made.remove()


async def test_twenty_seconds_without_postgresql_lose_nothing(server: Postgres) -> None:
    store = await Store.open(server.database())
    shown: list[ev.Event] = []
    bus = Bus()
    bus.subscribe(shown.append)
    journal, signals = Journal(store, bus.publish, ManualClock(), fold, followers=[Recorder()]), Signals()
    journal.watch(signals)
    await journal.recover()
    journal.start()
    events = a_day(2, 300)
    third = len(events) // 3
    for event in events[:third]:
        journal.append(event)
    await asyncio.sleep(0.02)  # in the middle of a commit, as like as not
    stopping = asyncio.to_thread(server.stop)
    slowest = await append_slowly(journal, events[third : 2 * third], stopping, AWAY_SECONDS)
    assert slowest < 0.05, "calls waited for the database"
    assert "journal_stalled" in signals.raised and journal.pending
    await asyncio.to_thread(server.start)
    for event in events[2 * third :]:
        journal.append(event)
    async with asyncio.timeout(30):
        await journal.flush()
    assert "journal_stalled" in signals.cleared and "journal_refused" not in signals.raised
    await journal.close()
    ended = [event for event in events if isinstance(event, ev.CallEnded)]
    assert await count(store, tables.journal) == len(events)
    assert await count(store, tables.cdr) == len(ended)
    assert sorted(event.call for event in shown if isinstance(event, ev.CallEnded)) == sorted(event.call for event in ended)
    visits = await count(store, fact_tables.visits)
    summed = await store.read(lambda c: c.execute(select(func.sum(fact_tables.interval_queues.c.off))).scalar_one())
    assert visits == summed > 0
    await store.close()


async def append_slowly(journal: Journal, events: list[ev.Event], beside: object, seconds: float) -> float:
    """Appends over a time; the longest that one took."""
    task = asyncio.ensure_future(beside)  # type: ignore[call-overload]
    slowest = 0.0
    for event in events:
        began = time.perf_counter()
        journal.append(event)
        slowest = max(slowest, time.perf_counter() - began)
        await asyncio.sleep(seconds / len(events))
    await task
    return slowest


async def count(store: Store, table: object) -> int:
    found: int = await store.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]
    return found


async def test_a_commit_whose_answer_was_lost_is_not_made_twice(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.store.journal.RETRY_SECONDS", (0.01,))
    store = await Store.open(server.database())
    journal = Journal(store, Bus().publish, ManualClock(), fold)
    write = store._backend.write
    lost = [ConnectionResetError("the answer is lost")]

    async def committed_but_unheard(work: object) -> object:
        done = await write(work)  # type: ignore[arg-type]
        if lost:
            raise lost.pop()
        return done

    monkeypatch.setattr(store._backend, "write", committed_but_unheard)
    journal.start()
    for event in a_day(1, 3):
        journal.append(event)
    await journal.flush()
    await journal.close()
    assert await count(store, tables.journal) == len(a_day(1, 3))
    await store.close()


async def test_a_text_that_postgresql_cannot_hold_does_not_stop_the_others(server: Postgres) -> None:
    store = await Store.open(server.database())
    journal, signals = Journal(store, Bus().publish, ManualClock(), fold, followers=[Recorder()]), Signals()
    journal.watch(signals)
    journal.start()
    bad = ev.CallCreated(call="bad", seq=1, at=1.0, direction="in", caller="a\0b", called="1")
    end = ev.CallEnded(call="bad", seq=2, at=2.0, who="caller", cause="normal", q850=16, sip_status=200)
    good = a_day(1, 2)
    for event in (*good[:5], bad, end, *good[5:]):
        journal.append(event)
    async with asyncio.timeout(20):
        await journal.flush()
    assert "journal_refused" in signals.raised
    assert await count(store, tables.cdr) == sum(isinstance(event, ev.CallEnded) for event in good)
    await journal.close()
    await store.close()
