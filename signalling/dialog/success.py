"""A 2xx to INVITE is repeated by the user agent until its ACK comes (RFC 3261 §13.3.1.4), on every transport."""

from __future__ import annotations

from collections.abc import Callable

from signalling.timers import LONG, T1, T2, Deadline, Deadlines
from signalling.transaction import Input, ServerTransaction


class SuccessRetransmission:
    """Repeats `data` at T1 doubling to T2; without an ACK in 64*T1 calls `lost(now)` once."""

    __slots__ = ("_data", "_deadline", "_deadlines", "_interval", "_lost", "_transaction", "_until", "cseq")

    def __init__(
        self,
        deadlines: Deadlines,
        transaction: ServerTransaction,
        cseq: int,
        data: bytes,
        lost: Callable[[float], None],
        now: float,
    ) -> None:
        self._deadlines = deadlines
        self._transaction = transaction
        self._data = data
        self._lost = lost
        self._interval = T1
        self._until = now + LONG
        self.cseq = cseq
        self._deadline: Deadline = deadlines.set(self, "2xx", now + T1)

    def fire(self, name: str, now: float) -> None:
        if now >= self._until:
            self._lost(now)
            return
        self._transaction.step(Input.SUCCESS, now, self._data)
        self._interval = min(self._interval * 2, T2)
        self._deadline = self._deadlines.set(self, name, min(now + self._interval, self._until))

    def stop(self) -> None:
        self._deadline.cancel()
