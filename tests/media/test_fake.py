"""What the FakeEngine adds to the contract: virtual time, labels, injected failures, following a loop."""

from __future__ import annotations

import asyncio
import select

import pytest

from media.commands import LoadPrompt, OpenPort, PayloadMap, Play, PortKind, Tone, UpdatePort
from media.errors import EngineClosed, NoCapacity
from media.events import CommandFailed, Dtmf, PlayEnded, PortOpened
from media.fake import FakeEngine


@pytest.fixture
def engine():
    engine = FakeEngine(prompt_ms={"welcome": 1000}, auto_media=False)
    yield engine
    engine.close()


def readable(engine):
    return bool(select.select([engine.fileno()], [], [], 0)[0])


def test_the_descriptor_is_readable_while_events_wait(engine):
    assert not readable(engine)
    engine.submit([LoadPrompt(1, "/prompts/welcome.wav"), LoadPrompt(2, "/prompts/welcome.wav")])
    assert readable(engine)
    assert len(engine.drain()) == 2
    assert not readable(engine)
    assert engine.drain() == []


def test_players_end_in_order_at_their_times(engine):
    engine.submit([LoadPrompt(1, "welcome.wav"), Play(5, 1, (1, 1)), Play(6, 1, (1,)), Play(7, 1, (1,), loop=True)])
    engine.drain()
    engine.advance(1500)
    assert engine.drain() == [PlayEnded(6, "done", 1000)]
    engine.advance(5000)
    assert engine.drain() == [PlayEnded(5, "done", 2000)]
    assert engine.now == 6.5
    assert engine.live["players"] == 1


def test_injected_failure_hits_the_next_command_of_that_name(engine):
    engine.fail_next("Play", "limit")
    seq = engine.submit([Play(5, 1, tone=Tone((440.0,))), Play(6, 1, tone=Tone((440.0,)))])
    assert engine.drain() == [CommandFailed(seq, 0, "Play", 5, "limit")]
    assert engine.live["players"] == 1


def test_reservations_expire(engine):
    token = engine.reserve(PortKind.RTP, 1).token
    engine.advance(30_000)
    engine.submit([OpenPort(1, token, (PayloadMap("PCMU", 0, 8000),))])
    assert [event.reason for event in engine.drain()] == ["bad_token"]


def test_capacity():
    engine = FakeEngine(max_ports=1)
    engine.reserve(PortKind.RTP, 1)
    with pytest.raises(NoCapacity):
        engine.reserve(PortKind.RTP, 1)
    engine.advance(30_000)
    engine.reserve(PortKind.RTP, 1)
    engine.close()


def test_update_changes_only_what_is_given(engine):
    token = engine.reserve(PortKind.RTP, 1).token
    engine.submit([OpenPort(1, token, (PayloadMap("PCMU", 0, 8000),), remote=("192.0.2.1", 4000)), UpdatePort(1, ptime=30)])
    assert engine.drain() == [PortOpened(1)]
    command = engine.ports[1].command
    assert (command.ptime, command.remote) == (30, ("192.0.2.1", 4000))
    engine.start_media(1)
    assert engine.drain()[0].remote == "192.0.2.1:4000"


def test_digits_stop_only_players_that_listen_for_them(engine):
    engine.submit([LoadPrompt(1, "welcome.wav"), Play(5, 1, (1,), until_digit_of=(9,)), Play(6, 1, (1,))])
    engine.drain()
    engine.send_digits(9, "7")
    assert engine.drain() == [Dtmf(9, "7", 100, "rfc4733", 0.0), PlayEnded(5, "digit", 0)]


async def test_it_follows_a_running_loop(engine):
    loop = asyncio.get_running_loop()
    engine.follow(loop)
    engine.submit([LoadPrompt(1, "welcome.wav"), Play(5, 1, (1,), offset=980)])
    engine.drain()
    arrived = asyncio.Event()
    loop.add_reader(engine.fileno(), arrived.set)
    async with asyncio.timeout(2):
        await arrived.wait()
    loop.remove_reader(engine.fileno())
    (ended,) = engine.drain()
    assert (ended.player, ended.reason, ended.played_ms) == (5, "done", 20)


def test_a_closed_engine_says_so(engine):
    engine.close()
    with pytest.raises(EngineClosed):
        engine.submit([])
