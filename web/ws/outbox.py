"""What one client has been told: numbered events, kept for a while so that a reconnecting client misses nothing.

An `Outbox` outlives the WebSocket: when the connection drops it is parked under its resume token for `GRACE` seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEPT_EVENTS = 500
GRACE = 60.0  # seconds that a parked outbox is kept
MAX_PENDING = 2000  # frames waiting for a slow client; then it is cut off and must resume


@dataclass(eq=False, slots=True)
class Outbox:
    """Owned by the hub's loop. `send` is the bounded queue that the writer task of the live connection drains."""

    login: str
    resume: str
    seq: int = 0
    topics: set[str] = field(default_factory=set)
    kept: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    send: asyncio.Queue[str] | None = None
    overflow: Callable[[], None] | None = None

    def event(self, event: Mapping[str, Any]) -> None:
        """Numbers an event, keeps it, and sends it when somebody is connected."""
        self.seq += 1
        frame = json.dumps({"seq": self.seq, "event": event}, ensure_ascii=False, separators=(",", ":"))
        self.kept.append((self.seq, frame))
        self._push(frame)

    def reply(self, request: Any, key: str, value: Mapping[str, Any]) -> None:
        self._push(json.dumps({"re": request, key: value}, ensure_ascii=False, separators=(",", ":")))

    def _push(self, frame: str) -> None:
        if self.send is None:
            return
        try:
            self.send.put_nowait(frame)
        except asyncio.QueueFull:
            if self.overflow:
                self.overflow()

    def connect(self, overflow: Callable[[], None]) -> asyncio.Queue[str]:
        self.send = asyncio.Queue(MAX_PENDING)
        self.overflow = overflow
        return self.send

    def disconnect(self) -> None:
        self.send = None
        self.overflow = None

    def replay(self, after: int) -> bool:
        """Sends again what came after `after`. False when that is no longer known: the client must start afresh."""
        first_kept = self.kept[0][0] if self.kept else self.seq + 1
        if after > self.seq or after < first_kept - 1:
            return False
        for seq, frame in list(self.kept):
            if seq > after:
                self._push(frame)
        return True


class Parking:
    """Outboxes of lost connections by resume token, each with a deadline."""

    def __init__(self, now: Callable[[], float], expired: Callable[[Outbox], None]) -> None:
        self._now = now
        self._expired = expired
        self._parked: dict[str, tuple[float, Outbox]] = {}

    def park(self, outbox: Outbox) -> None:
        self._parked[outbox.resume] = (self._now() + GRACE, outbox)

    def take(self, resume: str, login: str) -> Outbox | None:
        """The parked outbox of this token, if it belongs to the same login."""
        found = self._parked.get(resume)
        if found is None or found[1].login != login:
            return None
        del self._parked[resume]
        return found[1]

    def sweep(self) -> None:
        now = self._now()
        for resume, (deadline, outbox) in list(self._parked.items()):
            if deadline <= now:
                del self._parked[resume]
                self._expired(outbox)

    def __iter__(self) -> Any:
        return iter([outbox for _, outbox in self._parked.values()])
