"""Reliable provisional responses (RFC 3262): the callee's repetition of one 18x at a time, the caller's order of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from signalling.message import Request, Response
from signalling.message.headers import parse_number
from signalling.timers import LONG, T1, Deadline, Deadlines

MAX_RSEQ = 2**31 - 1


class Ringing(StrEnum):
    CLEAR = "clear"  # nothing waits for a PRACK
    OPEN = "open"  # a reliable 18x is repeated until its PRACK
    ANSWERED = "answered"  # the final response has gone while one was open: no repeats, a late PRACK is still welcome
    LOST = "lost"  # no PRACK in 64*T1: the INVITE is refused with 504


class Step(StrEnum):
    SEND = "send"
    PRACK = "PRACK"
    REPEAT = "repeat"
    FINAL = "final response"
    TIMEOUT = "64*T1"


RINGING: dict[tuple[Ringing, Step], Ringing] = {
    (Ringing.CLEAR, Step.SEND): Ringing.OPEN,
    (Ringing.CLEAR, Step.FINAL): Ringing.CLEAR,
    (Ringing.OPEN, Step.PRACK): Ringing.CLEAR,
    (Ringing.OPEN, Step.REPEAT): Ringing.OPEN,
    (Ringing.OPEN, Step.FINAL): Ringing.ANSWERED,
    (Ringing.OPEN, Step.TIMEOUT): Ringing.LOST,
    (Ringing.ANSWERED, Step.PRACK): Ringing.CLEAR,
}


class ReliableRinging:
    """The callee's side of one INVITE: one open 18x at a time. `lost(now)` is called when its PRACK never came."""

    __slots__ = ("_again", "_data", "_deadline", "_deadlines", "_interval", "_lost", "_until", "carries_body", "rseq", "state")

    def __init__(
        self, deadlines: Deadlines, again: Callable[[bytes, float], None], lost: Callable[[float], None], rseq: int
    ) -> None:
        self._deadlines = deadlines
        self._again = again
        self._lost = lost
        self._data = b""
        self._deadline: Deadline | None = None
        self._interval = T1
        self._until = 0.0
        self.rseq = rseq  # of the last 18x
        self.carries_body = False  # the open one
        self.state = Ringing.CLEAR

    @property
    def is_open(self) -> bool:
        return self.state is Ringing.OPEN

    def sent(self, data: bytes, *, carries_body: bool, now: float) -> None:
        """An 18x with `rseq` has left; it is repeated from now on."""
        self.state = RINGING[self.state, Step.SEND]
        self._data = data
        self.carries_body = carries_body
        self._interval = T1
        self._until = now + LONG
        self._deadline = self._deadlines.set(self, "18x", now + T1)

    def fire(self, name: str, now: float) -> None:
        if now >= self._until:
            self.state = RINGING[self.state, Step.TIMEOUT]
            self._lost(now)
            return
        self._again(self._data, now)
        self._interval *= 2  # §3: doubling without T2
        self._deadline = self._deadlines.set(self, name, min(now + self._interval, self._until))

    def acknowledge(self, rseq: int) -> bool:
        """A PRACK for `rseq`; False when nothing waits for it."""
        after = RINGING.get((self.state, Step.PRACK))
        if after is None or rseq != self.rseq:
            return False
        self.state = after
        self.stop()
        return True

    def finish(self) -> None:
        """The final response is on its way."""
        self.state = RINGING.get((self.state, Step.FINAL), self.state)
        self.stop()

    def stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class ReliableOrder:
    """The caller's side of one early dialog: which 18x is new, which a repeat (§4)."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def take(self, response: Response) -> str:
        """RAck value for a reliable 18x that is next in order, "" for a repeat or one that came too early."""
        rseq = parse_number(response.get("rseq"))
        if rseq is None or not 0 < rseq <= 2**32 - 1 or (self._last is not None and rseq != self._last + 1):
            return ""
        self._last = rseq
        return f"{rseq} {response.cseq.number} {response.cseq.method}"


def is_reliable(response: Response) -> bool:
    """Whether an 18x asks for PRACK."""
    if "rseq" not in response.headers or "require" not in response.headers or response.status == 100:
        return False
    return "100rel" in ",".join(response.headers["require"]).lower()


def acknowledged(request: Request) -> tuple[int, int, str] | None:
    """RSeq, CSeq and method that a PRACK names, None when its RAck is unreadable."""
    words = request.get("rack").split()
    if len(words) != 3:
        return None
    rseq, cseq = parse_number(words[0]), parse_number(words[1])
    return (rseq, cseq, words[2]) if rseq is not None and cseq is not None else None
