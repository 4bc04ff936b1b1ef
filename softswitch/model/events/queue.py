"""Waiting, offers, callbacks and agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from softswitch.model.events.base import Event

ENDLESS_MS = 86_400_000
"""A predicted wait without an end: nobody was on duty. It says nothing about time, so no error is computed from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntered(Event):
    type: ClassVar[str] = "queue.entered"
    visit: str
    position: int
    waited_ms: int = 0  # since a first entry whose place the caller keeps
    channel: str = "voice"  # "voice" | "callback"
    importance: int = 0
    needs: Mapping[str, int] = field(default_factory=dict)  # skill → level asked for by the call, beside the queue's needs
    predicted_ms: int = -1  # predicted wait at entry, -1 = unknown, ENDLESS_MS = without an end
    p80_ms: int = -1
    weights: Mapping[str, int] = field(default_factory=dict)  # of these needs; negative: the need is optional
    points: int = 0  # the caller's share of `importance`, without the queue's
    front: bool = False  # at the head of the line
    held_for: str = ""  # the agent whom the caller waits for at first (sticky)
    sticky: tuple[str, ...] = ()  # who knows the caller: "owner:LOGIN", "last:LOGIN" …
    site: str = ""
    key: float = 0.0  # by which the line is ordered, see AcdDecision.priority


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueAnnounced(Event):
    type: ClassVar[str] = "queue.announced"
    visit: str
    what: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft(Event):
    """`result`: answered, abandoned, key, mailbox, timeout, overflow, callback, closed, supervisor (product.md §4: the visit's
    exits XKEY XVM XTO XOV XCB XCL XSUP). `to` is the destination the caller went on to, as written."""

    type: ClassVar[str] = "queue.left"
    visit: str
    result: str
    wait_ms: int
    to: str = ""
    rule: str = ""  # what made the caller leave: max_wait, leave_empty, wait, no_agents


@dataclass(frozen=True, slots=True, kw_only=True)
class AcdDecision(Event):
    """Why this agent: the ranking as it was at the moment of the offer."""

    type: ClassVar[str] = "acd.decision"
    visit: str
    strategy: str
    candidates: tuple[str, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)  # login -> why
    keys: Mapping[str, float] = field(default_factory=dict)  # login -> the strategy's key
    chosen: str = ""
    rule: str = ""  # why this caller and this agent now: "longest_idle", "sticky:last", "picked", "priority" …
    stage: int = 0  # relaxation stage the caller had reached
    priority: float = 0.0  # the caller's at this moment
    config_version: int = 0
    seed: int = 0  # of random strategies
    choice: str = ""  # rule by which a freed agent's next caller is found
    ready: int = 0  # eligible agents in all; `candidates` names the first of a great many
    offer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMade(Event):
    type: ClassVar[str] = "offer.made"
    offer: str
    visit: str = ""
    station: str = ""
    wait_ms: int = 0
    ring_timeout_ms: int = 0
    rule: str = ""  # of the decision


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRinging(Event):
    type: ClassVar[str] = "offer.ringing"
    offer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAnswered(Event):
    type: ClassVar[str] = "offer.answered"
    offer: str
    ring_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFailed(Event):
    """`reason`: no_answer, reject, busy, device, lost."""

    type: ClassVar[str] = "offer.failed"
    offer: str
    reason: str
    ring_ms: int = 0
    pause_ms: int = 0  # no offer to this agent before


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWithdrawn(Event):
    """`reason`: why the caller left, "answered" by another agent, "picked"."""

    type: ClassVar[str] = "offer.withdrawn"
    offer: str
    reason: str
    ring_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLogin(Event):
    type: ClassVar[str] = "agent.login"
    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLogout(Event):
    type: ClassVar[str] = "agent.logout"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateChanged(Event):
    """`old` and `new` are AgentState values; equal when only `pending` or `saved` changed, or when `what` says more: "asked"
    and "declined" (a reason that needs approval), "extended" and "overdue" (wrap-up, break), "joined" (the contact is another
    call), "ready" (ready after the contact, whatever was before). `pending` is a state that takes effect after the contact, or
    ''. `saved` is the state that an offline agent comes back to."""

    type: ClassVar[str] = "agent.state"
    old: str
    new: str
    reason: str = ""
    pending: str = ""
    saved: str = ""
    what: str = ""
    direction: str = ""  # of the contact: in, out, internal


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWrapupDone(Event):
    type: ClassVar[str] = "agent.wrapup_done"
    ms: int
    codes: tuple[str, ...] = ()
    extensions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRelaxed(Event):
    type: ClassVar[str] = "queue.relaxed"
    visit: str
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRekeyed(Event):
    """The place in line changed: late identification, a supervisor, or the wait guard."""

    type: ClassVar[str] = "queue.rekeyed"
    visit: str
    old: float
    new: float
    why: str = ""
    importance: int = 0
    points: int = 0
    front: bool = False
    needs: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackCreated(Event):
    """The caller hung up and keeps the place in the queue."""

    type: ClassVar[str] = "callback.created"
    callback: str
    number: str
    visit: str = ""
    scheduled_at: float = 0.0
    customer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackDue(Event):
    """Its agreed time has come: it stands in line from now on."""

    type: ClassVar[str] = "callback.due"
    callback: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAttempt(Event):
    type: ClassVar[str] = "callback.attempt"
    callback: str
    number: str
    attempt: int
    result: str = ""  # "" while it is being made


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackDone(Event):
    type: ClassVar[str] = "callback.done"
    callback: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackCancelled(Event):
    type: ClassVar[str] = "callback.cancelled"
    callback: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEmergency(Event):
    """The manual emergency switch."""

    type: ClassVar[str] = "queue.emergency"
    on: bool
    announcement: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSkillsChanged(Event):
    """Skills and queues of the day, changed by a supervisor; empty mappings leave that part alone, `reset` takes both back."""

    type: ClassVar[str] = "agent.skills"
    skills: Mapping[str, int] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    until: float = 0.0
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentHelp(Event):
    """The agent asks for a supervisor."""

    type: ClassVar[str] = "agent.help"
    state: str  # asked, accepted, escalated, ended
    supervisor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessage(Event):
    """A message of a supervisor to one agent, a team or everybody."""

    type: ClassVar[str] = "agent.message"
    text: str
    to: str  # "agent:LOGIN" "team:NAME" "all"
    people: tuple[str, ...] = ()  # who gets it, when these are not all of `to`
