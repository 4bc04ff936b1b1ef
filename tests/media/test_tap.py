"""Handles of taps and injects on the fake engine."""

from __future__ import annotations

import asyncio

import pytest

from media.commands import Listen
from media.errors import CommandRefused, EngineClosed
from media.events import TapOverrun
from media.fake import FakeEngine
from media.service import MediaService


@pytest.fixture
async def media():
    service = MediaService(FakeEngine())
    service.start()
    yield service
    service.close()


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_chunks_come_in_order_and_a_slow_reader_is_told_what_it_missed(media):
    engine = media.pump.engine
    tap = media.tap(media.new_group())
    media.submit(tap.command({}, chunk=20, queue=60))
    for number in range(5):
        engine.hear(tap.id, bytes([number]))
    await settle()
    first = await tap.next()
    assert (first.data, first.missing) == (b"\x02", 40)
    assert [(await tap.next()).data for _ in range(2)] == [b"\x03", b"\x04"]
    engine.emit(TapOverrun(tap.id, 100))
    engine.hear(tap.id, b"\x09")
    assert (await tap.next()).missing == 100
    assert tap.dropped_ms == 140


async def test_closing_ends_the_reader_and_the_node(media):
    tap = media.tap(media.new_group())
    media.submit(tap.command({}))
    reader = asyncio.create_task(tap.next())
    await settle()
    tap.close()
    tap.close()
    with pytest.raises(EngineClosed):
        await reader
    assert media.pump.engine.live["taps"] == 0


async def test_a_refused_tap_is_an_error_of_its_reader(media):
    tap = media.tap(media.new_group())
    media.submit(tap.command({}, chunk=30))
    with pytest.raises(CommandRefused):
        await tap.next()


async def test_marks_and_refusals_reach_the_owner(media):
    engine = media.pump.engine
    marks, refused = [], []
    inject = media.inject(media.new_group(), on_mark=lambda at: marks.append(at.mark), on_refused=refused.append)
    media.submit(inject.command(queue=1000), [Listen(999, {})])
    inject.put(bytes(1600), "one")
    inject.put(bytes(1 << 21), "too long")
    engine.advance(150)
    await settle()
    assert marks == ["one"]
    assert "limit" in refused
    inject.put(bytes(1600), "two")
    inject.clear()
    await settle()
    assert marks[:2] == ["one", "two"] or marks[-1] == "two"
    inject.close()
    inject.put(b"", "never")
    assert engine.live["injects"] == 0
