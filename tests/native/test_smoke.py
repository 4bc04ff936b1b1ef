"""The native engine as Python sees it: two plain UDP sockets talk through it, hear tones, send digits and are recorded."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import select
import socket
import struct
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from media import commands as c
from media import events as e

native = pytest.importorskip("media._native", reason="the engine is not built")

PCMU = c.PayloadMap("PCMU", 0, 8000)
PCMA = c.PayloadMap("PCMA", 8, 8000)
EVENTS = c.PayloadMap("telephone-event", 101, 8000)
RATE = 8000
EventT = TypeVar("EventT")


def mu_law(sample: float) -> int:
    """One sample in −1..1 as a µ-law octet (G.711)."""
    value = max(-32635, min(32635, int(sample * 32768)))
    sign = 0x80 if value < 0 else 0
    magnitude = abs(value) + 132
    exponent = max(0, magnitude.bit_length() - 8)
    return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F)) & 0xFF


def mu_linear(octet: int) -> float:
    """The sample of a µ-law octet."""
    octet = ~octet & 0xFF
    exponent, mantissa = (octet >> 4) & 7, octet & 0x0F
    value = ((mantissa << 3) + 132 << exponent) - 132
    return (-value if octet & 0x80 else value) / 32768


def power(samples: list[float], hertz: float) -> float:
    """Amplitude of one frequency, 1.0 is a full-scale sine."""
    real = sum(s * math.cos(2 * math.pi * hertz * n / RATE) for n, s in enumerate(samples))
    imaginary = sum(s * math.sin(2 * math.pi * hertz * n / RATE) for n, s in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / max(1, len(samples))


class Phone:
    """A far end: sends a tone in µ-law each 20 ms and keeps what it hears."""

    def __init__(self, hertz: float) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.hertz = hertz
        self.ssrc = int(hertz)
        self.sequence = 0
        self.heard: list[tuple[int, int, bytes]] = []

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.socket.getsockname()
        return host, port

    def send(self, to: tuple[str, int]) -> None:
        start = self.sequence * 160
        tone = (0.3 * math.sin(2 * math.pi * self.hertz * (start + n) / RATE) for n in range(160))
        self.packet(to, 0, start, bytes(mu_law(sample) for sample in tone))

    def packet(self, to: tuple[str, int], payload_type: int, timestamp: int, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, payload_type, self.sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc)
        self.socket.sendto(header + payload, to)
        self.sequence += 1

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self.socket.recv(2000)
                _, payload_type, sequence, _, _ = struct.unpack("!BBHII", packet[:12])
                self.heard.append((payload_type & 0x7F, sequence, packet[12:]))

    def audio(self, last: int = 25) -> list[float]:
        frames = [payload for payload_type, _, payload in self.heard if payload_type == 0][-last:]
        return [mu_linear(octet) for frame in frames for octet in frame]


class Stage:
    """An engine with its phones; drives everything in real time."""

    def __init__(self, root: Path) -> None:
        self.engine = native.NativeEngine("127.0.0.1", 42000, 42998, 1, str(root))
        self.events: list[object] = []
        self.phones: dict[int, tuple[Phone, tuple[str, int]]] = {}

    def phone(self, port: int, hertz: float, codecs: tuple[c.PayloadMap, ...] = (PCMU, EVENTS), group: int = 1) -> Phone:
        phone = Phone(hertz)
        reservation = self.engine.reserve("rtp", group)
        self.engine.submit([c.OpenPort(port=port, token=reservation.token, codecs=codecs, remote=phone.address)])
        self.phones[port] = (phone, (reservation.address, reservation.port))
        return phone

    def run(self, seconds: float, talk: bool = True) -> None:
        end = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= due:
                for phone, address in self.phones.values():
                    if talk:
                        phone.send(address)
                due += 0.02
            for phone, _ in self.phones.values():
                phone.read()
            readable, _, _ = select.select([self.engine.fileno()], [], [], 0.002)
            if readable:
                self.events.extend(self.engine.drain())

    def await_event(self, kind: type[EventT], where: Callable[[EventT], bool] = lambda _: True, seconds: float = 5) -> EventT:
        end = time.monotonic() + seconds
        while True:
            for event in self.events:
                if isinstance(event, kind) and where(event):
                    return event
            assert time.monotonic() < end, f"no {kind.__name__} among {self.events}"
            self.run(0.02)

    def failures(self) -> list[object]:
        return [event for event in self.events if isinstance(event, e.CommandFailed)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.engine.close()


def test_two_phones_hear_each_other(stage: Stage) -> None:
    first, second = stage.phone(1, 500), stage.phone(2, 900)
    stage.engine.submit([c.Listen(1, {2: 0.0}), c.Listen(2, {1: 0.0})])
    stage.run(1)
    assert power(first.audio(), 900) > 0.25 and power(first.audio(), 500) < 0.02
    assert power(second.audio(), 500) > 0.25 and power(second.audio(), 900) < 0.02
    started = stage.await_event(e.MediaStarted, lambda event: event.port == 1)
    assert started.as_signalled and started.codec == "PCMU"
    stage.engine.submit([c.ClosePort(1), c.ClosePort(2)])
    closed = stage.await_event(e.PortClosed, lambda event: event.port == 1)
    assert closed.stats.packets_received >= 45 and closed.stats.lost == 0 and closed.stats.codec == "PCMU"
    assert stage.failures() == []


def test_a_prompt_is_heard_until_a_digit(stage: Stage, tmp_path: Path) -> None:
    phone = stage.phone(1, 500)
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        tone = [int(8000 * math.sin(2 * math.pi * 1200 * n / 44100)) for n in range(44100 * 3)]
        file.writeframes(b"".join(struct.pack("<hh", sample, sample) for sample in tone))
    stage.engine.submit(
        [
            c.LoadPrompt(7, str(path)),
            c.LoadPrompt(8, str(tmp_path / "missing.wav")),
            c.Play(player=50, group=1, prompts=(8, 7), until_digit_of=(1,)),
            c.Listen(1, {50: 0.0}),
        ]
    )
    stage.run(1.2)
    assert stage.await_event(e.PromptLoaded).duration == 3000
    assert stage.await_event(e.PromptFailed).prompt == 8
    assert power(phone.audio(), 1200) > 0.2
    _, address = stage.phones[1]
    for duration, end in ((160, 0), (480, 0), (800, 0x80)):
        phone.packet(address, 101, 90000, struct.pack("!BBH", 5, end | 10, duration))
    ended = stage.await_event(e.PlayEnded)
    assert ended.reason == "digit" and 500 < ended.played_ms < 1500
    digit = stage.await_event(e.Dtmf)
    assert (digit.digit, digit.duration, digit.way) == ("5", 100, "rfc4733")
    assert stage.failures() == []


def test_a_call_is_recorded_in_stereo(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    first, _ = stage.phone(1, 500), stage.phone(2, 900, codecs=(PCMU,))
    stage.engine.submit(
        [
            c.Listen(1, {2: 0.0}),
            c.Listen(2, {1: 0.0}),
            c.Record(recorder=90, group=1, path="calls/one.wav", channels=({1: 0.0}, {2: 0.0})),
        ]
    )
    began = time.monotonic()
    stage.run(2)
    stage.engine.submit([c.ControlRecord(90, mark="half time"), c.StopRecord(90)])
    length = time.monotonic() - began
    ended = stage.await_event(e.RecordEnded)
    path = tmp_path / "calls" / "one.wav"
    assert (ended.path, ended.verdict, ended.gaps) == (str(path), "complete", ())
    assert abs(ended.duration - 1000 * length) < 20
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ended.sha256 and path.stat().st_size == ended.bytes
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        words = struct.unpack(f"<{file.getnframes() * 2}h", file.readframes(file.getnframes()))
    left, right = ([word / 32768 for word in words[side::2]][8000:12000] for side in (0, 1))
    assert power(left, 500) > 0.25 and power(left, 900) < 0.02
    assert power(right, 900) > 0.25 and power(right, 500) < 0.02
    assert power(first.audio(), 900) > 0.25, "the relay goes on while it is recorded"
    manifest = json.loads(path.with_suffix(".wav.json").read_text())
    assert manifest["verdict"] == "complete" and manifest["marks"][0]["text"] == "half time"
    assert not path.with_suffix(".wav.part").exists()


def test_digits_are_sent_as_events(stage: Stage) -> None:
    phone = stage.phone(1, 500)
    stage.engine.submit([c.SendDtmf(1, "4#", 100, 60)])
    stage.run(0.6)
    events = [payload for payload_type, _, payload in phone.heard if payload_type == 101]
    ends = [payload[0] for payload in events if payload[1] & 0x80]
    assert ends == [4, 4, 4, 11, 11, 11]


def test_mistakes_are_told(stage: Stage) -> None:
    stage.phone(1, 500)
    stage.engine.submit(
        [
            c.OpenPort(port=5, token=999, codecs=(PCMU,)),
            c.Listen(77, {}),
            c.Record(recorder=6, group=1, path="../outside.wav", channels=({},)),
            c.ClosePort(78),
        ]
    )
    stage.run(0.1)
    assert [(failed.index, failed.reason) for failed in stage.failures()] == [  # type: ignore[attr-defined]
        (0, "bad_token"),
        (1, "unknown_id"),
        (2, "file_error"),
    ]
    with pytest.raises(TypeError):
        stage.engine.submit([object()])


def test_a_dump_shows_ports_without_keys(stage: Stage) -> None:
    stage.phone(1, 500)
    stage.engine.submit([c.Dump()])
    picture = json.loads(stage.await_event(e.Dumped).json)
    assert picture["workers"][0]["ports"][0]["port"] == 1


def test_the_catalogues_agree() -> None:
    assert [command.__name__ for command in c.COMMANDS] == native.COMMANDS
    assert [event.__name__ for event in e.EVENTS] == native.EVENTS
