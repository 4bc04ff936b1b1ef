"""Keep the flows of our own registrations open (RFC 5626 §4.4): CRLF, and on streams a pong that must come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from signalling.events import Flow
from signalling.timers import Deadline, Deadlines

UDP_EVERY = 25.0
STREAM_EVERY = (95.0, 120.0)
PONG_TIME = 10.0
PING = b"\r\n\r\n"


class Keeper(Protocol):
    """What the endpoint knows and does about a flow."""

    @property
    def deadlines(self) -> Deadlines: ...

    def transmit(self, data: bytes, flow: Flow) -> None: ...

    def close(self, flow: Flow) -> None: ...

    def is_registered(self, flow: Flow) -> bool:
        """Whether a registration of ours lives on it."""


class KeepAlives:
    """One `Pulse` for each flow that a registration uses. `between` draws a number of seconds from the injected dice."""

    def __init__(self, keeper: Keeper, between: Callable[[float, float], float]) -> None:
        self._keeper = keeper
        self._between = between
        self._pulses: dict[Flow, Pulse] = {}

    def keep(self, flow: Flow, now: float) -> None:
        """A REGISTER leaves on this flow."""
        if flow not in self._pulses:
            self._pulses[flow] = Pulse(self, flow, now)

    def heard(self, flow: Flow) -> None:
        """Any octet of the peer says that the flow lives."""
        if self._pulses and (pulse := self._pulses.get(flow)) is not None:
            pulse.heard()

    def closed(self, flow: Flow) -> None:
        if (pulse := self._pulses.pop(flow, None)) is not None:
            pulse.stop()

    def period(self, flow: Flow) -> float:
        return UDP_EVERY if flow.transport == "udp" else self._between(*STREAM_EVERY)

    @property
    def keeper(self) -> Keeper:
        return self._keeper


class Pulse:
    """Sends a ping each period; a stream whose pong is missing is closed, and its registration begins anew."""

    __slots__ = ("_beat", "_flow", "_owner", "_pong")

    def __init__(self, owner: KeepAlives, flow: Flow, now: float) -> None:
        self._owner = owner
        self._flow = flow
        self._pong: Deadline | None = None
        self._beat = owner.keeper.deadlines.set(self, "beat", now + owner.period(flow))

    def heard(self) -> None:
        if self._pong is not None:
            self._pong.cancel()
            self._pong = None

    def stop(self) -> None:
        self.heard()
        self._beat.cancel()

    def fire(self, name: str, now: float) -> None:
        keeper = self._owner.keeper
        if name == "pong" or not keeper.is_registered(self._flow):
            self._owner.closed(self._flow)
            if name == "pong":
                keeper.close(self._flow)
            return
        keeper.transmit(PING, self._flow)
        if self._flow.transport != "udp" and self._pong is None:
            self._pong = keeper.deadlines.set(self, "pong", now + PONG_TIME)
        self._beat = keeper.deadlines.set(self, "beat", now + self._owner.period(self._flow))
