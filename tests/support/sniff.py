"""What reached a peer, seen from outside the peer: a packet socket on the loopback interface (needs root)."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import defaultdict

import numpy as np

from tests.support.audio import Samples


def _ulaw_table() -> np.ndarray:
    codes = ~np.arange(256, dtype=np.uint8)
    magnitude = (((codes & 0x0F).astype(np.int32) << 3) + 0x84) << ((codes & 0x70) >> 4)
    return np.where(codes & 0x80, 0x84 - magnitude, magnitude - 0x84) / 32768


def _alaw_table() -> np.ndarray:
    codes = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = (codes & 0x70) >> 4
    mantissa = (codes & 0x0F).astype(np.int32) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent.astype(np.int32) - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude) / 32768


DECODE: dict[int, np.ndarray] = {0: _ulaw_table(), 8: _alaw_table()}


class Sniffer:
    """Collects G.711 RTP toward one UDP port as one timeline (sequence order, lost packets as silence)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._packets: dict[int, dict[int, tuple[int, bytes]]] = defaultdict(dict)
        self._running = True
        self.first_packet_at: float | None = None
        """Epoch seconds of the first audio packet."""
        self._answers: dict[int, float] = {}
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> Sniffer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join(2)
        self._socket.close()

    def _collect(self) -> None:
        while self._running:
            try:
                frame, address = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if address[2] == socket.PACKET_OUTGOING:  # loopback shows each packet twice
                continue
            self._take(frame)

    def _take(self, frame: bytes) -> None:
        if len(frame) < 54 or frame[23] != 17:
            return
        header = (frame[14] & 0x0F) * 4
        udp = frame[14 + header :]
        if udp[8:20] == b"SIP/2.0 200 ":
            self._answers.setdefault(int.from_bytes(udp[0:2], "big"), time.time())
        if int.from_bytes(udp[2:4], "big") != self._port:
            return
        rtp = udp[8:]
        if len(rtp) < 12 or rtp[0] >> 6 != 2 or rtp[1] & 0x7F not in DECODE:
            return
        _sequence, timestamp, ssrc = struct.unpack("!HII", rtp[2:12])
        self.first_packet_at = self.first_packet_at or time.time()
        self._packets[ssrc][timestamp] = (rtp[1] & 0x7F, rtp[12:])

    def answered_at(self, sip_port: int) -> float:
        """When the first 200 left a UDP port, epoch seconds."""
        return self._answers[sip_port]

    def audio(self) -> Samples:
        """All streams one after another, each on its own timestamps."""
        parts: list[Samples] = []
        for stream in list(self._packets.values()):
            ordered = sorted(stream.items())
            first, last = ordered[0][0], ordered[-1]
            line = np.zeros(min(last[0] - first + len(last[1][1]), 8000 * 600))
            for timestamp, (payload_type, payload) in ordered:
                begin = timestamp - first
                if begin + len(payload) <= len(line):
                    line[begin : begin + len(payload)] = DECODE[payload_type][np.frombuffer(payload, np.uint8)]
            parts.append(line)
        return np.concatenate(parts) if parts else np.zeros(0)
