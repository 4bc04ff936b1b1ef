"""A call is streamed to a program over WebSocket, with a real phone: the program hears the phone's tone, the phone hears the
program's, and the program's mark comes back when the phone has heard the end of it."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from aiohttp import WSMsgType, web

from tests.native.parties import DECODE, ulaw
from tests.support.audio import heard_tones, tone
from tests.support.phone import Phone
from tests.support.switch import Switch, free_port, wait_for

TONES = {"phone": 450.0, "program": 1200.0}
SPOKEN = 1.5
"""Seconds."""


@dataclass
class Program:
    """TwiML at /voice and a bot at /bot, in a thread of its own."""

    port: int = field(default_factory=free_port)
    told: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    said_at: float = 0.0
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def start(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        app = web.Application()
        app.router.add_post("/voice", self._voice)
        app.router.add_post("/after", self._after)
        app.router.add_get("/bot", self._bot)
        runner = web.AppRunner(app)
        self.loop.run_until_complete(runner.setup())
        self.loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", self.port).start())
        self.loop.run_forever()

    async def _voice(self, _request: web.Request) -> web.Response:
        stream = f'<Stream url="ws://127.0.0.1:{self.port}/bot"><Parameter name="who" value="caller"/></Stream>'
        return web.Response(
            text=f'<Response><Connect action="/after">{stream}</Connect></Response>', content_type="application/xml"
        )

    async def _after(self, _request: web.Request) -> web.Response:
        return web.Response(text="<Response><Hangup/></Response>", content_type="application/xml")

    async def _bot(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                continue
            said = json.loads(message.data)
            self.told.append((time.monotonic(), said))
            if said["event"] == "start":
                await self._speak(ws, said["streamSid"])
            elif said["event"] == "mark":
                await asyncio.sleep(0.3)  # what the phone says meanwhile still arrives
                await ws.close()
        return ws

    async def _speak(self, ws: web.WebSocketResponse, stream: str) -> None:
        """All at once, much faster than it can be heard."""
        sound = ulaw(tone(TONES["program"], SPOKEN))
        self.said_at = time.monotonic()
        for at in range(0, len(sound), 4000):
            payload = base64.b64encode(sound[at : at + 4000]).decode()
            await ws.send_json({"event": "media", "streamSid": stream, "media": {"payload": payload}})
        await ws.send_json({"event": "mark", "streamSid": stream, "mark": {"name": "said"}})

    def of(self, event: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, said) for at, said in tuple(self.told) if said["event"] == event]

    def heard(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        octets = b"".join(base64.b64decode(said["media"]["payload"]) for _, said in self.of("media"))
        return DECODE[np.frombuffer(octets, np.uint8)]


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program()
    made.start()
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)


def test_a_bot_talks_with_a_phone(tmp_path: Any, program: Program) -> None:
    apply = (
        '[[extension]]\nnumber = "1001"\npassword = "secret-1001"\n'
        f'[[application]]\nname = "bot"\nurl = "http://127.0.0.1:{program.port}/voice"\nsecret = "a-secret-of-16-signs"\n'
        '[[number]]\nnumber = "7000"\nto = "application:bot"\n'
    )
    with (
        Switch(tmp_path, apply) as switch,
        Phone("1001", "secret-1001", f"127.0.0.1:{switch.sip_port}", TONES["phone"], ("pcmu",)) as phone,
    ):
        phone.do("register")
        phone.dial("7000")
        wait_for(lambda: program.of("start"), 5, "the stream")
        wait_for(lambda: phone.hears(TONES, 0.5) == {"program"}, 3, "the phone to hear the program")
        wait_for(lambda: program.of("mark"), 5, "the mark")
        time.sleep(0.2)
        asked_at, heard = time.monotonic(), phone.audio(3.0)
        wait_for(lambda: phone.state() == "CLOSED", 5, "the call to end")
        (record,) = switch.ended_calls(1)
        timeline = [event["type"] for event in switch.api("GET", f"/calls/{record['id']}")["timeline"]]
    _judge(program, asked_at - _quiet(heard))
    assert "stream.started" in timeline
    assert "stream.ended" in timeline


def _quiet(heard: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Seconds of silence at the end."""
    loud = np.flatnonzero(np.abs(heard) > 0.05)
    assert len(loud), "the phone heard something"
    return float(len(heard) - loud[-1]) / 8000


def _judge(program: Program, ended_at: float) -> None:
    """`ended_at`: when the phone had heard the last of what the program said."""
    ((_, start),) = program.of("start")
    assert start["start"]["customParameters"] == {"who": "caller"}
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    media = [said for _, said in program.of("media")]
    assert [int(said["media"]["chunk"]) for said in media] == list(range(1, len(media) + 1))
    times = [int(said["media"]["timestamp"]) for said in media]
    assert all(after - before == 20 for before, after in pairwise(times))
    assert heard_tones(program.heard()[-4000:], TONES) == {"phone"}, "the phone alone, not what the program itself says"
    ((marked_at, _),) = program.of("mark")
    # In virtual time the engine keeps 40 ms (engine/tests/taps.rs); here a phone's buffer and a loaded machine are between.
    assert abs(marked_at - ended_at) < 0.15, f"told {marked_at - ended_at:+.3f} s after it was heard"
    assert marked_at - program.said_at > SPOKEN


def test_a_program_hears_both_sides_by_rest(tmp_path: Any, program: Program) -> None:
    apply = '[[extension]]\nnumber = "1001"\npassword = "secret-1001"\n[[number]]\nnumber = "7001"\nto = "echo"\n'
    with (
        Switch(tmp_path, apply) as switch,
        Phone("1001", "secret-1001", f"127.0.0.1:{switch.sip_port}", TONES["phone"], ("pcma",)) as phone,
    ):
        phone.do("register")
        phone.dial("7001")
        wait_for(lambda: phone.hears(TONES, 0.5) == {"phone"}, 5, "the echo")
        (call,) = switch.api("GET", "/calls?state=live")["items"]
        path = f"/calls/{call['id']}/streams"
        made = switch.api("POST", path, {"url": f"ws://127.0.0.1:{program.port}/bot", "track": "both", "name": "ear"})
        wait_for(lambda: len(program.of("media")) > 100, 6, "sound")
        (view,) = switch.api("GET", path)["items"]
        assert (view["id"], view["state"], view["tracks"]) == (made["id"], "open", ["inbound", "outbound"])
        switch.api("DELETE", f"{path}/ear")
        wait_for(lambda: program.of("stop"), 3, "the end")
        assert switch.api("GET", path)["items"] == []
        assert phone.hears(TONES, 0.5) == {"phone"}, "the call goes on"
        phone.do("hangup")
    for track in ("inbound", "outbound"):
        sound = b"".join(
            base64.b64decode(said["media"]["payload"]) for _, said in program.of("media") if said["media"]["track"] == track
        )
        assert heard_tones(DECODE[np.frombuffer(sound, np.uint8)][-4000:], TONES) == {"phone"}
