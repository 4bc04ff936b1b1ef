"""One lane of one hook: sends what waits there, one after another, and waits longer after each failure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from softswitch.model.clock import Clock
from softswitch.store.database import Store
from softswitch.webhooks import envelope, outbox
from softswitch.webhooks.outbox import Delivery

KEEP_TOGETHER = 50
"""Successes that are written together; after a crash at most so many are sent a second time."""
POLL = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt; `status` 0: no answer, and `error` says why."""

    status: int
    error: str = ""
    ms: int = 0


Send = Callable[[Delivery], Awaitable[Answer]]


class Lane:
    """A task of its own. `wake` is called when something may wait; `hurry` ends a pause."""

    def __init__(self, store: Store, clock: Clock, hook: str, number: int, send: Send, told: Callable[[Answer], None]) -> None:
        self._store = store
        self._clock = clock
        self._hook = hook
        self._number = number
        self._send = send
        self._told = told
        self._rows: deque[Delivery] = deque()
        self._after = 0
        self._finished: list[Delivery] = []
        self._news = asyncio.Event()
        self._hurried = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    def hurry(self) -> None:
        """Tries again at once."""
        self._hurried.set()
        self._news.set()

    async def run(self) -> None:
        """Until cancelled; what was sent is written down then, too."""
        try:
            while True:
                await self._more()
                while self._rows:
                    await self._deliver(self._rows[0])
                    self._rows.popleft()
                await self._settle()
        finally:
            if self._finished:
                await asyncio.shield(self._settle())

    async def _more(self) -> None:
        """The next rows; waits for them."""
        while not self._rows:
            self._news.clear()
            found = await self._store.read(partial(outbox.due, hook=self._hook, lane=self._number, after=self._after))
            self._rows.extend(found)
            if found:
                self._after = found[-1].number
                return
            try:
                async with asyncio.timeout(POLL):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _deliver(self, row: Delivery) -> None:
        """Sends one until it is done or given up."""
        while row.state == "waiting":
            await self._pause(row.next_at - self._clock.utc())
            answer = await self._send(row)
            row = self._rows[0] = judged(row, answer, self._clock.utc())
            self._told(answer)
            self._finished.append(row)
            if row.state == "waiting" or len(self._finished) >= KEEP_TOGETHER:
                await self._settle()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self._hurried.clear()
        try:
            async with asyncio.timeout(min(seconds, envelope.BACKOFF[-1])):
                await self._hurried.wait()
        except TimeoutError:
            return

    async def _settle(self) -> None:
        finished = tuple(self._finished)
        if finished:
            await self._store.write(partial(outbox.save, changed=finished))
            del self._finished[: len(finished)]


def judged(row: Delivery, answer: Answer, now: float) -> Delivery:
    """The delivery after one more attempt."""
    attempts = row.attempts + 1
    verdict = envelope.verdict(answer.status, attempts, now - row.created_at)
    row = replace(row, attempts=attempts, status=answer.status, error=answer.error[:200])
    if verdict is envelope.Verdict.AGAIN:
        return replace(row, next_at=now + envelope.backoff(attempts))
    return replace(row, state="done" if verdict is envelope.Verdict.DONE else "failed", finished_at=now)
