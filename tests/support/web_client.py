"""A person's or customer's page without a browser: the product's WebSocket, and aiortc as the WebRTC peer.

Sends a tone all the time; remembers what it heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from av import AudioFrame, AudioResampler

from tests.support.audio import Samples, heard_tones
from tests.support.switch import Switch

RATE = 8000


class ToneTrack(MediaStreamTrack):
    """20 ms frames of one tone (or of given samples), paced by the wall clock."""

    kind = "audio"

    def __init__(self, hertz: float, samples: Samples | None = None) -> None:
        super().__init__()
        self.hertz = hertz
        self.samples = samples
        self._index = 0
        self._start = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        await asyncio.sleep(max(0.0, self._start + self._index * 0.02 - loop.time()))
        size = RATE // 50
        begin = self._index * size
        if self.samples is not None:
            part = self.samples[begin : begin + size]
            part = np.pad(part, (0, size - len(part)))
        else:
            part = 0.3 * np.sin(2 * np.pi * self.hertz * (begin + np.arange(size)) / RATE)
        frame = AudioFrame.from_ndarray((part * 32767).astype("<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = begin
        frame.time_base = fractions.Fraction(1, RATE)
        self._index += 1
        return frame


@dataclass
class WebClient:
    """Use as an async context manager. `login` "" is a widget, which needs `token` and `origin`."""

    switch: Switch
    login: str = ""
    hertz: float = 600.0
    codec: str = "PCMU"
    token: str = ""
    origin: str = ""
    login_link: str = ""
    """A link that was made before; otherwise the command line makes one."""
    samples: Samples | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    heard: list[tuple[float, Samples]] = field(default_factory=list)
    """When it came (loop time), and the samples."""
    hello: dict[str, Any] = field(default_factory=dict)

    async def __aenter__(self) -> WebClient:
        self._http = aiohttp.ClientSession(self.switch.url, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Condition()
        self._next = 1
        self._peer: RTCPeerConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        query, headers = "", {}
        if self.login:
            code = (self.login_link or self.switch.link(self.login)).split("#code=")[1]
            async with self._http.post("/api/v1/auth/link", json={"code": code}) as reply:
                assert reply.status == 200, await reply.text()
            headers = {"Origin": self.switch.url}
        else:
            query, headers = f"?token={self.token}", {"Origin": self.origin}
        self._ws = await self._http.ws_connect(f"/api/v1/ws{query}", headers=headers)
        self._tasks.append(asyncio.create_task(self._read()))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._peer is not None:
            await self._peer.close()
        await self._ws.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def _read(self) -> None:
        async for message in self._ws:
            document = json.loads(message.data)
            if "re" in document:
                self._replies.pop(document["re"]).set_result(document)
                continue
            async with self._news:
                self.events.append(document["event"])
                self._news.notify_all()

    async def ask(self, kind: str, **more: Any) -> dict[str, Any]:
        """One request; its `ok` value. Raises AssertionError with the problem."""
        reply = await self.ask_raw(kind, **more)
        assert "ok" in reply, reply
        found: dict[str, Any] = reply["ok"]
        return found

    async def ask_raw(self, kind: str, **more: Any) -> dict[str, Any]:
        number = self._next
        self._next += 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[number] = future
        await self._ws.send_json({"id": number, "type": kind, **more})
        return await asyncio.wait_for(future, 15)

    async def event(self, kind: str, seconds: float = 15.0, **wanted: Any) -> dict[str, Any]:
        """The next (or an earlier, not yet taken) event of this type with these values."""

        def find() -> dict[str, Any] | None:
            for index, event in enumerate(self.events):
                if event["type"] == kind and all(event.get(key) == value for key, value in wanted.items()):
                    return self.events.pop(index)
            return None

        async with asyncio.timeout(seconds), self._news:
            while True:
                if (found := find()) is not None:
                    return found
                await self._news.wait()

    async def start_work(self) -> None:
        """What an agent's page does first: hears of its own matters, has sound, is ready."""
        await self.ask("subscribe", topics=["agent"])
        await self.connect_media()
        await self.ask("agent.state", state="ready")

    def voice(self) -> MediaStreamTrack:
        """What this page's microphone gives."""
        return ToneTrack(self.hertz, self.samples)

    async def connect_media(self, request: str = "media.offer", **more: Any) -> dict[str, Any]:
        """Creates the peer connection, offers it, and starts sending and hearing. Returns the reply."""
        peer = RTCPeerConnection()
        self._peer = peer
        transceiver = peer.addTransceiver(self.voice(), direction="sendrecv")
        wanted = [
            c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType.lower() == f"audio/{self.codec}".lower()
        ]
        transceiver.setCodecPreferences(wanted)

        @peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            self._tasks.append(asyncio.create_task(self._hear(track)))

        await peer.setLocalDescription(await peer.createOffer())
        reply = await self.ask(
            request, sdp=peer.localDescription.sdp, **({"leg": "main"} if request == "media.offer" else {}), **more
        )
        await peer.setRemoteDescription(RTCSessionDescription(reply["sdp"], "answer"))
        return reply

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        with contextlib.suppress(Exception):  # aiortc's MediaStreamError at the end of the track
            while True:
                frame = await track.recv()
                for part in resampler.resample(frame):
                    samples = part.to_ndarray().reshape(-1).astype(np.float64) / 32768
                    self.heard.append((asyncio.get_running_loop().time(), samples))
                del self.heard[:-3000]

    def audio(self, seconds: float = 1.0) -> Samples:
        """What arrived in the last seconds; empty when nothing did."""
        since = asyncio.get_running_loop().time() - seconds
        parts = [samples for at, samples in self.heard if at > since]
        return np.concatenate(parts)[-int(seconds * RATE) :] if parts else np.zeros(0)

    def hears(self, tones: dict[str, float], seconds: float = 0.6) -> set[str]:
        return heard_tones(self.audio(seconds), tones)
