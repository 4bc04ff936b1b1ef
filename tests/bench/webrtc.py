"""`webrtc`: browser legs that are relayed in pairs, SRTP removed and added per leg, and what setting one up costs the engine.

The clients are aiortc in a process of their own. Beside it aiortc itself terminates and relays the same legs, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.figures import TICK, Figure, load_average

LEGS = 12
SECONDS = 12.0
SETTLE = 2.0
CODEC = "PCMU"


def bench() -> list[Figure]:
    """CPU per leg-second and per set-up, ours and aiortc's."""
    ours, theirs = _measure("engine"), _measure("aiortc")
    note = f"{load_average()}, {LEGS} legs, {ours['packets']:.0f} packets/s of each"
    relay, setup = theirs["relay_ms"], theirs["setup_ms"]
    return [
        Figure("webrtc", "relay of SRTP, CPU per leg-second", ours["relay_ms"], "ms", 0.6, relay, "aiortc", note),
        Figure("webrtc", "set-up, CPU per leg", ours["setup_ms"], "ms", 8.0, setup, "aiortc"),
        Figure("webrtc", "of it on the media thread", ours["setup_media_ms"], "ms"),
    ]


def _measure(kind: str) -> dict[str, float]:
    """One server process and one process of clients."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    result, reply = context.Pipe()
    server = context.Process(target=_serve, args=(kind, far, reply))
    clients = context.Process(target=_call, args=(near,))
    server.start()
    clients.start()
    try:
        if not result.poll(120):
            raise RuntimeError(f"the {kind} server did not finish")
        measured: dict[str, float] = result.recv()
        return measured
    finally:
        for process in (clients, server):
            process.join(10)
            process.kill()


def _call(pipe: Connection) -> None:
    asyncio.run(_clients(pipe))


async def _clients(pipe: Connection) -> None:
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaBlackhole

    from tests.support.web_client import ToneTrack

    peers, sinks = [], []
    for _ in range(LEGS):
        peer, sink = RTCPeerConnection(), MediaBlackhole()
        peer.addTrack(ToneTrack(440.0))
        peer.on("track", sink.addTrack)
        await peer.setLocalDescription(await peer.createOffer())
        pipe.send(peer.localDescription.sdp)
        answer = await asyncio.to_thread(pipe.recv)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await sink.start()
        while peer.connectionState != "connected":
            await asyncio.sleep(0.02)
        pipe.send("connected")
        peers.append(peer)
        sinks.append(sink)
    await asyncio.to_thread(pipe.recv)
    for peer in peers:
        await peer.close()


def _serve(kind: str, pipe: Connection, reply: Connection) -> None:
    reply.send(asyncio.run(_engine(pipe) if kind == "engine" else _aiortc(pipe)))


async def _engine(pipe: Connection) -> dict[str, float]:
    from media import browser, sdp
    from media.commands import Listen, PortKind
    from media.credentials import ice_credentials, node_identity
    from media.engine import native_engine

    identity = node_identity()
    with TemporaryDirectory() as folder:
        engine = native_engine("127.0.0.1", 34000, 34998, 1, folder)
        before = threads()
        for number in range(1, LEGS + 1):
            offer = sdp.parse(await asyncio.to_thread(pipe.recv))
            reservation = engine.reserve(PortKind.WEBRTC, 1000 + (number + 1) // 2)
            ours = browser.BrowserPort(("127.0.0.1",), reservation.port, ice_credentials(), identity, codecs=(CODEC,))
            answer, agreement = browser.answer(offer, ours)
            engine.submit([agreement.open_port(number, reservation.token, identity=identity)])
            pipe.send(sdp.write(answer).decode())
            await asyncio.to_thread(pipe.recv)
            engine.drain()
        spent = spent_between(before, threads())
        engine.submit([Listen(n, {n + 1 if n % 2 else n - 1: 0.0}) for n in range(1, LEGS + 1)])
        await asyncio.sleep(SETTLE)
        before, since = threads(), time.monotonic()
        await asyncio.sleep(SECONDS)
        relay = spent_between(before, threads())
        seconds = time.monotonic() - since
        packets = _packets(engine)
        pipe.send("over")
        engine.close()
    media_setup = sum(ms for name, ms in spent.items() if name.startswith("media-"))
    return {
        "relay_ms": sum(ms for name, ms in relay.items() if name.startswith("media-")) / LEGS / seconds,
        "setup_ms": (media_setup + spent.get("handshake", 0.0)) / LEGS,
        "setup_media_ms": media_setup / LEGS,
        "packets": packets / LEGS / (seconds + SETTLE),
    }


def _packets(engine: Any) -> float:
    from media.commands import Dump

    engine.submit([Dump(0)])
    for _ in range(50):
        time.sleep(0.05)
        for event in engine.drain():
            if type(event).__name__ == "Dumped":
                return float(sum(port["received"] for worker in json.loads(event.json)["workers"] for port in worker["ports"]))
    return 0.0


async def _aiortc(pipe: Connection) -> dict[str, float]:
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRelay

    relay, tracks, peers = MediaRelay(), [], []
    before = time.process_time()
    for _ in range(LEGS):
        peer = RTCPeerConnection()
        received: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        peer.on("track", lambda track, done=received: done.done() or done.set_result(track))
        await peer.setRemoteDescription(RTCSessionDescription(await asyncio.to_thread(pipe.recv), "offer"))
        tracks.append(await received)
        peers.append(peer)
        peer.addTrack(relay.subscribe(tracks[-2] if len(tracks) % 2 == 0 else tracks[-1]))
        await peer.setLocalDescription(await peer.createAnswer())
        pipe.send(peer.localDescription.sdp)
        await asyncio.to_thread(pipe.recv)
    setup = (time.process_time() - before) / LEGS
    await asyncio.sleep(SETTLE)
    before, since = time.process_time(), time.monotonic()
    await asyncio.sleep(SECONDS)
    spent, seconds = time.process_time() - before, time.monotonic() - since
    pipe.send("over")
    for peer in peers:
        await peer.close()
    return {"relay_ms": 1000 * spent / LEGS / seconds, "setup_ms": 1000 * setup, "packets": 0.0}


def threads() -> dict[str, float]:
    """CPU of this process's threads by name, ms; scheduler time where the system tells it, else ticks."""
    found: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        name = (task / "comm").read_text().strip()
        found[name] = found.get(name, 0.0) + _cpu_ms(task)
    return found


def _cpu_ms(task: Path) -> float:
    schedstat = task / "schedstat"
    if schedstat.exists():
        return int(schedstat.read_text().split()[0]) / 1e6
    fields: Sequence[str] = (task / "stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / TICK


def spent_between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: ms - before.get(name, 0.0) for name, ms in after.items()}
