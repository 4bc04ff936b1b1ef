"""What may be asked of the core. Imperative, frozen; an order that the state forbids raises Conflict and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.acd.model import AcdConfig
from softswitch.directory.centre import Need
from softswitch.model.states import AgentState

# ---------------------------------------------------------------------- agents


@dataclass(frozen=True, slots=True)
class Login:
    """Signs in as NOT_READY("login"), or as ready by the profile (`auto_ready`) once the device can be reached.

    A repeat with the same station changes nothing, another station replaces the former. Whoever else is signed in at that phone
    is signed out; Conflict while either of them is in a contact.
    """

    agent: str
    station: str


@dataclass(frozen=True, slots=True)
class Logout:
    """At once when not in a contact, else after it (`pending`)."""

    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """Ends a break, a wrap-up (as WrapUpDone would), NOT_RESPONDING; takes a pending flag or a question for approval back."""

    agent: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """At once when free, else after the contact (`pending`). A reason that needs approval only asks: see `DecideReason`."""

    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DecideReason:
    """A supervisor answers an agent who asked for a reason with approval. Conflict when nothing was asked."""

    agent: str
    granted: bool
    actor: str


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """The agent's device can, or can no longer, be alerted."""

    agent: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class SetSkills:
    """Skills and queues of the day, until then or (0) until changed again; None leaves that part, `reset` takes both back."""

    agent: str
    skills: Mapping[str, int] | None = None
    queues: tuple[str, ...] | None = None
    until: float = 0.0  # epoch seconds
    actor: str = ""
    reset: bool = False


@dataclass(frozen=True, slots=True)
class LoadChanged:
    """How many contacts of another channel (chat, mail …) the agent has now; an input, kept by whoever routes that channel."""

    agent: str
    channel: str
    contacts: int


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


# ---------------------------------------------------------------------- callers


@dataclass(frozen=True, slots=True)
class Enqueue:
    """A caller, or (channel "callback") the place of one who hung up, takes a place in line.

    `waited`: seconds since the first place in a line; who comes back keeps that place. `number`: of the caller; one who gave up
    within the queue's `return_within` gets the old place. Queue and caller points are added and clamped to 0–100.
    """

    visit: str
    call: str
    queue: str
    waited: float = 0.0
    importance: int = 0
    needs: tuple[Need, ...] = ()
    """Beside those of the queue; the same skill replaces the queue's."""
    channel: str = "voice"
    number: str = ""
    sticky: tuple[tuple[str, str], ...] = ()
    """(owner | dedicated | last, login): who knows the caller; used in the order of the queue's `sticky`."""
    front: bool = False
    """At the head of the line: a return after the agent was lost or a transfer failed."""
    site: str = ""
    """Where the caller's trunk is; "" = the queue's site."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The caller leaves. `result`: abandoned, key, mailbox, timeout, overflow, callback, closed, supervisor."""

    visit: str
    result: str = "abandoned"
    to: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Rekey:
    """Late identification, or a supervisor: other importance (caller's points), needs, head of the line. None = as before."""

    visit: str
    importance: int | None = None
    needs: tuple[Need, ...] | None = None
    front: bool = False
    why: str = "identified"
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """The agent takes a waiting caller by hand: an offer to this agent alone. READY, NOT_READY or WRAP_UP.

    Rights are not judged here. Offers that ring elsewhere are withdrawn. A picked offer that fails leads back to where one was.
    """

    agent: str
    visit: str


@dataclass(frozen=True, slots=True)
class Intercept:
    """A supervisor takes a waiting or ringing caller out of the line: offers are withdrawn, QueueLeft(supervisor)."""

    visit: str
    actor: str


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What the rules balance_wait and deficit compare: queue → figure, the largest first. The shell renews them now and then.

    `balance`: predicted wait / target; `deficit`: gap to the service-level goal in points.
    """

    balance: Mapping[str, float] = field(default_factory=dict)
    deficit: Mapping[str, float] = field(default_factory=dict)


# ---------------------------------------------------------------------- offers


@dataclass(frozen=True, slots=True)
class OfferAlerting:
    """The agent's device alerts."""

    offer: str


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The first of a visit's offers wins; the others are withdrawn. `call`: when it is another than the visit's (callbacks)."""

    offer: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """`reason`: no_answer, reject, busy, device, lost."""

    offer: str
    reason: str


# ---------------------------------------------------------------------- contacts


@dataclass(frozen=True, slots=True)
class Dial:
    """The agent starts a call of its own.

    `placed`: it exists already (the phone's own keys), so no state forbids it: an offer that rings fails as busy, and a second
    call beside a contact is kept in mind until it is released.
    """

    agent: str
    call: str
    placed: bool = False
    internal: bool = False


@dataclass(frozen=True, slots=True)
class DialAnswered:
    agent: str


@dataclass(frozen=True, slots=True)
class DialFailed:
    agent: str


@dataclass(frozen=True, slots=True)
class Alerted:
    """The device rings for a call beside the queues: `agent:LOGIN`, a colleague, a consultation, an invitation.

    Conflict unless READY, NOT_READY, NOT_RESPONDING, WRAP_UP or in a contact (then the call is kept in mind, the state stays).
    """

    agent: str
    call: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The agent answered a call beside the queues, alerted before or (auto-answer) not. Its end is `Released`."""

    agent: str
    call: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """What the agent is in is another call now: the customer was transferred to it. Wrap-up is that of `queue`."""

    agent: str
    call: str
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    agent: str


@dataclass(frozen=True, slots=True)
class Resume:
    agent: str


@dataclass(frozen=True, slots=True)
class Consult:
    """TALKING or HOLDING → CONSULTING."""

    agent: str


@dataclass(frozen=True, slots=True)
class ConsultOver:
    """`result`: cancelled, failed → TALKING; conference → CONFERENCE. A completed transfer is `Released`."""

    agent: str
    result: str


@dataclass(frozen=True, slots=True)
class Conference:
    """A third party was invited into the conversation: TALKING, HOLDING, CONSULTING → CONFERENCE."""

    agent: str


@dataclass(frozen=True, slots=True)
class ConferenceOver:
    """The others have gone, two remain: CONFERENCE → TALKING."""

    agent: str


@dataclass(frozen=True, slots=True)
class Released:
    """The agent's part in `call` is over, whoever hung up; also of a call that only rang. A late word changes nothing."""

    agent: str
    call: str


@dataclass(frozen=True, slots=True)
class Preview:
    """An outbound record on the screen of a READY agent for so many seconds; then, or by PreviewOver, READY. Dial takes it."""

    agent: str
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class PreviewOver:
    agent: str


# ---------------------------------------------------------------------- wrap-up


@dataclass(frozen=True, slots=True)
class Disposed:
    """Result codes were stored, during the contact or after it; in `until_done` that ends the wrap-up."""

    agent: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrapUpStart:
    """Mode `optional`: the agent pulls its wrap-up within five seconds after the release."""

    agent: str


@dataclass(frozen=True, slots=True)
class WrapUpDone:
    """Conflict when the mode is timed_no_exit, or a required code is missing."""

    agent: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrapUpExtend:
    """Conflict when the mode's extensions are used up."""

    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeConfig:
    config: AcdConfig


Command = (
    Login | Logout | Ready | NotReady | DecideReason | DeviceChanged | SetSkills | LoadChanged | ConnectionLost | ConnectionBack
    | ForceState | Enqueue | Leave | Rekey | Pick | Intercept | QueueFigures | OfferAlerting | OfferAccepted | OfferFailed
    | Dial | DialAnswered | DialFailed | Alerted | Answered | Joined | Hold | Resume | Consult | ConsultOver | Conference
    | ConferenceOver | Released | Preview | PreviewOver | Disposed | WrapUpStart | WrapUpDone | WrapUpExtend | ChangeConfig
)  # fmt: skip
