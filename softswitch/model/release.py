"""One table for what a refusal or an end means on the wire: SIP status ⇄ Q.850 cause ⇄ what a trunk call does next.

sip.md §4.8; RFC 3398 and 4497 with one change: 88 is 488 and not 503, a codec clash must not look like congestion. `Cause`
holds the few words that records use; here are all numbers, so that a leg tells the other one exactly what it was told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from softswitch.model.cause import Cause


class Onward(StrEnum):
    """What a call does after an attempt on a trunk failed."""

    ADVANCE = "A"  # the next route
    STOP = "S"  # the caller is told
    REPAIR = "R"  # once more on the same trunk with what was missing, then the next route
    BUSY = "B"  # the called party is busy: told, after what the callee wants done when busy


class Release(NamedTuple):
    """Why a leg ended, in full. `status` is the SIP status for a leg that was never answered, `q850` the Reason of either."""

    cause: Cause
    status: int
    q850: int
    location: str = ""
    """Where in the network the cause arose (RFC 8606), "" when nobody said."""


class _Row(NamedTuple):
    statuses: tuple[int, ...]
    q850: int  # written into Reason when the status came without one
    onward: Onward
    told: int = 0  # status for the other side; 0: the same
    causes: tuple[int, ...] = ()  # Q.850 values that are written as the first status of the row


_A, _S, _R, _B = Onward.ADVANCE, Onward.STOP, Onward.REPAIR, Onward.BUSY
_BAD = (7, 9, 30, 43, 62, 81, 83, 84, 85, 86, 90, *range(95, 102), 103, 110, 111, 127)
_TABLE = (
    _Row((300, 301, 302, 305, 380), 23, _A, told=480),  # a number to go to is never passed on: we follow it or give up
    _Row((500, 481), 41, _A, told=500, causes=_BAD), _Row((400,), 41, _S, told=500),
    _Row((401, 407), 21, _A, told=500),  # credentials are answered below; what is left over is the trunk's fault
    _Row((403, 402), 21, _S, causes=(21, 24, 50, 53, 55, 57, 87)),
    _Row((404, 485, 604), 1, _S, told=404, causes=(1, 2, 3, 4, 5, 14, 26, 91)),
    _Row((501, 406, 415), 79, _A, told=501, causes=(29, 69, 79)), _Row((405,), 63, _A, told=503),
    _Row((408,), 102, _A, causes=(18,)), _Row((504,), 102, _A, causes=(102,)),
    _Row((410,), 22, _S, causes=(22,)),
    _Row((412, 413, 414, 416, 417, 420, 421, 422, 423, 439, 469, 489, 493, 494, 505, 513), 127, _A, told=500),
    _Row((424, 428, 429, 436, 437, 438), 21, _S, told=403), _Row((433, 607, 608), 21, _S),
    _Row((502,), 38, _A, causes=(27,)), _Row((430,), 27, _A, told=502),
    _Row((483, 482), 25, _S, causes=(25,)), _Row((440,), 25, _S, told=483),
    _Row((480,), 18, _S, causes=(16, 19, 20, 23, 31)),
    _Row((484,), 28, _S, causes=(28,)),
    _Row((486, 600), 17, _B, told=486, causes=(8, 17)),
    _Row((487,), 16, _S, told=480), _Row((491,), 41, _S, told=500),
    _Row((488, 606, 580), 88, _R, told=488, causes=(65, 66, 70, 88)),
    _Row((503,), 41, _A, causes=(6, 34, 38, 39, 40, 41, 42, 44, 46, 47, 49, 58, 63, 82)),
    _Row((603,), 21, _S),
)  # fmt: skip
_OTHER = {4: _Row((), 31, _S, told=480), 5: _Row((), 41, _A, told=500), 6: _Row((), 31, _S, told=480)}
_ROWS: Mapping[int, _Row] = {status: row for row in _TABLE for status in row.statuses}
_STATUS: Mapping[int, int] = {cause: row.statuses[0] for row in _TABLE for cause in row.causes}

_ADVANCING = frozenset((2, 3, 6, 25, 27, 34, *range(38, 48), 49, 58, 63, 66, 82, 91, *range(95, 103), 111, 127))
_STOPPING = frozenset((1, 4, 5, *range(16, 25), 26, *range(28, 32), *range(50, 58), 87))
_REPAIRING = frozenset((65, 70, 88))


def _row(status: int) -> _Row:
    if status in _ROWS:
        return _ROWS[status]
    return _ROWS[300] if status < 400 else _OTHER.get(status // 100, _OTHER[5])


def status_of(q850: int) -> int:
    """The SIP status that is written for a Q.850 cause before the answer."""
    return _STATUS.get(q850, 480)


def told(status: int, q850: int = 0) -> tuple[int, int]:
    """What the other side is told of a refusal: its SIP status and the Q.850 cause of its Reason.

    A cause that came with the status is kept, and decides the status unless both mean the same row.
    """
    row = _row(status)
    shown = row.told or status
    if not 0 < q850 <= 127:
        return shown, row.q850
    if q850 == row.q850 or status_of(q850) == shown:
        return shown, q850
    return status_of(q850), q850


def release(status: int, q850: int = 0) -> Release:
    """The whole of a final status of a peer, 300 to 699; `q850` only from a peer whose Reason is trusted."""
    shown, cause = told(status, q850)
    if q850 in (0, 16) and status == 487:
        return Release(Cause.CANCELLED, shown, 16)
    return Release(Cause.from_sip(shown if q850 else status, q850), shown, cause)


def onward(status: int, q850: int = 0, *, advance: Collection[int] = (), stop: Collection[int] = ()) -> Onward:
    """What a call does after this refusal of a trunk.

    `advance` and `stop` are the trunk's own words: SIP statuses (300 and more) and Q.850 causes (below 128); they win.
    """
    for number in (q850, status):
        if number and number in stop:
            return Onward.STOP
        if number and number in advance:
            return Onward.ADVANCE
    if q850 == 17:
        return Onward.BUSY
    if q850 in _REPAIRING:
        return Onward.REPAIR
    if q850 in _ADVANCING:
        return Onward.ADVANCE
    if q850 in _STOPPING:
        return Onward.STOP
    return _row(status).onward
