"""How late the event loop is: the first sign that something blocks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from softswitch.model.clock import Clock
from softswitch.observe.alarms import Alarms

EVERY_SECONDS = 0.25
ALARM_SECONDS = 0.05  # architecture.md §12
CALM_TURNS = 40  # so many turns in time before the alarm is cleared


async def watch_loop(clock: Clock, show: Callable[[float], None], alarms: Alarms) -> None:
    """Task: measures the lateness of a timer, shows the worst of the last ten turns, raises `loop_lag` above 50 ms."""
    recent: list[float] = []
    calm = 0
    while True:
        before = clock.now()
        await asyncio.sleep(EVERY_SECONDS)
        lag = max(0.0, clock.now() - before - EVERY_SECONDS)
        recent = [*recent[-9:], lag]
        show(max(recent))
        calm = 0 if lag > ALARM_SECONDS else calm + 1
        if lag > ALARM_SECONDS:
            alarms.raise_("loop_lag", "warning", f"The event loop was {lag * 1000:.0f} ms late")
        elif calm == CALM_TURNS:
            alarms.clear("loop_lag")
