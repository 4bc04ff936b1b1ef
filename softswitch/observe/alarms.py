"""Alarms: conditions that a person must know about, from raised to cleared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from softswitch.model.clock import Clock
from softswitch.model.events import AlarmCleared, AlarmRaised, Event

log = structlog.get_logger("alarms")


@dataclass(frozen=True, slots=True)
class Alarm:
    code: str  # stable word, e.g. "disk_full"
    level: str  # "warning" | "critical"
    text: str
    object: str  # what it is about: a trunk, a queue, a file; may be ""
    since: float  # UTC epoch seconds


class Alarms:
    """The active alarms, one per (code, object). Raising one again only refreshes its text; `emit` is told of the edges."""

    def __init__(self, emit: Callable[[Event], None], clock: Clock) -> None:
        self._emit = emit
        self._clock = clock
        self._active: dict[tuple[str, str], Alarm] = {}

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        known = self._active.get((code, object))
        at = self._clock.utc()
        self._active[code, object] = Alarm(code, level, text, object, known.since if known else at)
        if known is None or known.level != level:
            log.warning("! alarm", code=code, severity=level, text=text, object=object)  # `level` is the line's own
            self._emit(AlarmRaised(at=at, actor="system", code=code, level=level, text=text, object=object))

    def clear(self, code: str, object: str = "") -> None:
        if self._active.pop((code, object), None) is not None:
            log.info("= alarm cleared", code=code, object=object)
            self._emit(AlarmCleared(at=self._clock.utc(), actor="system", code=code, object=object))

    def active(self) -> list[Alarm]:
        """Oldest first."""
        return sorted(self._active.values(), key=lambda alarm: alarm.since)
