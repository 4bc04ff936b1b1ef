"""The clock of the running system."""

from __future__ import annotations

import time


class SystemClock:
    """`softswitch.model.clock.Clock` on the clocks of the operating system."""

    now = staticmethod(time.monotonic)  # asked some forty times a call, so without a function of ours between
    utc = staticmethod(time.time)
