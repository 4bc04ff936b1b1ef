"""Streams of calls to a program behind a real WebSocket: what it hears, what is heard of it, how they end, what is dropped."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from media.events import Dtmf
from softswitch.calls.call import Call
from softswitch.directory.model import RecordingRule
from softswitch.features.conference import Conferences, Means
from softswitch.model import events as ev
from softswitch.model.destination import DestinationKind
from softswitch.model.errors import Conflict, NotFound
from softswitch.streams.model import Format, StreamWish, Track
from softswitch.streams.service import Streams
from tests.support.office import Office, Party


@dataclass
class Program:
    """The other side: what it was told, and its socket to say something."""

    server: TestServer | None = None
    told: list[dict[str, object]] = field(default_factory=list)
    sound: list[bytes] = field(default_factory=list)
    ws: web.WebSocketResponse | None = None
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/bot?key=secret")).replace("http", "ws", 1)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.headers = dict(request.headers)
        self.ws = ws = web.WebSocketResponse(max_msg_size=1 << 20)
        await ws.prepare(request)
        await self.reads.wait()
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                self.told.append(json.loads(message.data))
            elif message.type is WSMsgType.BINARY:
                self.sound.append(message.data)
        return ws

    def words(self) -> list[object]:
        return [one["event"] for one in self.told]

    async def say(self, **message: object) -> None:
        assert self.ws is not None
        await self.ws.send_json(message)


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    made = Program()
    made.reads.set()
    app = web.Application()
    app.router.add_get("/bot", made.serve)
    made.server = TestServer(app)
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path, agents=(), queues=())
    yield made
    await made.close()


@pytest.fixture
async def streams(office: Office) -> AsyncIterator[Streams]:
    numbers = iter(range(1, 100))
    made = Streams(office.media, office.clock, lambda: f"s{next(numbers)}", office.calls.get)
    yield made
    await made.close()


async def until(true: Callable[[], object], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def talking(office: Office) -> tuple[Party, Call]:
    """Caller and 1001 are talking."""
    caller, call = office.call("extension:1001")
    await asyncio.sleep(0.05)
    office.phone("1001").accept()
    await asyncio.sleep(0.05)
    return caller, call


async def test_a_program_hears_both_sides_and_keys_and_is_told_the_end(office, streams, program, talking):
    caller, call = talking
    view = streams.start(call, StreamWish(url=program.url, tracks=tuple(Track), name="ear", secret="k"), "admin")
    assert (view.state, view.url.endswith("/bot")) == ("connecting", True), "the query may be secret"
    await until(lambda: "start" in program.words())
    await until(lambda: len(office.engine.taps) == 2)
    said, heard = sorted(office.engine.taps)
    assert office.engine.tapped(said) == {"caller 13800138000"}
    assert office.engine.tapped(heard) == {"1001"}
    office.engine.hear(said, b"\x01" * 160)
    office.engine.hear(heard, b"\x02" * 160)
    office.engine.emit(Dtmf(caller.port, "7", 100, "rfc4733", 0.0))
    await until(lambda: program.words().count("media") == 2 and "dtmf" in program.words())
    media = {one["media"]["track"]: one["media"] for one in program.told if one["event"] == "media"}
    assert base64.b64decode(media["outbound"]["payload"]) == b"\x02" * 160
    assert program.headers["X-Softswitch-Signature"]
    assert [view.state for view in streams.views(call)] == ["open"]
    call.hang_up()
    await until(lambda: program.words()[-1] == "stop")
    await until(lambda: office.of(ev.CallEnded))
    started, ended = office.of(ev.StreamStarted)[0], office.of(ev.StreamEnded)[0]
    assert (started.name, started.tracks, started.actor) == ("ear", ("inbound", "outbound"), "admin")
    assert ended.reason == "ended"
    assert ended.seq < office.of(ev.CallEnded)[0].seq
    assert office.engine.live["taps"] == 0


async def test_what_a_program_says_is_heard_by_that_party_alone_and_its_marks_come_back(office, streams, program, talking):
    caller, call = talking
    streams.start(call, StreamWish(url=program.url, speaks=True))
    await until(lambda: office.engine.injects)
    (inject,) = office.engine.injects
    office.engine.label(inject, "program")
    await until(lambda: caller.hears == {"1001", "program"})
    assert office.phone("1001").hears == {"caller 13800138000"}
    payload = base64.b64encode(b"\x55" * 1600).decode()
    await program.say(event="media", streamSid="s1", media={"payload": payload})
    await program.say(event="mark", streamSid="s1", mark={"name": "said"})
    began = asyncio.get_running_loop().time()
    await until(lambda: "mark" in program.words())
    assert asyncio.get_running_loop().time() - began > 0.15, "only when it was heard"
    assert office.engine.injects[inject].pcm == b"\x55" * 1600
    await program.say(event="media", media={"payload": payload * 1})
    await program.say(event="mark", mark={"name": "cut"})
    await program.say(event="clear")
    await until(lambda: program.words().count("mark") == 2)
    office.calls.get(call.id).mix.apply()
    assert caller.hears == {"1001", "program"}
    await program.ws.close()
    await until(lambda: office.of(ev.StreamEnded))
    assert office.of(ev.StreamEnded)[0].reason == "closed"
    assert caller.hears == {"1001"}
    assert not call.is_over


async def test_a_party_that_moves_is_followed_and_one_that_leaves_ends_it(office, streams, program, talking):
    _, call = talking
    streams.start(call, StreamWish(url=program.url, party="extension:1001"))
    await until(lambda: office.engine.taps)
    room = office.media.new_group()
    office.phone("1001").join(room)
    call.mix.apply()
    (tap,) = office.engine.taps
    assert office.engine.taps[tap].command.group == room
    office.engine.hear(tap, b"\x03" * 160)
    await until(lambda: "media" in program.words())
    office.phone("1001").leave()
    await until(lambda: office.of(ev.StreamEnded))


async def test_a_program_that_reads_nothing_costs_the_call_nothing_and_the_loss_is_told(office, streams, program, talking):
    _, call = talking
    program.reads.clear()
    streams.start(call, StreamWish(url=program.url, format=Format.RAW, rate=48_000))
    await until(lambda: office.engine.taps)
    (tap,) = office.engine.taps
    for _ in range(4000):  # 80 s of sound, far more than sockets hold
        office.engine.hear(tap, bytes(1920))
        if _ % 100 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    (view,) = streams.views(call)
    assert view.state == "open"
    program.reads.set()
    await until(lambda: any(one["event"] == "dropped" for one in program.told))
    await until(lambda: office.of(ev.StreamDropped))
    assert office.of(ev.StreamDropped)[0].direction == "out"
    assert office.of(ev.StreamDropped)[0].ms > 1000
    kept = sum(map(len, program.sound))
    assert kept < 6_000_000, "bounded"


async def test_too_much_said_is_dropped_and_told(office, streams, program, talking):
    _, call = talking
    streams.start(call, StreamWish(url=program.url, format=Format.RAW, speaks=True))
    await until(lambda: office.engine.injects)
    for _ in range(5):
        await program.ws.send_bytes(bytes(400_000))  # 25 s each, 60 s may wait
    await until(lambda: office.of(ev.StreamDropped))
    assert office.of(ev.StreamDropped)[0].direction == "in"


async def test_who_cannot_be_reached_and_what_cannot_be(office, streams, program, talking):
    _, call = talking
    streams.start(call, StreamWish(url="ws://127.0.0.1:9/none"))
    await until(lambda: office.of(ev.StreamEnded))
    assert office.of(ev.StreamEnded)[0].reason == "unreachable"
    assert office.of(ev.StreamStarted) == []
    with pytest.raises(NotFound):
        streams.start(call, StreamWish(url=program.url, party="agent:nobody"))
    with pytest.raises(NotFound):
        streams.stop(call, "s99")
    streams.start(call, StreamWish(url=program.url, speaks=True))
    with pytest.raises(Conflict):
        streams.start(call, StreamWish(url=program.url, speaks=True))
    for _ in range(3):
        streams.start(call, StreamWish(url=program.url))
    with pytest.raises(Conflict):
        streams.start(call, StreamWish(url=program.url))


async def test_connecting_lasts_until_the_program_ends_it_or_it_is_stopped(office, streams, program, talking):
    _, call = talking
    for by_program, reason in ((True, "closed"), (False, "stopped")):
        waiting = asyncio.create_task(streams.connect(call, StreamWish(url=program.url, speaks=True, name="bot")))
        await until(lambda: office.engine.injects)
        if by_program:
            await program.ws.close()
        else:
            streams.stop(call, "bot")
        assert await asyncio.wait_for(waiting, 3) == reason
    waiting = asyncio.create_task(streams.connect(call, StreamWish(url=program.url)))
    await until(lambda: office.engine.taps)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert office.engine.live["taps"] == 0


async def test_nonsense_is_borne_for_a_while(office, streams, program, talking):
    _, call = talking
    streams.start(call, StreamWish(url=program.url))
    await until(lambda: office.engine.taps)
    for _ in range(25):
        with contextlib.suppress(ConnectionError):
            await program.ws.send_str("{")
    await until(lambda: office.of(ev.StreamEnded))
    assert office.of(ev.StreamEnded)[0].reason == "lost"


async def test_what_a_program_says_to_the_customer_is_recorded_and_in_a_room_all_hear_it(office, streams, program):
    office.handlers[DestinationKind.CONFERENCE] = Conferences(
        Means(
            media=office.media,
            directory=lambda: office.snapshot,
            clock=office.clock,
            keeper=office.calls._board.keeper,
            ids=office.calls._board.ids,
        )
    ).join
    office.snapshot = replace(office.snapshot, recording_rules={"all": RecordingRule(name="all")})
    _, call = office.call("extension:1001")
    await asyncio.sleep(0.05)
    office.phone("1001").accept()
    await asyncio.sleep(0.05)
    streams.start(call, StreamWish(url=program.url, speaks=True))
    await until(lambda: office.engine.injects)
    (inject,) = office.engine.injects
    office.engine.label(inject, "program")
    assert office.engine.records(call.mix.recorder) == ({"caller 13800138000"}, {"1001", "program"})

    others = [office.call("conference:r", number)[0] for number in ("138", "139")]
    member, meeting = office.call("conference:r", "137")
    await asyncio.sleep(0.05)
    streams.start(meeting, StreamWish(url=program.url, speaks=True, name="bot"))
    await until(lambda: len(office.engine.injects) == 2)
    office.engine.label(max(office.engine.injects), "bot")
    assert [one.hears for one in (*others, member)] == [
        {"caller 139", "caller 137", "bot"}, {"caller 138", "caller 137", "bot"}, {"caller 138", "caller 139", "bot"},
    ]  # fmt: skip
    streams.stop(meeting, "bot")
    assert others[0].hears == {"caller 139", "caller 137"}
