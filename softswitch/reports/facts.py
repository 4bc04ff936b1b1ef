"""What reports are made of: stays in queues, contacts of agents, seized channels, times in a state, steps of flows.

Field order is that of the tables in `store.fact_tables`. Times are UTC epoch seconds, durations ms.
"""

from __future__ import annotations

from typing import NamedTuple

OPEN = "open"
"""Result of a visit whose caller still waits; never stored."""
MISSED_MS = 3_000
"""A caller who gives up while an agent's device rings is missed by the agent when it rang at least so long."""
MISSED = frozenset({"no_answer", "reject", "busy"})
"""How an offer fails that the agent, or the phone in the agent's name, did not take."""


class Visit(NamedTuple):
    call: str
    id: str
    queue: str
    channel: str  # "voice" or "callback"; only voice counts as offered
    entered: float
    left: float
    result: str
    wait_ms: int
    waited: bool  # no agent was reserved at the instant of entry
    agent: str
    offers: int
    importance: int
    predicted_ms: int  # -1: no prediction
    p80_ms: int


class Contact(NamedTuple):
    """`outcome`: answered, no_answer, reject, busy, device, lost, abandoned, withdrawn; of dialled calls answered or failed."""

    call: str
    number: int
    agent: str
    queue: str
    direction: str  # in, out, internal
    began: float
    ended: float
    outcome: str
    counted: bool  # in the agent's total: answered or missed
    ring_ms: int
    talk_ms: int  # from answer to end, hold included
    hold_ms: int
    holds: int
    transferred: bool


class Seizure(NamedTuple):
    call: str
    leg: str
    trunk: str
    channel: int
    direction: str
    began: float
    ended: float


class Span(NamedTuple):
    kind: str  # agent, trunk
    name: str
    began: float
    ended: float
    state: str
    reason: str
    queue: str


SESSION = "session"
"""As `Step.verb`: no node, but a whole call in its first flow; the result is `self_service`, `people` or `left`."""


class Step(NamedTuple):
    """One node of a flow that a caller went through."""

    flow: str
    node: str
    verb: str
    result: str
    began: float
    ms: int
    dropped: bool


class Ended(NamedTuple):
    """An ended call, for the curves of traffic."""

    began: float
    direction: str
    result: str
    wait_ms: int
    talk_ms: int
    duration_ms: int


class CallFacts(NamedTuple):
    visits: list[Visit]
    contacts: list[Contact]
    seizures: list[Seizure]
    steps: list[Step]


def milliseconds(start: float, end: float) -> int:
    return max(0, round((end - start) * 1000))
