"""What may be asked of the core. Imperative, frozen; an order that the state forbids raises Conflict and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.model import AcdConfig
from softswitch.model.states import AgentState


@dataclass(frozen=True, slots=True)
class Login:
    """Signs in as NOT_READY("login"); a repeat with the same station changes nothing, another station replaces the former."""

    agent: str
    station: str


@dataclass(frozen=True, slots=True)
class Logout:
    """At once when not in a contact, else after it (`pending`)."""

    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    agent: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """At once when free, else after the contact (`pending`)."""

    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """The agent's device can, or can no longer, be alerted."""

    agent: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class Enqueue:
    """`waited`: seconds since the caller first took a place in line; who comes back keeps that place."""

    visit: str
    call: str
    queue: str
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Leave:
    """The caller leaves. `result`: abandoned, timeout, overflow, closed, supervisor."""

    visit: str
    result: str = "abandoned"


@dataclass(frozen=True, slots=True)
class OfferAlerting:
    """The agent's device alerts."""

    offer: str


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    offer: str


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """`reason`: no_answer, reject, busy, device, lost."""

    offer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dial:
    """The agent starts a call of its own."""

    agent: str
    call: str


@dataclass(frozen=True, slots=True)
class DialAnswered:
    agent: str


@dataclass(frozen=True, slots=True)
class DialFailed:
    agent: str


@dataclass(frozen=True, slots=True)
class Hold:
    agent: str


@dataclass(frozen=True, slots=True)
class Resume:
    agent: str


@dataclass(frozen=True, slots=True)
class Released:
    """The agent's part in `call` is over, whoever hung up."""

    agent: str
    call: str


@dataclass(frozen=True, slots=True)
class WrapUpDone:
    agent: str


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The agent's desk is gone; its state is kept for the grace time."""

    agent: str


@dataclass(frozen=True, slots=True)
class ConnectionBack:
    agent: str


@dataclass(frozen=True, slots=True)
class ForceState:
    """A supervisor sets READY, NOT_READY or LOGGED_OUT. During a contact it takes effect after it."""

    agent: str
    state: AgentState
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class ChangeConfig:
    config: AcdConfig


Command = (
    Login | Logout | Ready | NotReady | DeviceChanged | Enqueue | Leave | OfferAlerting | OfferAccepted | OfferFailed
    | Dial | DialAnswered | DialFailed | Hold | Resume | Released | WrapUpDone | ConnectionLost | ConnectionBack
    | ForceState | ChangeConfig
)  # fmt: skip
