"""What one call costs the core, counted and not timed, so that a busy machine changes nothing: calls made, objects left."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType

from signalling.events import Flow
from signalling.timers import Deadlines
from tests.bench import signalling_cost

MOST_CALLS = 1_950
"""Of functions, ours and the interpreter's, for 14 messages; 1,801 when this was written, 2,006 before."""
MOST_OBJECTS = 32
"""That a finished call leaves for half a minute, to absorb repeats: 28 when this was written, 54 before."""


class Counting(signalling_cost.Switch):
    """Counts what happens inside the switch alone."""

    count = 0

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        self.count += event in {"call", "c_call"}

    def _counted(self, work: Callable[[], None]) -> None:
        sys.setprofile(self._profile)
        try:
            work()
        finally:
            sys.setprofile(None)

    def receive(self, data: bytes, flow: Flow) -> list[tuple[bytes, Flow]]:
        self.sent = []
        self._counted(lambda: self._follow(self.endpoint.receive(data, flow, self.now)))
        return self.sent

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self._counted(lambda: self._follow(self.endpoint.handle_timeout(self.now)))


def calls(switch: signalling_cost.Switch, first: int, count: int) -> None:
    for number in range(first, first + count):
        signalling_cost.one_call(switch, number)
        switch.tick(0.02)


def test_a_call_takes_few_calls_of_functions() -> None:
    switch = Counting()
    calls(switch, 0, 50)
    switch.count = 0
    calls(switch, 50, 50)
    assert switch.count / 50 < MOST_CALLS


def test_a_finished_call_leaves_little_behind() -> None:
    switch = signalling_cost.Switch()
    calls(switch, 0, 300)
    gc.collect()
    before = len(gc.get_objects())
    calls(switch, 300, 500)
    gc.collect()
    assert (len(gc.get_objects()) - before) / 500 < MOST_OBJECTS
    switch.tick(40.0)
    assert not any(switch.endpoint.leftovers.values())


class _Deaf:
    def fire(self, name: str, now: float) -> None:
        raise AssertionError(f"{name} was cancelled")


def test_cancelled_deadlines_do_not_wait_for_their_time() -> None:
    """A call may ring for minutes and does for seconds: what was set for it must not stay that long."""
    deadlines, deaf = Deadlines(), _Deaf()
    kept = deadlines.set(deaf, "kept", 1000.0)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(10_000):
        deadlines.set(deaf, "ring", 100.0 + number).cancel()
    gc.collect()
    assert len(gc.get_objects()) - before < 2_000
    assert len(deadlines) == 1
    deadlines.run(999.0)
    assert deadlines.next_at == kept.at
