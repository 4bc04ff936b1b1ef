"""Sound before the answer: whose of several early dialogs is heard, and whether anything is heard at all (sip.md §4.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from media import sdp
from media.errors import BadDescription

WAIT = 0.2
"""Seconds without a packet after which a far end that says it rings has no tone of its own."""


class Forks:
    """The early dialogs of one INVITE that brought a description. Pure; one of them is heard.

    The first one that its network lets speak (P-Early-Media sendrecv), else the first that does speak; until then the first.
    """

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._chosen: str | None = None
        self._firm = False

    def offered(self, tag: str, body: bytes, headers: Mapping[str, str]) -> bytes | None:
        """An 18x with a description; the description to take now, None when another dialog goes on being heard."""
        self._bodies[tag] = body
        allowed = "sendrecv" in headers.get("p-early-media", "").lower()
        if self._chosen is None or tag == self._chosen or (allowed and not self._firm):
            self._chosen, self._firm = tag, self._firm or allowed
            return body
        return None

    def speaks(self, remote: str) -> bytes | None:
        """The first packet came from `remote` ("ip:port"); the description to take now, None when nothing changes."""
        if self._firm or len(self._bodies) < 2:
            return None
        tag = next((tag for tag, body in self._bodies.items() if _place(body) == remote), None)
        if tag is None:
            return None
        before, self._chosen, self._firm = self._chosen, tag, True
        return self._bodies[tag] if tag != before else None

    def gone(self, tag: str) -> bytes | None:
        """One of them is over (199); the description to take now, None when nothing changes."""
        self._bodies.pop(tag, None)
        if tag != self._chosen:
            return None
        self._chosen, self._firm = next(iter(self._bodies), None), False
        return self._bodies[self._chosen] if self._chosen is not None else None


def _place(body: bytes) -> str:
    """Where the audio of a description comes from, as "ip:port"."""
    try:
        description = sdp.parse(body)
    except BadDescription:
        return ""
    media = next((part for part in description.media if part.kind == "audio" and part.port), None)
    where = sdp.connection(description, media) if media is not None else None
    return f"{where.address}:{media.port}" if media is not None and where is not None else ""


class Hearing:
    """Whether a port is heard of. Looks at its counter each `WAIT` seconds, from `begin` to `stop`.

    `silent` is called once nothing came for that long, `heard` when something comes after all.
    """

    def __init__(self, sample: Callable[[], None], silent: Callable[[], None], heard: Callable[[], None]) -> None:
        self._sample = sample
        self._silent = silent
        self._heard = heard
        self._timer: asyncio.TimerHandle | None = None
        self._before: int | None = None
        self._is_due = False
        self._is_silent = False

    @property
    def is_on(self) -> bool:
        return self._timer is not None

    def begin(self) -> None:
        """Nothing when it is on already."""
        if self._timer is None:
            self._before, self._is_silent = None, False
            self._look()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(WAIT, self._look)
        self._is_due = True
        self._sample()

    def counted(self, packets: int) -> None:
        """What the engine says: packets received since the port was opened."""
        if self._timer is None or not self._is_due:
            return
        self._is_due = False
        before, self._before = self._before, packets
        if before is None:
            return
        if packets == before and not self._is_silent:
            self._is_silent = True
            self._silent()
        elif packets != before and self._is_silent:
            self.stop()
            self._heard()
