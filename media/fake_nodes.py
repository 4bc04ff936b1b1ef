"""What the fake engine knows of each of its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class FakeBus:
    group: int
    sources: Mapping[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class FakePlayer:
    command: c.Play
    started: float
    ends: float  # infinity for loops and endless tones


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
