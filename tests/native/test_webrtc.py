"""Browser legs of the native engine: ICE-lite, DTLS and SRTP with peers that nobody here wrote, judged by ear."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.async_api import async_playwright

import media._native  # noqa: F401 -- a missing build must fail here, not be skipped
from media.commands import ClosePort, Listen, MovePort, OpenPort, PayloadMap, PortKind, UpdatePort
from media.credentials import node_identity
from media.engine import native_engine
from media.events import DtlsState, Event, IceState, PortClosed, PortOpened
from tests.native.parties import Clock, Party
from tests.native.web_peers import RATE, AiortcPeer, Answer, ChromiumPeer, WebPeer
from tests.support.audio import heard_tones
from tests.support.chromium import FLAGS
from tests.support.switch import free_sip_port

Kind = TypeVar("Kind", bound=Event)
TONES = {"browser": 450.0, "phone": 700.0}
BROWSER, PHONE, GROUP = 1, 2, 10
PCMU = (PayloadMap("PCMU", 0, 8000),)


class Scene:
    """One engine; a phone made of a UDP socket; a browser port that both hear each other through."""

    def __init__(self, folder: Path, workers: int = 1, webrtc_port: int = 0, tcp_port: int = 0) -> None:
        self.engine = native_engine("127.0.0.1", 32000, 32998, workers, str(folder), webrtc_port, tcp_port)
        self.tcp_port = tcp_port
        self.clock = Clock()
        self.identity = node_identity()
        self.events: list[Event] = []

    async def phone(self) -> None:
        reservation = self.engine.reserve(PortKind.RTP, GROUP)
        party = self.clock.parties[PHONE] = Party(TONES["phone"])
        self.engine.submit([OpenPort(PHONE, reservation.token, PCMU, remote=party.address)])
        await self.wait(PortOpened, port=PHONE)
        party.remote = ("127.0.0.1", reservation.port)

    async def browser(
        self, peer: WebPeer, codec: str, role: str = "passive", fingerprint: str | None = None, *, connect: bool = True
    ) -> Answer:
        """Answers the peer's offer and joins it with the phone; `connect=False` keeps the answer from the peer."""
        offer = await peer.offer()
        reservation = self.engine.reserve(PortKind.WEBRTC, GROUP)
        answer = Answer(offer, codec, reservation.port, self.identity, role, tcp_port=self.tcp_port)
        dtls = answer.dtls(fingerprint)
        opening = OpenPort(BROWSER, reservation.token, answer.codecs, dtls=dtls, ice=answer.ice, rtcp_mux=True)
        self.engine.submit([opening, Listen(BROWSER, {PHONE: 0.0}), Listen(PHONE, {BROWSER: 0.0})])
        await self.wait(PortOpened, port=BROWSER)
        if connect:
            await peer.answer(answer.sdp)
        return answer

    async def wait(self, kind: type[Kind], seconds: float = 10.0, **wanted: Any) -> Kind:
        """The first event of `kind` with these fields, old ones included."""
        deadline = time.monotonic() + seconds
        while True:
            self.events += self.engine.drain()
            for event in self.events:
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in wanted.items()):
                    return event
            assert time.monotonic() < deadline, f"no {kind.__name__} {wanted} among {self.events}"
            await asyncio.sleep(0.01)

    async def ears(self, peer: WebPeer) -> tuple[set[str], set[str]]:
        """Who is heard by the browser, who by the phone."""
        await asyncio.sleep(0.5)
        since = time.monotonic()
        at_browser = heard_tones(await peer.heard(1.0), TONES, RATE)
        return at_browser, heard_tones(self.clock.parties[PHONE].samples(since), TONES)

    def close(self) -> None:
        self.clock.stop()
        self.engine.close()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    await scene.phone()
    yield scene
    scene.close()


@asynccontextmanager
async def peer_of(kind: str) -> AsyncIterator[WebPeer]:
    if kind == "aiortc":
        aiortc = AiortcPeer(TONES["browser"])
        yield aiortc
        await aiortc.close()
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield await ChromiumPeer.start(await browser.new_page(), TONES["browser"])
        await browser.close()


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
@pytest.mark.parametrize("kind", ["aiortc", "chromium"])
async def test_both_hear_each_other(scene: Scene, kind: str, codec: str) -> None:
    async with peer_of(kind) as peer:
        await scene.browser(peer, codec)
        await peer.connected()
        await scene.wait(IceState, port=BROWSER, state="connected")
        connected = await scene.wait(DtlsState, port=BROWSER, state="connected")
        assert connected.profile
        assert await scene.ears(peer) == ({"phone"}, {"browser"})
        scene.engine.submit([ClosePort(BROWSER)])
        stats = (await scene.wait(PortClosed, port=BROWSER)).stats
        assert stats.srtp_failures == 0 and stats.packets_received > 50 and stats.packets_sent > 50


@pytest.mark.parametrize("kind", ["aiortc", "chromium"])
async def test_we_may_be_the_active_side(scene: Scene, kind: str) -> None:
    async with peer_of(kind) as peer:
        await scene.browser(peer, "PCMU", role="active")
        await peer.connected()
        assert await scene.ears(peer) == ({"phone"}, {"browser"})


async def test_the_browser_learns_how_it_is_heard(scene: Scene) -> None:
    """What Chromium's statistics say of the far end comes from our receiver and sender reports."""
    async with peer_of("chromium") as peer:
        assert isinstance(peer, ChromiumPeer)
        await scene.browser(peer, "PCMU")
        await peer.connected()
        report: dict[str, Any] = {}
        for _ in range(20):
            report = await peer.report("remote-inbound-rtp")
            if "roundTripTime" in report:
                break
            await asyncio.sleep(0.5)
        assert 0 <= report["roundTripTime"] < 0.5
        assert report["packetsLost"] == 0 and 0 <= report["jitter"] < 0.2
        assert (await peer.report("remote-outbound-rtp"))["packetsSent"] > 0


async def test_a_certificate_that_was_not_announced_ends_the_handshake(scene: Scene) -> None:
    async with peer_of("chromium") as peer:
        await scene.browser(peer, "PCMU", fingerprint=node_identity().fingerprint)
        failed = await scene.wait(DtlsState, port=BROWSER, state="failed")
        assert "certificate" in failed.error
        assert await scene.ears(peer) == (set(), set())


async def test_a_stranger_cannot_disturb_the_handshake(scene: Scene) -> None:
    hello = Path(__file__).parents[2] / "media/native/fuzz/corpus/dtls/openssl-hello.bin"
    async with peer_of("chromium") as peer:
        answer = await scene.browser(peer, "PCMU", connect=False)
        stranger = asyncio.create_task(_flood(hello.read_bytes(), answer.port))
        await asyncio.sleep(0.5)
        await peer.answer(answer.sdp)
        await peer.connected()
        stranger.cancel()
        assert await scene.ears(peer) == ({"phone"}, {"browser"})


async def _flood(datagram: bytes, port: int) -> None:
    """A few hundred datagrams per second from a socket that made no ICE check."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        while True:
            for _ in range(5):
                stranger.sendto(datagram, ("127.0.0.1", port))
            await asyncio.sleep(0.01)


async def test_the_call_goes_on_over_an_ice_restart(scene: Scene) -> None:
    async with peer_of("chromium") as peer:
        answer = await scene.browser(peer, "PCMU")
        await peer.connected()
        assert await scene.ears(peer) == ({"phone"}, {"browser"})
        again = Answer(await peer.offer(restart=True), "PCMU", answer.port, scene.identity)
        scene.engine.submit([UpdatePort(BROWSER, ice=again.ice)])
        await peer.answer(again.sdp)
        await asyncio.sleep(2.0)
        await peer.connected()
        assert await scene.ears(peer) == ({"phone"}, {"browser"})
        await asyncio.sleep(15.0)  # consent under the former credentials would have ended by now
        assert await scene.ears(peer) == ({"phone"}, {"browser"})


async def test_a_browser_that_goes_away_is_noticed(scene: Scene) -> None:
    async with peer_of("chromium") as peer:
        await scene.browser(peer, "PCMU")
        await peer.connected()
        await scene.wait(DtlsState, port=BROWSER, state="connected")
        await peer.close()
        await scene.wait(DtlsState, port=BROWSER, state="closed", seconds=3)
        await scene.wait(IceState, port=BROWSER, state="disconnected", seconds=20)


async def test_all_browsers_on_one_port(tmp_path: Path) -> None:
    """Two peers on the same number, each with its own phone, on two workers; one restarts ICE; both move to another group."""
    port = free_sip_port()
    scene = Scene(tmp_path, workers=2, webrtc_port=port)
    try:
        await scene.phone()
        async with peer_of("aiortc") as first, peer_of("chromium") as second:
            answer = await scene.browser(first, "PCMU")
            other = Answer(await second.offer(), "PCMU", port, scene.identity)
            reservation = scene.engine.reserve(PortKind.WEBRTC, 20)
            assert (answer.port, reservation.port) == (port, port)
            opening = OpenPort(3, reservation.token, other.codecs, dtls=other.dtls(), ice=other.ice, rtcp_mux=True)
            scene.engine.submit([opening])
            await second.answer(other.sdp)
            await asyncio.gather(first.connected(), second.connected())
            assert await scene.ears(first) == ({"phone"}, {"browser"})
            await scene.wait(DtlsState, port=3, state="connected")
            scene.engine.submit([MovePort(3, GROUP), Listen(3, {PHONE: 0.0}), Listen(PHONE, {3: 0.0}), Listen(BROWSER, {})])
            assert await scene.ears(second) == ({"phone"}, {"browser"})
            again = Answer(await second.offer(restart=True), "PCMU", port, scene.identity)
            scene.engine.submit([UpdatePort(3, ice=again.ice)])
            await second.answer(again.sdp)
            await asyncio.sleep(1.0)
            assert await scene.ears(second) == ({"phone"}, {"browser"})
            assert heard_tones(await first.heard(0.5), TONES, RATE) == set()
    finally:
        scene.close()


async def test_a_browser_without_udp_connects_by_tcp(tmp_path: Path) -> None:
    port = free_sip_port()
    scene = Scene(tmp_path, tcp_port=port)
    try:
        await scene.phone()
        async with peer_of("chromium") as peer:
            await scene.browser(peer, "PCMU")
            await peer.connected()
            assert await scene.ears(peer) == ({"phone"}, {"browser"})
            stats = await peer.path()  # type: ignore[attr-defined]
            assert stats == {"local": "tcp", "remote": "tcp"}
    finally:
        scene.close()


async def test_callers_at_the_door_that_say_nothing_are_turned_away(tmp_path: Path) -> None:
    port = free_sip_port()
    scene = Scene(tmp_path, tcp_port=port)
    try:
        for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x04\x01\x02\x03\x04", b"\xff\xff" + bytes(4000)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(greeting)
            async with asyncio.timeout(8):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()
    finally:
        scene.close()
