"""WebRTC peers that nobody here wrote, each with its tone: aiortc in this process, a page in headless Chromium."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from typing import Any, Protocol

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import AudioResampler
from playwright.async_api import Page

from media.commands import Dtls, Ice, PayloadMap
from media.credentials import ice_credentials
from media.negotiation import DtlsIdentity
from tests.support.audio import Samples
from tests.support.web_client import ToneTrack

RATE = 8000
CONNECT_SECONDS = 15.0


class WebPeer(Protocol):
    """The browser's side of a call: it offers, takes our answer, plays a tone and listens."""

    async def offer(self, *, restart: bool = False) -> str: ...
    async def answer(self, sdp: str) -> None: ...
    async def connected(self) -> None: ...
    async def heard(self, seconds: float) -> Samples: ...
    async def close(self) -> None: ...


class AiortcPeer:
    """DTLS 1.2 by OpenSSL, SRTP by libsrtp, ICE by aioice."""

    def __init__(self, hertz: float) -> None:
        self._connection = RTCPeerConnection()
        self._connection.addTrack(ToneTrack(hertz))
        self._chunks: list[Samples] = []
        self._listening: asyncio.Task[None] | None = None
        self._connection.on("track", self._on_track)

    async def offer(self, *, restart: bool = False) -> str:
        assert not restart, "aiortc cannot restart ICE"
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return str(self._connection.localDescription.sdp)

    async def answer(self, sdp: str) -> None:
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def connected(self) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            while self._connection.connectionState != "connected":
                await asyncio.sleep(0.02)

    async def heard(self, seconds: float) -> Samples:
        self._chunks.clear()
        await asyncio.sleep(seconds)
        return np.concatenate(self._chunks) if self._chunks else np.zeros(0)

    async def close(self) -> None:
        await self._connection.close()
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._listening

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler("s16", "mono", RATE)
        while True:
            for frame in resampler.resample(await track.recv()):
                self._chunks.append(frame.to_ndarray().reshape(-1) / 32768)


_PAGE = """
class Ear {
  constructor(hertz) {
    this.context = new AudioContext({sampleRate: 8000});
    this.chunks = [];
    this.node = this.context.createScriptProcessor(1024, 1, 1);
    this.node.onaudioprocess = e => this.chunks.push(new Float32Array(e.inputBuffer.getChannelData(0)));
    this.node.connect(this.context.destination);
    const voice = new AudioContext();
    const oscillator = voice.createOscillator();
    oscillator.frequency.value = hertz;
    const gain = voice.createGain();
    gain.gain.value = 0.3;
    const out = voice.createMediaStreamDestination();
    oscillator.connect(gain).connect(out);
    oscillator.start();
    this.connection = new RTCPeerConnection();
    this.connection.addTrack(out.stream.getAudioTracks()[0], out.stream);
    this.connection.ontrack = e => {
      const stream = new MediaStream([e.track]);
      const element = new Audio();          // Chromium decodes a remote track only while an element plays it
      element.srcObject = stream;
      element.muted = true;
      element.play();
      this.context.createMediaStreamSource(stream).connect(this.node);
    };
  }
  async offer(restart) {
    await this.connection.setLocalDescription(await this.connection.createOffer({iceRestart: restart}));
    while (this.connection.iceGatheringState !== 'complete') await new Promise(done => setTimeout(done, 10));
    return this.connection.localDescription.sdp;
  }
  answer(sdp) { return this.connection.setRemoteDescription({type: 'answer', sdp}); }
  async connected(ms) {
    for (const end = performance.now() + ms; performance.now() < end;) {
      if (this.connection.connectionState === 'connected') return;
      await new Promise(done => setTimeout(done, 10));
    }
    throw new Error(`${this.connection.connectionState}, ICE ${this.connection.iceConnectionState}`);
  }
  async heard(ms) {
    this.chunks.length = 0;
    await new Promise(done => setTimeout(done, ms));
    const all = new Float32Array(this.chunks.length * 1024);
    this.chunks.forEach((chunk, i) => all.set(chunk, i * 1024));
    return btoa(Array.from(new Uint8Array(all.buffer), octet => String.fromCharCode(octet)).join(''));
  }
}
"""


class ChromiumPeer:
    """A page of headless Chromium: DTLS 1.3 and SRTP by BoringSSL and libsrtp, ICE by libwebrtc."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @classmethod
    async def start(cls, page: Page, hertz: float) -> ChromiumPeer:
        await page.goto("about:blank")
        await page.evaluate(f"() => {{ {_PAGE}\nwindow.ear = new Ear({hertz}); }}")
        return cls(page)

    async def offer(self, *, restart: bool = False) -> str:
        return str(await self._page.evaluate("restart => ear.offer(restart)", restart))

    async def answer(self, sdp: str) -> None:
        await self._page.evaluate("sdp => ear.answer(sdp)", sdp)

    async def connected(self) -> None:
        await self._page.evaluate("ms => ear.connected(ms)", CONNECT_SECONDS * 1000)

    async def heard(self, seconds: float) -> Samples:
        text = await self._page.evaluate("ms => ear.heard(ms)", seconds * 1000)
        return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)

    async def close(self) -> None:
        await self._page.evaluate("() => ear.connection.close()")

    async def report(self, kind: str) -> dict[str, Any]:
        """The first report of this kind in `getStats`, {} when there is none."""
        script = "async kind => [...(await ear.connection.getStats()).values()].find(one => one.type === kind) ?? {}"
        return dict(await self._page.evaluate(script, kind))

    async def path(self) -> dict[str, str]:
        """The protocols of the candidate pair in use."""
        script = """async () => {
          const all = await ear.connection.getStats();
          const pair = all.get([...all.values()].find(one => one.type === 'transport').selectedCandidatePairId);
          return {local: all.get(pair.localCandidateId).protocol, remote: all.get(pair.remoteCandidateId).protocol};
        }"""
        return dict(await self._page.evaluate(script))


class Answer:
    """A hand-made answer to one offer, and the same in the engine's words: one codec, ICE-lite."""

    def __init__(
        self, offer: str, codec: str, port: int, identity: DtlsIdentity, role: str = "passive", *, tcp_port: int = 0
    ) -> None:
        self.candidate = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"
        if tcp_port:
            self.candidate = f"a=candidate:1 1 tcp 2124414975 127.0.0.1 {tcp_port} typ host tcptype passive"
        self.offer, self.codec, self.port, self.identity, self.role = offer, codec, port, identity, role
        self.credentials = ice_credentials()
        self._format = _found(rf"a=rtpmap:(\d+ {codec}/\S+)", offer, re.IGNORECASE)
        self._mid = _found(r"a=mid:(\S+)", offer)
        self.payload_type = int(self._format.split()[0])

    @property
    def sdp(self) -> str:
        """What the peer gets."""
        lines = [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite",
            f"m=audio {self.port} UDP/TLS/RTP/SAVPF {self.payload_type}", "c=IN IP4 127.0.0.1",
            f"a=mid:{self._mid}", f"a=rtpmap:{self._format}", "a=rtcp-mux", "a=sendrecv",
            f"a=ice-ufrag:{self.credentials.ufrag}", f"a=ice-pwd:{self.credentials.pwd}",
            f"a=fingerprint:{self.identity.fingerprint}", f"a=setup:{self.role}",
            self.candidate, "a=end-of-candidates",
        ]  # fmt: skip
        return "\r\n".join(lines) + "\r\n"

    @property
    def ice(self) -> Ice:
        ours = self.credentials
        return Ice(ours.ufrag, ours.pwd, _found(r"a=ice-ufrag:(\S+)", self.offer), _found(r"a=ice-pwd:(\S+)", self.offer))

    @property
    def codecs(self) -> tuple[PayloadMap, ...]:
        """OPUS of SDP always says 48000/2 (RFC 7587 §4.1)."""
        if self.codec == "opus":
            return (PayloadMap("OPUS", self.payload_type, 48000, 2),)
        return (PayloadMap(self.codec, self.payload_type, 8000),)

    def dtls(self, fingerprint: str | None = None) -> Dtls:
        """`fingerprint`: instead of the one in the offer."""
        theirs = fingerprint or _found(r"a=fingerprint:(sha-256 \S+)", self.offer, re.IGNORECASE)
        return Dtls(theirs, self.role, self.identity.certificate, self.identity.private_key)


def _found(pattern: str, text: str, flags: Any = 0) -> str:
    match = re.search(pattern, text, flags)
    assert match is not None, f"no {pattern} in the offer:\n{text}"
    return match[1]
