"""The clock of the running system."""

from __future__ import annotations

import time


class SystemClock:
    """`softswitch.model.clock.Clock` on the clocks of the operating system."""

    def now(self) -> float:
        return time.monotonic()

    def utc(self) -> float:
        return time.time()
