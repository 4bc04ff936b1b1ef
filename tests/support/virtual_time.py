"""An event loop whose clock jumps to the next timer when nothing else is to be done: hours pass in milliseconds, in order."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

from softswitch.model.clock import Clock

_PATIENCE = 2.0
"""Real seconds to wait for a thread, or for a socket when no timer is set."""


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting it moves the loop's clock, unless a descriptor is ready.

    While a thread works for the loop, time stands still: what is computed there takes none, however busy the machine is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(_PATIENCE)
        if self.threads and (ready := super().select(_PATIENCE)):
            return ready
        self.jumped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For the hook `pytest_asyncio_loop_factories`."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _future: Any) -> None:
        self._jumping.threads -= 1

    def time(self) -> float:
        return 1000.0 + self._jumping.jumped


class LoopClock(Clock):
    """Both clocks follow the loop. The epoch begins on a Monday noon in Shanghai."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, start: float = 1_704_081_600.0) -> None:
        self._loop = loop
        self._ahead = start - loop.time()

    def now(self) -> float:
        return self._loop.time()

    def utc(self) -> float:
        return self._loop.time() + self._ahead
