"""The timeline of one call: stamps what happens with call, number and time, keeps it, and hands it to the journal."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.model.clock import Clock
from softswitch.model.events import Event, stamped
from softswitch.model.ids import CallId


class Timeline:
    """Written by its call alone; `events` is what the record is folded from."""

    def __init__(self, call: CallId, journal: Callable[[Event], None], clock: Clock) -> None:
        self.call = call
        self.events: list[Event] = []
        self._journal = journal
        self._clock = clock

    def emit(self, event: Event) -> None:
        """Numbers, keeps and journals the event."""
        entry = stamped(event, call=self.call, seq=len(self.events) + 1, at=self._clock.utc())
        self.events.append(entry)
        self._journal(entry)
