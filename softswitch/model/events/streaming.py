"""A call's sound to programs and to recording servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from softswitch.model.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStarted(Event):
    """A program hears the call from here on (and is heard, when `speaks`)."""

    type: ClassVar[str] = "stream.started"
    stream: str
    url: str
    party: str
    tracks: tuple[str, ...]
    format: str
    speaks: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDropped(Event):
    """Sound was left out so that nothing lags: `out` the program is too slow, `in` it sent more than may wait."""

    type: ClassVar[str] = "stream.dropped"
    stream: str
    direction: str
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnded(Event):
    """`reason`: stopped, closed (by the program), unreachable, lost, left (the party), ended (the call), media."""

    type: ClassVar[str] = "stream.ended"
    stream: str
    reason: str
    dropped_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecStarted(Event):
    """A recording server (`trunk`, at the address `server`) takes the session; `labels` are those of its streams."""

    type: ClassVar[str] = "siprec.started"
    session: str
    server: str
    trunk: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecFailed(Event):
    """No server takes it; it is tried again while the conversation lives."""

    type: ClassVar[str] = "siprec.failed"
    session: str
    servers: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecEnded(Event):
    """`reason`: ended (the conversation, or by order), server (it hung up), lost, unreached (it never was)."""

    type: ClassVar[str] = "siprec.ended"
    session: str
    reason: str
