"""What the core keeps about each stream connection: framing, the time a message may take, idleness (sip.md §3)."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from signalling.endpoint.budget import source_of
from signalling.events import Flow
from signalling.message.framing import Framer, Piece
from signalling.timers import Deadline, Deadlines

MESSAGE_TIME = 10.0  # from the first octet of a message to its last
IDLE_TIME = 120.0
STRANGER_MAX = 16 * 1024  # head and body before the source is identified


class Judge(Protocol):
    """What only the endpoint knows about a connection."""

    @property
    def deadlines(self) -> Deadlines: ...

    def is_used(self, flow: Flow) -> bool:
        """Whether a binding, a dialog or a registration of ours lives on it."""

    def is_known(self, flow: Flow) -> bool:
        """Whether its source is a trunk or has logged in."""

    def close(self, flow: Flow) -> None: ...


class Connection:
    """One stream. Closes itself when a message stays incomplete or nothing uses it."""

    __slots__ = ("_deadline", "_flow", "_framer", "_idle", "_judge")

    def __init__(self, judge: Judge, flow: Flow, now: float) -> None:
        self._judge = judge
        self._flow = flow
        self._framer = Framer() if judge.is_known(flow) else Framer(STRANGER_MAX, STRANGER_MAX)
        self._deadline: Deadline | None = None
        self._idle: Deadline = judge.deadlines.set(self, "idle", now + IDLE_TIME)

    def feed(self, data: bytes, now: float) -> list[Piece]:
        pieces = self._framer.feed(data)
        if self._deadline is not None and (pieces or not self._framer.is_partial):
            self._deadline.cancel()
            self._deadline = None
        if self._framer.is_partial and self._deadline is None:
            self._deadline = self._judge.deadlines.set(self, "message", now + MESSAGE_TIME)
        self.touch(now)
        return pieces

    def touch(self, now: float) -> None:
        """Something came: the idle time begins anew."""
        self._idle.cancel()
        self._idle = self._judge.deadlines.set(self, "idle", now + IDLE_TIME)

    def widen(self) -> None:
        """The source is identified now: larger messages are welcome."""
        self._framer.widen()

    def fire(self, name: str, now: float) -> None:
        if name == "idle" and self._judge.is_used(self._flow):
            self._idle = self._judge.deadlines.set(self, "idle", now + IDLE_TIME)
            return
        self._judge.close(self._flow)

    def stop(self) -> None:
        self._idle.cancel()
        if self._deadline is not None:
            self._deadline.cancel()


class Connections:
    """All streams of the endpoint; strangers may hold only so many per source."""

    def __init__(self, judge: Judge, per_source: int) -> None:
        self._judge = judge
        self._per_source = per_source
        self._open: dict[Flow, Connection] = {}
        self._hosts: Counter[str] = Counter()

    def opened(self, flow: Flow, now: float) -> bool:
        """Take note of a connection; False when its source has too many."""
        if flow in self._open:
            return True
        host = source_of(flow.remote[0])
        if self._hosts[host] >= self._per_source and not self._judge.is_known(flow):
            return False
        self._hosts[host] += 1
        self._open[flow] = Connection(self._judge, flow, now)
        return True

    def feed(self, flow: Flow, data: bytes, now: float) -> list[Piece]:
        connection = self._open.get(flow)
        return connection.feed(data, now) if connection is not None else []

    def touch(self, flow: Flow, now: float) -> None:
        """A connection whose transport frames by itself was used."""
        if (connection := self._open.get(flow)) is not None:
            connection.touch(now)

    def identified(self, flow: Flow) -> None:
        if (connection := self._open.get(flow)) is not None:
            connection.widen()

    def closed(self, flow: Flow) -> None:
        connection = self._open.pop(flow, None)
        if connection is not None:
            connection.stop()
            host = source_of(flow.remote[0])
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def __contains__(self, flow: Flow) -> bool:
        return flow in self._open
