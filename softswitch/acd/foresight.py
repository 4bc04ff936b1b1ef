"""What is looked at every few seconds beside the calls: simulations, figures that compare queues, predictions that fail.

Simulations run in a thread; the results hold until the next ones (call-centre.md §6.2 B).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from softswitch.acd import commands as c
from softswitch.acd.machine import SIGNED_IN
from softswitch.acd.service import AcdService
from softswitch.directory.model import Queue
from softswitch.model.states import AgentState
from softswitch.prediction.service import Pool, Predictor

EVERY = 5.0
MOST_CALLERS = 100
"""Of one queue in a simulation; whoever stands behind is predicted by the recursion."""
_OFF_DUTY = frozenset({AgentState.LOGGED_OUT, AgentState.NOT_READY, AgentState.NOT_RESPONDING})


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


class Foresight:
    """Owned by the loop; `run()` is its task. `off`: queues whose predictions are wrong too often to be said aloud."""

    def __init__(self, acd: AcdService, predictor: Predictor, alarms: AlarmSink, dice: Callable[[], random.Random]) -> None:
        self._acd = acd
        self._predictor = predictor
        self._alarms = alarms
        self._dice = dice
        self.off: frozenset[str] = frozenset()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        """One round."""
        self._compare()
        self._judge()
        now = self._acd.now
        for queues in self._groups():
            pool = self._pool(queues, now)
            if pool.seats and any(pool.callers.values()):
                self._predictor.take(await asyncio.to_thread(self._predictor.simulate, pool, now, self._dice()), now)

    # queues against each other (§4, choice of the next call)

    def _compare(self) -> None:
        queues = self._acd.snapshot.queues.values()
        if any(queue.choice in ("balance_wait", "deficit") for queue in queues):
            self._acd.submit(c.QueueFigures(*self.figures(queues)))

    def figures(self, queues: Iterable[Queue]) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Predicted wait / target, and the gap to the service level's goal in points."""
        balance, deficit = {}, {}
        for queue in queues:
            ahead = self._acd.waiting(queue.name)
            mean = self._acd.forecast.wait(queue, ahead, self._acd.now)[0]
            balance[queue.name] = max(0, mean) / 1000 / max(1, queue.service_seconds)
            level = self._acd.today.queue(queue.name).service_level
            deficit[queue.name] = queue.service_level - 100 * level if level is not None else 0.0
        return balance, deficit

    # predictions that do not come true

    def _judge(self) -> None:
        off = frozenset(self._predictor.queues_in_bands(self._acd.now))
        for queue in off - self.off:
            text = "The predicted waits of this queue are wrong too often; callers hear their place instead"
            self._alarms.raise_("prediction_off", "warning", text, f"queue:{queue}")
        for queue in self.off - off:
            self._alarms.clear("prediction_off", f"queue:{queue}")
        self.off = self._acd.forecast.off = off

    # forward simulation

    def _groups(self) -> list[set[str]]:
        """Queues that share agents, directly or through others."""
        groups: list[set[str]] = []
        for login in self._acd.core.state.agents:
            queues = set(self._acd.core.queues_of(login))
            if queues:
                meets = [group for group in groups if group & queues]
                groups = [group for group in groups if not group & queues] + [queues.union(*meets)]
        return groups

    def _pool(self, queues: set[str], now: float) -> Pool:
        core, directory = self._acd.core, self._acd.snapshot.queues
        known = [directory[name] for name in sorted(queues) if name in directory]
        agents = {login for queue in known for login in core.members(queue.name)}
        seats = {
            login: frozenset(core.queues_of(login))
            for login in sorted(agents)
            if (record := core.state.agents.get(login)) is not None and record.lives in SIGNED_IN - _OFF_DUTY
        }
        weights = {queue.name: (queue.weight_importance, queue.weight_waited, queue.wait_unit) for queue in known}
        return Pool(seats=seats, leaves={}, callers={queue.name: self._keys(queue, now) for queue in known}, weights=weights)

    def _keys(self, queue: Queue, now: float) -> list[float]:
        """The waiting callers' keys against that of somebody who comes now without extra importance."""
        line = list(self._acd.core.state.waiting.get(queue.name) or ())[:MOST_CALLERS]
        return [
            queue.weight_importance * (visit.importance - queue.importance)
            + queue.weight_waited * (now - visit.entered_at) / queue.wait_unit
            for visit in line
        ]  # fmt: skip
