"""What a waiting caller is told, and when which comfort message comes. Pure (call-centre.md §6.2 end, §8).

The wait that is said is the 80th percentile, rounded up to 30 s below five minutes and to whole minutes above; above twenty
minutes only that it is long. Never more than the last time, unless it has grown by half.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from softswitch.directory.model import Queue
from softswitch.model.destination import Destination, DestinationKind
from softswitch.prompts import spoken

LONG = 20 * 60
"""Seconds above which no figure is said."""
_FINE = 5 * 60
_GROWN = 1.5


def rounded(seconds: float) -> int:
    """The seconds that are said, never below 30."""
    step = 30 if seconds <= _FINE else 60
    return max(30, math.ceil(seconds / step) * step)


@dataclass(slots=True)
class Said:
    """What one caller has been told so far. `waits`: seconds at the last announcement, 0 = nothing yet."""

    waits: int = 0
    rounds: int = 0
    message: int = 0

    def wait(self, p80_ms: int) -> int:
        """The wait to say now, in seconds; more than `LONG` means that it is long."""
        seconds = rounded(p80_ms / 1000)
        if self.waits and self.waits < seconds <= self.waits * _GROWN:
            seconds = self.waits
        self.waits = seconds
        return seconds

    def comfort(self, queue: Queue) -> tuple[str, ...]:
        """The next comfort message, in rotation."""
        if not queue.messages:
            return ()
        self.message += 1
        return (queue.messages[(self.message - 1) % len(queue.messages)],)


@dataclass(frozen=True, slots=True)
class Announcement:
    """`what` is the word of QueueAnnounced: position, wait, both, comfort."""

    what: str
    prompts: tuple[str, ...]
    position: int = 0
    wait_seconds: int = 0


def announcement(queue: Queue, said: Said, *, place: int, p80_ms: int, language: str) -> Announcement | None:
    """The next announcement of a caller at `place` (from 1). `p80_ms` -1: unknown, then the place stands in."""
    said.rounds += 1
    if queue.announce == "none":
        return Announcement("comfort", said.comfort(queue), place) if queue.messages else None
    first = said.rounds == 1
    greeting = ("queue-wait",) if first else said.comfort(queue) or ("thank-you-for-holding",)
    tells_wait = queue.announce in ("wait", "both") and p80_ms >= 0
    tells_place = queue.announce in ("position", "both") or not tells_wait
    seconds = said.wait(p80_ms) if tells_wait else 0
    where = spoken.position(place, language) if tells_place else ()
    when = spoken.wait(seconds, LONG, language) if tells_wait else ()
    what = "both" if where and when else "wait" if when else "position"
    return Announcement(what, (*greeting, *where, *when), place, seconds)


def offers(keys: Mapping[str, Destination], *, callback: bool) -> tuple[str, ...]:
    """The keys that are said aloud: leaving a message, and being called back when that is wanted now."""
    prompts: list[str] = []
    for digit, to in keys.items():
        if digit not in "0123456789":
            continue
        if to.kind is DestinationKind.VOICEMAIL:
            prompts += ("press-voicemail", digit)
        elif to.kind is DestinationKind.CALLBACK and callback:
            prompts += ("press-callback", digit)
    return tuple(prompts)
