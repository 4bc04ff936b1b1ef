"""`transcode`: CPU of the media thread for legs in Opus that talk to legs in G.711, both ways decoded and coded anew."""

from __future__ import annotations

import socket
import struct
import time
from tempfile import TemporaryDirectory

import av
import numpy as np

from media.commands import Listen, OpenPort, PayloadMap, PortKind
from media.engine import native_engine
from tests.bench.figures import Figure, load_average
from tests.bench.webrtc import spent_between, threads
from tests.support.audio import tone
from tests.support.sipp import ulaw

PAIRS = 12
SECONDS = 10.0
OPUS, PCMU = PayloadMap("OPUS", 111, 48_000, 2), PayloadMap("PCMU", 0, 8000)


def _opus(count: int) -> list[bytes]:
    """Packets of 20 ms: a voice-like sum of tones with some noise."""
    coder = av.CodecContext.create("libopus", "w")
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = 48_000, "mono", "s16", 24_000
    noise = np.random.default_rng(7).normal(0, 0.02, 960 * count)
    sound = tone(300, count / 50, 48_000) + tone(1200, count / 50, 48_000, 0.1) + noise
    packets: list[bytes] = []
    for at in range(count):
        frame = av.AudioFrame.from_ndarray(
            (sound[at * 960 : at * 960 + 960] * 32767).astype("<i2").reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = 48_000, at * 960
        packets += [bytes(packet) for packet in coder.encode(frame)]
    return packets


def bench() -> list[Figure]:
    """Per leg and second; each pair is two legs."""
    opus, law = _opus(100), ulaw(tone(400, 0.02))
    with TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        engine = native_engine("127.0.0.1", 36_000, 36_998, 1, folder)
        ports = [engine.reserve(PortKind.RTP, 1 + index // 2) for index in range(2 * PAIRS)]
        for index, port in enumerate(ports):
            codec = PCMU if index % 2 else OPUS
            engine.submit([OpenPort(index + 1, port.token, (codec,), remote=peer.getsockname())])
        engine.submit([Listen(n, {n + 1 if n % 2 else n - 1: 0.0}) for n in range(1, 2 * PAIRS + 1)])
        before, since, due = threads(), time.monotonic(), time.monotonic()
        for turn in range(int((SECONDS + 1) * 50)):
            if turn == 50:
                before, since = threads(), time.monotonic()
            for index, port in enumerate(ports):
                kind, step, payload = (0, 160, law) if index % 2 else (111, 960, opus[turn % len(opus)])
                head = struct.pack(">BBHII", 0x80, kind, turn & 0xFFFF, turn * step, index + 1)
                peer.sendto(head + payload, ("127.0.0.1", port.port))
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))
        spent, seconds = spent_between(before, threads()), time.monotonic() - since
        engine.close()
    cost = sum(ms for name, ms in spent.items() if name.startswith("media-")) / (2 * PAIRS) / seconds
    return [
        Figure(
            "transcode",
            "Opus to G.711 and back, CPU per leg-second",
            cost,
            "ms",
            6.0,
            note=f"{load_average()}, {2 * PAIRS} legs",
        )
    ]
