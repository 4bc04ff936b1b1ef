"""One key pressed once, though it may come by three ways: RFC 4733, in-band tones, signalling (SIP INFO, a page). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

ECHO_SECONDS = 0.1
"""The same digit by another way within this time is the same key. A tone and an event end where the key is let go, an INFO
may be sent where it is pressed: the length of the digit is added."""

SIGNALLED = frozenset(("info", "browser"))


@dataclass(slots=True)
class _Key:
    digit: str
    way: str
    until: float
    ways: set[str] = field(default_factory=set)


class DigitMerger:
    """Of one party. `counts` is asked once per digit, in the order in which they come."""

    def __init__(self) -> None:
        self._events_seen = False
        self._keys: list[_Key] = []

    def counts(self, digit: str, way: str, at: float, duration: int = 0) -> bool:
        """Whether this is a key of its own. `at` is when it came (s), `duration` how long it sounded (ms, 0: unknown).

        Who once sent RFC 4733 is not heard by signalling any more: some phones send both, and an INFO may be repeated late.
        """
        if way in SIGNALLED and self._events_seen:
            return False
        self._events_seen = self._events_seen or way == "rfc4733"
        begun = at - duration / 1000
        self._keys = [key for key in self._keys if key.until + ECHO_SECONDS >= begun]
        for key in self._keys:
            # A key echoes once by each other way; the same way twice is the key pressed twice.
            if key.digit == digit and key.way != way and way not in key.ways and begun - ECHO_SECONDS <= key.until:
                key.ways.add(way)
                return False
        self._keys.append(_Key(digit, way, at))
        return True
