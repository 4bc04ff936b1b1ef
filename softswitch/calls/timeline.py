"""The timeline of one call: stamps what happens with call, number and time, keeps it, and hands it to the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from softswitch.model.clock import Clock
from softswitch.model.events import Event, LegDtmf, stamped
from softswitch.model.ids import CallId


class Timeline:
    """Written by its call alone; `events` is what the record is folded from."""

    def __init__(self, call: CallId, journal: Callable[[Event], None], clock: Clock) -> None:
        self.call = call
        self.events: list[Event] = []
        self.concealed = False
        """While it is set, keys are written down without saying which (PINs, card numbers)."""
        self._journal = journal
        self._clock = clock

    def emit(self, event: Event) -> None:
        """Numbers, keeps and journals the event."""
        if self.concealed and isinstance(event, LegDtmf):
            event = replace(event, digit="x")
        entry = stamped(event, call=self.call, seq=len(self.events) + 1, at=self._clock.utc())
        self.events.append(entry)
        self._journal(entry)
