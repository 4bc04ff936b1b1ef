"""What the fake engine knows of each of its nodes."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from media import commands as c


@dataclass(slots=True)
class FakePort:
    """What the fake knows of an open port."""

    command: c.OpenPort
    group: int
    sources: Mapping[int, float] = field(default_factory=dict)
    dtmf_sent: str = ""
    detect: c.Detect | None = None
    speaks: bool = True
    udptl: bool = False  # carries a fax

    def update(self, command: c.UpdatePort) -> None:
        """Takes what the command gives."""
        names = ("codecs", "direction", "remote", "remote_rtcp", "ptime", "sdes", "dtls", "ice", "dtmf_pass")
        given = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
        self.command = replace(self.command, **given)
        self.udptl = self.udptl if command.udptl is None else command.udptl


@dataclass(slots=True)
class FakeBus:
    group: int
    sources: Mapping[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class FakePlayer:
    command: c.Play
    started: float
    ends: float  # infinity for loops, endless tones and while it pauses
    length: float = float("inf")  # seconds of all prompts
    position: float = 0.0  # seconds, at `since`
    since: float = 0.0
    paused: bool = False
    heard: float = 0.0  # seconds until `since`

    def control(self, command: c.ControlPlay, now: float) -> None:
        """As the engine does it: what has been played is counted, then pause, place and end change."""
        if not self.paused:
            self.heard += now - self.since
            self.position += now - self.since
        self.since = now
        self.paused = self.paused if command.pause is None else command.pause
        if command.seek is not None:
            self.position = command.seek / 1000
        if command.skip is not None:
            self.position = max(0.0, self.position + command.skip / 1000)
        if self.command.loop and self.length not in {0.0, float("inf")}:
            self.position %= self.length
        if command.gain is not None:
            self.command = replace(self.command, gain=command.gain)
        endless = self.paused or self.command.loop or not (self.command.prompts or self.command.stream)
        self.ends = float("inf") if endless else now + max(0.0, self.length - self.position)

    def played_ms(self, now: float) -> int:
        """What was heard of it until now."""
        return round((self.heard + (0.0 if self.paused else now - self.since)) * 1000)


@dataclass(slots=True)
class FakeTap:
    """What the fake knows of a tap."""

    command: c.OpenTap
    sources: Mapping[int, float]
    ear: int


@dataclass(slots=True)
class FakeInject:
    """What was put into an inject: its length, and the marks that wait with the ms before each."""

    command: c.OpenInject
    opened: float
    pcm: bytes = b""
    ends: float = 0.0  # when everything that was put will have been played
    marks: list[tuple[float, str]] = field(default_factory=list)


@dataclass(slots=True)
class FakeRecorder:
    command: c.Record
    started: float
    channels: tuple[Mapping[int, float], ...]
    paused: bool = False
    marks: list[str] = field(default_factory=list)


def stream_ms(path: str) -> int:
    """Length of a streamed WAV file; 0 when there is none."""
    try:
        with wave.open(path) as file:
            return int(file.getnframes() * 1000 // file.getframerate())
    except (OSError, wave.Error, EOFError):
        return 0
