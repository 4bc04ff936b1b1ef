"""The pump: order, waiting, a subscriber that fails; the loader of the native engine."""

from __future__ import annotations

import asyncio
import sys

import pytest

from media.commands import ClosePort, Listen, MovePort, Play, Record, StopPlay, Tone
from media.engine import EnginePump, Ids, native_engine, refusal
from media.errors import CommandRefused, EngineClosed, NoCapacity
from media.events import CommandFailed, EventsDropped, MediaLost, MediaResumed, Overload, PlayEnded
from media.fake import FakeEngine


@pytest.fixture
async def pump():
    pump = EnginePump(FakeEngine(record_files=False))
    pump.start()
    yield pump
    pump.close()


async def test_events_keep_their_order_and_find_their_node(pump):
    seen, every = [], []
    pump.subscribe(7, seen.append)
    pump.watch(every.append)
    sent = [MediaLost(7, 1), MediaLost(8, 2), MediaResumed(7), Overload(0, 1, 2.0, ""), EventsDropped(3)]
    for event in sent:
        pump.engine.emit(event)
    await asyncio.sleep(0.01)
    assert seen == [sent[0], sent[2]]
    assert every == sent


async def test_a_failing_subscriber_takes_nothing_from_the_others(pump):
    seen, problems = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))

    def broken(event):
        raise ValueError(event.port)

    pump.subscribe(7, broken)
    pump.subscribe(8, seen.append)
    for port in (7, 8, 7, 8):
        pump.engine.emit(MediaResumed(port))
    await asyncio.sleep(0.01)
    assert seen == [MediaResumed(8)] * 2
    assert len(problems) == 2


async def test_expect_fails_with_the_command(pump):
    ended = pump.expect(5, PlayEnded, "Play")
    pump.submit([Play(5, 1, prompts=(99,))])
    with pytest.raises(CommandRefused) as caught:
        await ended
    assert (caught.value.command, caught.value.reason, caught.value.target) == ("Play", "unknown_id", 5)


async def test_a_cancelled_wait_leaves_no_subscriber(pump):
    waiting = asyncio.ensure_future(pump.expect(5, PlayEnded))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    pump.submit([Play(5, 1, tone=Tone((440.0,))), StopPlay(5)])
    await asyncio.sleep(0.01)
    assert waiting.cancelled()


async def test_failures_of_a_batch_reach_its_sender(pump):
    failures = []
    seq = pump.submit([Listen(1, {}), ClosePort(2), Record(3, 1, "x", ({4: 0.0},)), Listen(5, {})], failures.append)
    pump.submit([Listen(6, {})])
    await asyncio.sleep(0.01)
    assert [(each.seq, each.index, each.target) for each in failures] == [(seq, 0, 1), (seq, 3, 5)]


async def test_the_pump_remembers_what_each_listener_hears(pump):
    pump.submit([Listen(1, {2: -6.0})])
    assert pump.sources_of(1) == {2: -6.0}
    pump.submit([MovePort(1, 9)])
    assert pump.sources_of(1) == {}


async def test_a_closed_pump_says_so(pump):
    pump.close()
    pump.close()
    with pytest.raises(EngineClosed):
        pump.submit([])


@pytest.mark.parametrize(("reason", "error"), [("draining", NoCapacity), ("busy", NoCapacity), ("limit", CommandRefused)])
def test_refusals(reason, error):
    assert isinstance(refusal(CommandFailed(1, 0, "OpenPort", 5, reason)), error)


def test_ids_are_never_repeated():
    ids = Ids(100)
    assert [ids.next() for _ in range(3)] == [100, 101, 102]


def test_without_the_built_module_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "media._native", None)
    with pytest.raises(ImportError, match="script/setup"):
        native_engine()
