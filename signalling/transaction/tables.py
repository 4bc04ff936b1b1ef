"""All transitions of the four machines as data. An input that is not listed for a state is ignored.

A timer lives only in states whose row lists it: the interpreter cancels the others on every change of state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"  # RFC 6026: a 2xx has passed, repeats are still expected
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(StrEnum):
    """Timers by their letters of RFC 3261 table 4; the rest are messages, from the wire or from the transaction user."""

    A = "A"
    B = "B"
    C = "C"  # armed by the user when it waits no longer for a final response (§9.1)
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741 - the name of the timer
    J = "J"
    K = "K"
    L = "L"
    M = "M"
    STALL = "stall"  # RFC 4320: a non-INVITE may answer 100 only after T1 has grown to T2
    REQUEST = "request"
    ACK = "ack"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    ERROR = "transport error"


class Action(StrEnum):
    SEND = "send"  # server: the user's response; kept for repeats
    RESEND = "resend"  # the last message once more
    TRYING = "100"
    UP = "up"  # tell the user
    ACK = "ack"  # client: acknowledge a non-2xx
    TIMEOUT = "timeout"
    BROKEN = "broken"
    FORGET_REQUEST = "forget"  # nothing will be resent: free the octets
    ARM_A = "arm A"  # first, and doubled when it fired
    ARM_B = "arm B"
    ARM_D = "arm D"
    ARM_E = "arm E"
    ARM_E_T2 = "arm E at T2"
    ARM_F = "arm F"
    ARM_G = "arm G"
    ARM_H = "arm H"
    ARM_I = "arm I"
    ARM_J = "arm J"
    ARM_K = "arm K"
    ARM_L = "arm L"
    ARM_M = "arm M"
    ARM_STALL = "arm stall"


class Row(NamedTuple):
    state: State
    actions: tuple[Action, ...] = ()


class Table(NamedTuple):
    start: Row
    rows: dict[tuple[State, Input], Row]


_S, _I, _A = State, Input, Action
_OVER = Row(_S.TERMINATED)
_TIMED_OUT = Row(_S.TERMINATED, (_A.TIMEOUT,))
_BROKEN = Row(_S.TERMINATED, (_A.BROKEN,))

INVITE_CLIENT = Table(
    Row(_S.CALLING, (_A.RESEND, _A.ARM_A, _A.ARM_B)),
    {
        (_S.CALLING, _I.A): Row(_S.CALLING, (_A.RESEND, _A.ARM_A)),
        (_S.CALLING, _I.B): _TIMED_OUT,
        (_S.CALLING, _I.ERROR): _BROKEN,
        (_S.CALLING, _I.PROVISIONAL): Row(_S.PROCEEDING, (_A.UP,)),
        (_S.CALLING, _I.SUCCESS): Row(_S.ACCEPTED, (_A.FORGET_REQUEST, _A.ARM_M, _A.UP)),
        (_S.CALLING, _I.FAILURE): Row(_S.COMPLETED, (_A.ACK, _A.FORGET_REQUEST, _A.ARM_D, _A.UP)),
        (_S.PROCEEDING, _I.PROVISIONAL): Row(_S.PROCEEDING, (_A.UP,)),
        (_S.PROCEEDING, _I.SUCCESS): Row(_S.ACCEPTED, (_A.FORGET_REQUEST, _A.ARM_M, _A.UP)),
        (_S.PROCEEDING, _I.FAILURE): Row(_S.COMPLETED, (_A.ACK, _A.FORGET_REQUEST, _A.ARM_D, _A.UP)),
        (_S.PROCEEDING, _I.C): _TIMED_OUT,
        (_S.PROCEEDING, _I.ERROR): _BROKEN,
        (_S.ACCEPTED, _I.SUCCESS): Row(_S.ACCEPTED, (_A.UP,)),
        (_S.ACCEPTED, _I.M): _OVER,
        (_S.COMPLETED, _I.FAILURE): Row(_S.COMPLETED, (_A.ACK,)),
        (_S.COMPLETED, _I.D): _OVER,
        (_S.COMPLETED, _I.ERROR): _OVER,
    },
)

INVITE_SERVER = Table(
    Row(_S.PROCEEDING, (_A.TRYING,)),
    {
        (_S.PROCEEDING, _I.REQUEST): Row(_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _I.PROVISIONAL): Row(_S.PROCEEDING, (_A.SEND,)),
        (_S.PROCEEDING, _I.SUCCESS): Row(_S.ACCEPTED, (_A.SEND, _A.FORGET_REQUEST, _A.ARM_L)),
        (_S.PROCEEDING, _I.FAILURE): Row(_S.COMPLETED, (_A.SEND, _A.ARM_G, _A.ARM_H)),
        (_S.PROCEEDING, _I.ERROR): _BROKEN,
        (_S.ACCEPTED, _I.REQUEST): Row(_S.ACCEPTED),
        (_S.ACCEPTED, _I.SUCCESS): Row(_S.ACCEPTED, (_A.SEND, _A.FORGET_REQUEST)),
        (_S.ACCEPTED, _I.ACK): Row(_S.ACCEPTED, (_A.UP,)),
        (_S.ACCEPTED, _I.L): _OVER,
        (_S.COMPLETED, _I.REQUEST): Row(_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _I.G): Row(_S.COMPLETED, (_A.RESEND, _A.ARM_G)),
        (_S.COMPLETED, _I.ACK): Row(_S.CONFIRMED, (_A.FORGET_REQUEST, _A.ARM_I)),
        (_S.COMPLETED, _I.H): _TIMED_OUT,
        (_S.COMPLETED, _I.ERROR): _OVER,
        (_S.CONFIRMED, _I.ACK): Row(_S.CONFIRMED),
        (_S.CONFIRMED, _I.I): _OVER,
    },
)

OTHER_CLIENT = Table(
    Row(_S.TRYING, (_A.RESEND, _A.ARM_E, _A.ARM_F)),
    {
        (_S.TRYING, _I.E): Row(_S.TRYING, (_A.RESEND, _A.ARM_E)),
        (_S.TRYING, _I.F): _TIMED_OUT,
        (_S.TRYING, _I.ERROR): _BROKEN,
        (_S.TRYING, _I.PROVISIONAL): Row(_S.PROCEEDING, (_A.ARM_E_T2,)),
        (_S.TRYING, _I.SUCCESS): Row(_S.COMPLETED, (_A.FORGET_REQUEST, _A.ARM_K, _A.UP)),
        (_S.TRYING, _I.FAILURE): Row(_S.COMPLETED, (_A.FORGET_REQUEST, _A.ARM_K, _A.UP)),
        (_S.PROCEEDING, _I.E): Row(_S.PROCEEDING, (_A.RESEND, _A.ARM_E_T2)),
        (_S.PROCEEDING, _I.F): _TIMED_OUT,
        (_S.PROCEEDING, _I.ERROR): _BROKEN,
        (_S.PROCEEDING, _I.SUCCESS): Row(_S.COMPLETED, (_A.FORGET_REQUEST, _A.ARM_K, _A.UP)),
        (_S.PROCEEDING, _I.FAILURE): Row(_S.COMPLETED, (_A.FORGET_REQUEST, _A.ARM_K, _A.UP)),
        (_S.COMPLETED, _I.K): _OVER,
    },
)

OTHER_SERVER = Table(
    Row(_S.TRYING, (_A.ARM_STALL,)),
    {
        (_S.TRYING, _I.REQUEST): Row(_S.TRYING),
        (_S.TRYING, _I.STALL): Row(_S.PROCEEDING, (_A.TRYING,)),
        (_S.TRYING, _I.SUCCESS): Row(_S.COMPLETED, (_A.SEND, _A.ARM_J)),
        (_S.TRYING, _I.FAILURE): Row(_S.COMPLETED, (_A.SEND, _A.ARM_J)),
        (_S.TRYING, _I.ERROR): _OVER,
        (_S.PROCEEDING, _I.REQUEST): Row(_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _I.SUCCESS): Row(_S.COMPLETED, (_A.SEND, _A.ARM_J)),
        (_S.PROCEEDING, _I.FAILURE): Row(_S.COMPLETED, (_A.SEND, _A.ARM_J)),
        (_S.PROCEEDING, _I.ERROR): _OVER,
        (_S.COMPLETED, _I.REQUEST): Row(_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _I.J): _OVER,
        (_S.COMPLETED, _I.ERROR): _OVER,
    },
)
