"""A call between µ-law and G.729, whose side is decoded by another implementation (FFmpeg's): the two agree on the bits."""

import socket
import struct
import time

import av
import numpy as np
import pytest

from media.commands import Listen, OpenPort, PayloadMap, PortKind
from media.engine import codec_libraries, native_engine
from tests.native.parties import ulaw
from tests.support.audio import tone

CALLER, AGENT = 1, 2


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(0.005)
    return made


def _decoded(payloads: list[bytes]) -> np.ndarray:
    context = av.CodecContext.create("g729", "r")
    context.sample_rate = 8000
    context.layout = "mono"
    frames = [frame for payload in payloads for at in range(0, len(payload) - 9, 10)
              for frame in context.decode(av.Packet(payload[at : at + 10]))]  # fmt: skip
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(float) / 32768


def test_what_we_code_in_g729_another_decoder_hears(tmp_path):
    if codec_libraries(["auto"])["G729"]:
        pytest.skip(codec_libraries(["auto"])["G729"])
    engine = native_engine("127.0.0.1", 42000, 42100, 1, str(tmp_path), plugins=["auto"])
    caller, agent = _socket(), _socket()
    try:
        ports = [engine.reserve(PortKind.RTP, 9) for _ in range(2)]
        codecs = ((PayloadMap("PCMU", 0, 8000),), (PayloadMap("G729", 18, 8000, fmtp="annexb=no"),))
        pairs = zip((CALLER, AGENT), ports, codecs, (caller, agent), strict=True)
        engine.submit([OpenPort(node, port.token, codec, remote=at.getsockname()) for node, port, codec, at in pairs])
        engine.submit([Listen(CALLER, {AGENT: 0.0}), Listen(AGENT, {CALLER: 0.0})])
        frame, heard, due = ulaw(tone(400, 0.02)), [], time.monotonic()
        for index in range(75):
            header = struct.pack(">BBHII", 0x80, 0, index, index * 160, 77)
            caller.sendto(header + frame, ("127.0.0.1", ports[0].port))
            due += 0.02
            while time.monotonic() < due:
                try:
                    packet = agent.recv(2048)
                except TimeoutError:
                    continue
                if packet[1] & 0x7F == 18:
                    heard.append(packet[12:])
        assert len(heard) > 60
        assert {len(payload) for payload in heard} == {20}
        sound = _decoded(heard)[-4000:]
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        assert abs(np.argmax(spectrum) * 8000 / len(sound) - 400) < 5
        assert np.sqrt(np.mean(sound**2)) > 0.05
    finally:
        caller.close()
        agent.close()
        engine.close()
