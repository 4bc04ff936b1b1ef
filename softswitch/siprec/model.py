"""What views show of a recording session, and what all sessions work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from signalling import commands as sip
from softswitch.legs.studio import Studio
from softswitch.model.clock import Clock
from softswitch.model.ids import Ids
from softswitch.model.target import Target

ALARM = "siprec_down"


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """One per process. `targets(trunks, user)` are the servers' addresses in the order of trial, those known to be dead last
    or not at all; `report(target, alive)` tells how one behaved. `submit` raises TransportError, LocalProtocolError."""

    studio: Studio
    clock: Clock
    ids: Ids
    submit: Callable[[sip.Command], None]
    targets: Callable[[Sequence[str], str], tuple[Target, ...]]
    report: Callable[[Target, bool], None]
    alarms: AlarmSink


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecView:
    """A live recording session. Times are UTC epoch seconds; `server` is where it goes now, "" while there is none."""

    id: str
    call: str
    servers: tuple[str, ...]
    server: str
    state: str  # "connecting" | "recording" | "paused" | "waiting" (no server takes it; tried again)
    since: float
    why: str
