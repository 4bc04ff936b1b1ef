"""Alarms: conditions that a person must know about, from raised to cleared.

The same code about the same object is one alarm. What comes and goes does not ring each time: an alarm is cleared only when its
condition was absent for `hold` seconds, and for `FLAP_HOLD` when it came back three times in five minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import AlarmAcknowledged, AlarmCleared, AlarmRaised, Event

log = structlog.get_logger("alarms")
LEVELS: Sequence[str] = ("critical", "major", "minor", "warning")
HOLD_SECONDS = 60.0
FLAP_COUNT, FLAP_SECONDS, FLAP_HOLD = 3, 300.0, 300.0


@dataclass(frozen=True, slots=True)
class Alarm:
    code: str  # stable word, e.g. "disk_full"
    level: str  # of LEVELS
    text: str
    object: str  # what it is about: a trunk, a queue, a file; may be ""
    since: float  # UTC epoch seconds
    id: str = ""
    count: int = 1
    """How often the condition came, since the alarm was raised."""
    flapping: bool = False
    acked_by: str = ""
    acked_at: float = 0.0
    note: str = ""


@dataclass(slots=True)
class _Held:
    """What is remembered of one code and object beside the alarm itself."""

    came: deque[float] = field(default_factory=lambda: deque(maxlen=FLAP_COUNT))  # monotonic seconds
    absent_since: float | None = None


class Alarms:
    """The active alarms, one per (code, object); `emit` is told of the edges. Owned by the loop.

    With `hold` 0 an alarm is cleared at once; else `tick` clears what was absent for long enough.
    """

    def __init__(self, emit: Callable[[Event], None], clock: Clock, *, hold: float = 0.0) -> None:
        self.hold = hold
        self._emit = emit
        self._clock = clock
        self._active: dict[tuple[str, str], Alarm] = {}
        self._held: dict[tuple[str, str], _Held] = {}
        self._made = 0

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        key = code, object
        known, held = self._active.get(key), self._held.setdefault(key, _Held())
        if known is None or held.absent_since is not None:
            held.came.append(self._clock.now())
        if known is None:
            held.absent_since = None
            alarm = Alarm(code, level, text, object, self._clock.utc(), self._next_id())
        else:
            again = held.absent_since is not None
            held.absent_since = None
            alarm = replace(known, level=level, text=text, count=known.count + again)
        alarm = replace(alarm, flapping=self._flaps(held))
        self._active[key] = alarm
        if known is None or known.level != level:
            log.warning("! alarm", code=code, severity=level, text=text, object=object)  # `level` is the line's own
            at = self._clock.utc()
            self._emit(AlarmRaised(at=at, actor="system", code=code, level=level, text=text, object=object, alarm=alarm.id))

    def clear(self, code: str, object: str = "") -> None:
        """The condition is absent now."""
        key = code, object
        if key not in self._active:
            return
        held = self._held[key]
        if held.absent_since is None:
            held.absent_since = self._clock.now()
        if self.hold <= 0:
            self._end(key)

    def tick(self) -> None:
        """Clears what was absent for long enough. To be called every second or so."""
        now = self._clock.now()
        for key, alarm in list(self._active.items()):
            absent = self._held[key].absent_since
            if absent is not None and now - absent >= (max(self.hold, FLAP_HOLD) if alarm.flapping else self.hold):
                self._end(key)
        for key in [key for key, held in self._held.items() if key not in self._active and not self._recent(held)]:
            del self._held[key]

    def acknowledge(self, identity: str, actor: str, note: str = "") -> Alarm:
        """Somebody takes care of it. Raises NotFound, Conflict when somebody else does already."""
        alarm = self.get(identity)
        if alarm.acked_by and alarm.acked_by != actor:
            raise Conflict(f"{alarm.acked_by} takes care of it already")
        alarm = replace(alarm, acked_by=actor, acked_at=self._clock.utc(), note=note)
        self._active[alarm.code, alarm.object] = alarm
        event = AlarmAcknowledged(
            at=alarm.acked_at, actor=actor, code=alarm.code, object=alarm.object, note=note, alarm=alarm.id
        )
        self._emit(event)
        return alarm

    def get(self, identity: str) -> Alarm:
        """Raises NotFound."""
        for alarm in self._active.values():
            if alarm.id == identity:
                return alarm
        raise NotFound(f"There is no active alarm {identity}")

    def active(self) -> list[Alarm]:
        """Oldest first."""
        return sorted(self._active.values(), key=lambda alarm: alarm.since)

    def _end(self, key: tuple[str, str]) -> None:
        alarm = self._active.pop(key)
        self._held[key].absent_since = None
        log.info("= alarm cleared", code=alarm.code, object=alarm.object)
        at = self._clock.utc()
        self._emit(AlarmCleared(at=at, actor="system", code=alarm.code, object=alarm.object, alarm=alarm.id))

    def _flaps(self, held: _Held) -> bool:
        return len(held.came) >= FLAP_COUNT and held.came[-1] - held.came[0] <= FLAP_SECONDS

    def _recent(self, held: _Held) -> bool:
        return bool(held.came) and self._clock.now() - held.came[-1] < FLAP_SECONDS

    def _next_id(self) -> str:
        self._made += 1
        return f"a{int(self._clock.utc() * 1000):x}{self._made:x}"
