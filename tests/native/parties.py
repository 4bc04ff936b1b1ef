"""Parties made of UDP sockets: each sends its own tone as G.711 RTP and remembers what it hears.

One thread keeps the 20 ms clock of all parties. Sounds are told apart by their frequency (`tests.support.audio`).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque

import numpy as np

from tests.support.audio import Samples, heard_tones, tone

FRAME = 160
EVENT_TYPE = 101
DIGITS = "0123456789*#ABCD"


def _decoded(code: int) -> int:
    """One µ-law octet to a 14-bit sample in 16 bits (G.711 table 2a)."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return -magnitude if code & 0x80 else magnitude


DECODE = np.array([_decoded(code) for code in range(256)], dtype=np.float64) / 32768
_ORDER = np.argsort(DECODE, kind="stable")


def ulaw(samples: Samples) -> bytes:
    """Samples in −1..1 as µ-law, by the nearest value."""
    values = DECODE[_ORDER]
    right = np.clip(np.searchsorted(values, samples), 1, 255)
    nearer = np.where(samples - values[right - 1] < values[right] - samples, right - 1, right)
    return bytes(_ORDER[nearer].astype(np.uint8))


class Party:
    """One phone. `hertz` is a multiple of 50, so that every frame of it is the same."""

    def __init__(self, hertz: float) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.remote: tuple[str, int] | None = None
        self.heard: deque[tuple[float, Samples]] = deque(maxlen=200)
        self._frame = ulaw(tone(hertz, 0.02))
        self._events: deque[bytes] = deque()
        self._ssrc = int(hertz) * 1000 + 7
        self._sequence, self._timestamp = 100, 0
        self._marker = True
        self._breath = 0

    def breathe(self) -> None:
        """Is silent for 100 ms, as between two words."""
        self._breath = 5

    def press(self, digit: str) -> None:
        """Queues one key: 100 ms as RFC 4733 says, three end packets."""
        number = DIGITS.index(digit)
        for step in range(1, 6):
            self._events.append(struct.pack(">BBH", number, 10, step * FRAME))
        self._events.extend([struct.pack(">BBH", number, 0x80 | 10, 5 * FRAME)] * 3)

    def tick(self, now: float) -> None:
        """One frame: sends, then reads what has come."""
        if self.remote is not None:
            with contextlib.suppress(OSError):  # the engine may just have closed its socket
                self.socket.sendto(self._packet(), self.remote)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                self._receive(self.socket.recv(2048), now)

    def samples(self, since: float) -> Samples:
        """What was heard since then, one frame after another."""
        frames = [frame for at, frame in tuple(self.heard) if at >= since]
        return np.concatenate(frames) if frames else np.zeros(0)

    def _packet(self) -> bytes:
        event = self._events.popleft() if self._events else None
        started = self._timestamp
        if event is None:
            self._timestamp += FRAME
        elif not self._events or self._events[0][2:] < event[2:]:
            self._timestamp += 8 * FRAME  # the last packet of a digit: the audio clock went on under it
        payload_type = 0 if event is None else EVENT_TYPE
        header = struct.pack(
            ">BBHII", 0x80, payload_type | 0x80 * self._marker, self._sequence & 0xFFFF, started & 0xFFFFFFFF, self._ssrc
        )
        self._marker = False
        self._sequence += 1
        if event is None and self._breath:
            self._breath -= 1
            return header + b"\xff" * FRAME
        return header + (self._frame if event is None else event)

    def _receive(self, packet: bytes, now: float) -> None:
        if len(packet) == 12 + FRAME and packet[0] >> 6 == 2 and packet[1] & 0x7F == 0:
            self.heard.append((now, DECODE[np.frombuffer(packet[12:], np.uint8)]))


class Clock:
    """The thread behind all parties of a test."""

    def __init__(self) -> None:
        self.parties: dict[int, Party] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and closes the sockets."""
        self._stopped.set()
        self._thread.join()
        for party in self.parties.values():
            party.socket.close()

    def hears(self, port: int, tones: dict[str, float], settle: float = 0.3, listen: float = 0.2) -> set[str]:
        """Waits until a change has gone through jitter buffers, then listens."""
        time.sleep(settle)
        since = time.monotonic()
        time.sleep(listen + 0.02)
        return heard_tones(self.parties[port].samples(since), tones)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.is_set():
            now = time.monotonic()
            for party in tuple(self.parties.values()):
                party.tick(now)
            due = max(due + 0.02, now - 0.1)
            self._stopped.wait(max(due - time.monotonic(), 0))
