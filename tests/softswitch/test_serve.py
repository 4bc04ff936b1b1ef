"""The composition root over real sockets and database, with a fake engine: readiness, draining, recovery, taken ports."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from media.fake import FakeEngine
from softswitch.bootstrap.node import Node
from softswitch.bootstrap.serve import serve
from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.config.load import load
from softswitch.config.problems import Refused
from softswitch.config.settings import Settings
from softswitch.directory.service import SCHEMA
from softswitch.model.events import CallConnected, CallCreated, Event, RecordingStarted
from softswitch.observe.clock import SystemClock
from softswitch.store.calls import call_record, timeline_of
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from softswitch.store.recordings import recordings_of
from tests.support.switch import free_port


def _settings(folder: Path, **more: Any) -> Settings:
    values = {
        "data_dir": str(folder / "data"),
        "sip.listen": ["udp:127.0.0.1:0"],
        "http.listen": f"127.0.0.1:{free_port()}",
        "media.listen": "127.0.0.1",
        "node.drain_seconds": 0,
        **more,
    }
    return load(None, {}, None, values)


def _engine(_settings: Settings) -> FakeEngine:
    engine = FakeEngine()
    engine.follow(asyncio.get_running_loop())
    return engine


@asynccontextmanager
async def _running(settings: Settings, **more: Any) -> AsyncIterator[Node]:
    """A switch that serves; it is stopped as by a signal."""
    stop = asyncio.Event()
    ready: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, make_engine=_engine, on_ready=ready.set_result, stop=stop, **more))
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield ready.result()
    finally:
        stop.set()
        await task


async def _get(settings: Settings, path: str) -> tuple[int, str]:
    address = f"http://{settings.http.listen}{path}"
    async with aiohttp.ClientSession() as session, session.get(address) as reply:
        return reply.status, await reply.text()


async def test_what_is_stored_is_for_its_owner_only(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        async with _running(_settings(tmp_path)) as node:
            data = node.settings.data_dir
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()}
    finally:
        os.umask(old)
    assert [name for name, mode in modes.items() if mode & 0o077] == []
    assert {"secret.key", "recordings"} < set(modes)


async def test_ready_means_applied_and_listening(tmp_path: Path) -> None:
    file = tmp_path / "apply.toml"
    file.write_text('[[number]]\nnumber = "9196"\nto = "echo"\n')
    settings = _settings(tmp_path)
    async with _running(settings, apply_file=file) as node:
        assert "9196" in node.directory.current().numbers
        assert (await _get(settings, "/readyz"))[0] == 200
        assert (await _get(settings, "/healthz"))[0] == 200
        assert "softswitch_calls_active 0.0" in (await _get(settings, "/metrics"))[1]
        assert node.driver.bound[0].startswith("udp:127.0.0.1:")
        status = await node.services.status()
        assert status["live_calls"] == 0
        assert status["listeners"][0] == node.driver.bound[0]
    with pytest.raises(aiohttp.ClientConnectorError):
        await _get(settings, "/healthz")


_REGISTER = (
    "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:1001@h>;tag=1\r\nTo: <sip:1001@h>\r\n"
    "Call-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@a.invalid;transport=ws>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


async def test_sip_over_websocket_at_the_address_of_the_pages(tmp_path: Path) -> None:
    file = tmp_path / "apply.toml"
    file.write_text('[[extension]]\nnumber = "1001"\npassword = "secret-1001"\n')  # a switch without phones is silent
    settings = _settings(tmp_path, **{"sip.ws_origins": ["https://pages.test"]})
    address = f"http://{settings.http.listen}/sip"
    async with _running(settings, apply_file=file) as node, aiohttp.ClientSession() as session:
        assert (await _get(settings, "/sip"))[0] == 426, "no page, an upgrade"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address, protocols=("sip",), origin="https://elsewhere.test")
        assert refused.value.status == 403
        async with session.ws_connect(address, protocols=("sip",), origin="https://pages.test") as socket:
            await socket.send_str(_REGISTER)
            assert (await socket.receive_str(timeout=5)).startswith("SIP/2.0 401 ")
            assert node.driver.connections == 1


async def test_a_faulty_apply_file_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "apply.toml"
    file.write_text('[[number]]\nnumber = "1"\nto = "flow:nowhere"\n')
    with pytest.raises(Refused, match=r"apply\.toml:3"):
        async with _running(_settings(tmp_path), apply_file=file):
            pytest.fail("it must not become ready")


@pytest.mark.parametrize("key", ["sip.listen", "http.listen"])
async def test_a_taken_port_is_named(tmp_path: Path, key: str) -> None:
    kind = socket.SOCK_DGRAM if key == "sip.listen" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        value = [f"udp:127.0.0.1:{port}"] if key == "sip.listen" else f"127.0.0.1:{port}"
        with pytest.raises(OSError, match=rf"{key}: cannot listen on .*{port}.*in use"):
            async with _running(_settings(tmp_path, **{key: value})):
                pytest.fail("it must not become ready")


async def test_the_demo_is_the_same_at_each_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = _settings(tmp_path)
    async with _running(settings, demo=True) as node:
        first = node.directory.current()
        assert {"agent1", "agent2", "supervisor", "admin"} <= set(first.users)
        assert {"1000", "9196"} == set(first.numbers)
        assert set(first.extensions) == {"1001", "1002"}
        assert node.demo is not None
        assert node.demo.links["agent"].startswith(f"http://{settings.http.listen}/login#code=")
    said = capsys.readouterr().out
    assert "/demo" in said
    assert "extension 1001" in said
    async with _running(settings, demo=True) as node:
        assert node.directory.current().extensions == first.extensions
    assert "extension 1001:" not in capsys.readouterr().out, "passwords are shown only when they are made"


async def test_what_a_crash_left_is_closed_before_the_switch_is_ready(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    await _crash(settings, lambda journal: _a_live_call(settings, journal))
    async with _running(settings) as node:
        record = await node.store.read(lambda c: call_record(c, "c1"))
        assert record is not None
        assert (record.result, record.cause, record.who) == ("interrupted", "NODE_LOST", "system")
        timeline = await node.store.read(lambda c: timeline_of(c, "c1"))
        assert timeline[-1].type in ("call.ended", "rec.finished")
        (recording,) = (await node.store.read(lambda c: recordings_of(c, ["c1"])))["c1"]
        assert (recording.status, recording.duration_ms) == ("recovered", 2000)
        assert node.switch.keeper.path(recording.file).is_file()


def _a_live_call(settings: Settings, journal: Callable[[Event], None]) -> None:
    now = SystemClock().utc() - 5
    journal(CallCreated(call="c1", seq=1, at=now, direction="in", caller="139", called="4008"))
    journal(CallConnected(call="c1", seq=2, at=now + 1, other="agent:li", agent="li", queue="sales"))
    journal(RecordingStarted(call="c1", seq=3, at=now + 1, recording="r1", file="2026/01/01/c1.wav"))
    part = settings.data_dir / "recordings" / "2026/01/01/c1.wav.part"
    part.parent.mkdir(parents=True)
    with wave.open(str(part), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(64_000))


async def _crash(settings: Settings, live: Callable[[Callable[[Event], None]], None]) -> None:
    """A process that commits some events and is no more: nothing is closed in an orderly way but the file itself."""
    settings.data_dir.mkdir(parents=True)
    store = await Store.open(settings.database_url, (SCHEMA,))
    journal = Journal(store, Bus().publish, SystemClock(), fold)
    await journal.recover()
    journal.start()
    live(journal.append)
    await journal.flush()
    await journal.close()
    await store.close()
