"""Queues when something goes wrong: the database is away, the clock jumps, the process dies, the directory changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd.entry import Emergency
from softswitch.calendar.model import Day
from softswitch.calls.cdr import fold
from softswitch.directory.centre import Calendar, Overflow
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.destination import Destination
from softswitch.store.rows import CdrRow
from tests.support.centre import CUSTOMER, Centre, database

AGENTS = (
    Agent(login="li", name="李", queues=("sales",), station="extension:1001"),
    Agent(login="zhao", name="赵", queues=("sales",), station="extension:1002"),
)
SALES = Queue(name="sales", record=False, wrap_up=0, return_within=300)
HOUR = 3600.0
NOON = 1_704_081_600.0
"""When each centre begins."""
Make = Callable[..., Awaitable[Centre]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        async def build(queue: Queue = SALES, **more: Any) -> Centre:
            return await stack.enter_async_context(
                Centre(tmp_path, agents=AGENTS, queues=(queue,), calendars=(Calendar(name="office"),), **more)
            )

        yield build


async def test_database_away_for_twenty_seconds_loses_nothing_and_stops_no_call(make: Make) -> None:
    engine = database()
    centre = await make(engine=engine)
    await centre.ready("li")
    centre.store.away = True
    before = centre.acd.now
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    assert caller.hears == {"1001"}
    made = await centre.callbacks.create("sales", CUSTOMER, at=before + 86_400)
    entry = await centre.lists.add("black", {"pattern": "13700137000"}, "wang", approves=True)
    await centre.calendars.put("office", Day(date(2024, 1, 5), "holiday"), "wang")
    await centre.emergencies.set("sales", Emergency("closed"), "wang")
    assert centre.acd.now - before < 15, "nobody waits for the database for long"
    assert not centre.lists.judge("13700137000", "in").admitted, "what was ordered holds at once"
    centre.callbacks.change(made.id, note="twice")
    await asyncio.sleep(20 - (centre.acd.now - before))
    assert caller.hears == {"1001"}
    centre.store.away = False
    await asyncio.sleep(6)
    assert centre.spool.pending == 0
    again = await make(engine=engine)
    assert [callback.note for callback in again.callbacks.open()] == ["twice"]
    assert again.lists.entries() == [replace(entry, hits=0)]
    assert again.calendars.days("office", 2024)[0].kind == "holiday"
    assert not again.floor.queue("sales").open


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_clock_that_jumps_expires_nothing_and_durations_stay_true(make: Make, jump: float) -> None:
    rule = Overflow(when="wait", threshold=600, to=Destination.parse("extension:1003"))
    centre = await make(replace(SALES, max_wait=900, overflows=(rule,), leave_empty=1200))
    caller, _ = centre.call("queue:sales", "13900139000")
    await centre.callbacks.create("sales", CUSTOMER, at=centre.acd.now + 1800)
    await asyncio.sleep(30)
    centre.clock._ahead += jump
    await asyncio.sleep(30)
    assert not caller.is_ended
    assert centre.of(ev.QueueLeft) == []
    assert [callback.state for callback in centre.callbacks.open()] == ["scheduled"]
    assert 59_000 <= centre.floor.queue("sales").longest_wait_ms <= 61_000
    await centre.ready("li")
    assert centre.state("li") == "ringing"
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    left = centre.of(ev.QueueLeft)[0]
    assert 60_000 <= left.wait_ms <= 63_000
    centre.phone("1001").leave()
    await asyncio.sleep(1)
    await asyncio.sleep(1800)
    assert centre.state("li") in ("ringing", "not_responding"), "the callback came at its time by the length of the wait"


async def test_list_entry_that_a_wrong_clock_expired_is_valid_again(make: Make) -> None:
    centre = await make()
    expires = centre.clock.utc() + 1800
    await centre.lists.add("black", {"pattern": "13700137000", "expires": expires}, "wang", approves=True)
    centre.clock._ahead += HOUR
    assert centre.lists.judge("13700137000", "in").admitted
    centre.clock._ahead -= HOUR
    assert not centre.lists.judge("13700137000", "in").admitted


async def gave_up(centre: Centre, seconds: float) -> CdrRow:
    """A caller waits and hangs up; the record of it."""
    caller, call = centre.call("queue:sales")
    await asyncio.sleep(seconds)
    caller.leave()
    await asyncio.sleep(1)
    row = fold([event for event in centre.events if event.call == call.id])
    assert row is not None
    return row


async def test_caller_who_gave_up_gets_the_old_place_also_after_kill_minus_nine(make: Make) -> None:
    centre = await make()
    row = await gave_up(centre, 100)
    await asyncio.sleep(60)
    centre.call("queue:sales")
    await asyncio.sleep(1)
    assert 155_000 <= centre.of(ev.QueueEntered)[-1].waited_ms <= 165_000
    again = await make(records=(replace(row, ended_at=NOON - 61),))
    again.call("queue:sales", "13900139000")
    again.call("queue:sales")
    await asyncio.sleep(1)
    assert [call.caller for call in again.floor.queue("sales").calls] == ["13800138000", "13900139000"]
    cut_off = replace(row, ended_at=NOON - 61, result="interrupted")
    crashed = await make(records=(cut_off,))
    crashed.call("queue:sales")
    await asyncio.sleep(1)
    assert crashed.of(ev.QueueEntered)[0].waited_ms >= 160_000, "whom the crash cut off has its place too"
    late = await make(records=(replace(row, ended_at=NOON - 301),))
    late.call("queue:sales")
    await asyncio.sleep(1)
    assert late.of(ev.QueueEntered)[0].waited_ms == 0


async def test_queue_that_changes_under_waiting_callers_is_as_it_is_now(make: Make) -> None:
    centre = await make()
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(5)
    centre.reconfigure(queues={"sales": replace(SALES, max_wait=20, announce="none")})
    await asyncio.sleep(30)
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(25)
    assert centre.exits()[-1] == "timeout"
    assert caller.is_ended or len(centre.floor.queue("sales").calls) == 1


async def test_board_is_told_of_a_queue_at_most_once_a_second(make: Make) -> None:
    centre = await make()
    centre.seen.queues.clear()
    start = centre.acd.now
    for number in range(200):
        caller, _ = centre.call("queue:sales", f"138{number:08}")
        await asyncio.sleep(0.05)
        caller.leave()
    await asyncio.sleep(2)
    assert len(centre.seen.queues) <= centre.acd.now - start + 1
    assert centre.seen.queues[-1].calls == ()
    assert centre.seen.queues[-1].abandoned == 200
