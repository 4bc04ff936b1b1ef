"""The state of one leg: an INVITE usage in one dialog. The verbs of this package are its only writers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from signalling.auth import DigestClient
from signalling.commands import Answer, Ring
from signalling.dialog import Dialog, OfferAnswer, ReliableOrder, ReliableRinging, SuccessRetransmission
from signalling.events import Body, Flow
from signalling.message import Request, Response
from signalling.policy import USUAL, PeerPolicy
from signalling.timers import Deadline
from signalling.transaction import ClientTransaction, ServerTransaction


class Stage(StrEnum):
    RINGING = "ringing"  # incoming, not answered by us
    ACCEPTED = "accepted"  # incoming, 2xx sent, ACK not here yet
    CALLING = "calling"  # outgoing, no final response
    ANSWERED = "answered"  # outgoing, 2xx with an offer is here, `Acknowledge` is awaited
    CONFIRMED = "confirmed"
    ENDED = "ended"  # told to the layer above; only loose ends are left


EARLY = frozenset({Stage.RINGING, Stage.CALLING})

_NOBODY: frozenset[str] = frozenset()


class Leg:
    """One leg. `dialog.remote_tag` of an outgoing one is empty until a 2xx came."""

    __slots__ = (
        "accounts",
        "acks",
        "auth_line",
        "can_100rel",
        "can_timer",
        "can_update",
        "cancel_reason",
        "dialog",
        "digest",
        "early",
        "ended_by_ack",
        "held_answer",
        "id",
        "invite",
        "invite_body",
        "invite_seq",
        "is_delayed",
        "is_incoming",
        "is_tentative",
        "last_body",
        "min_se",
        "modify",
        "needs_100rel",
        "offer_answer",
        "referral",
        "referring",
        "reliable",
        "remote_body",
        "ring_deadline",
        "rings",
        "server",
        "session",
        "stage",
        "success",
        "unreachable",
    )

    def __init__(self, leg_id: str, dialog: Dialog, stage: Stage) -> None:
        self.id = leg_id
        self.dialog = dialog
        self.stage = stage
        self.is_incoming = stage is Stage.RINGING
        self.offer_answer = OfferAnswer()
        self.is_delayed = False  # the INVITE carried no offer
        self.last_body: Body | None = None  # what we sent last: a refresh repeats it
        self.remote_body: Body | None = None  # what the peer sent last, to tell a refresh from a change
        # what the peer can, as its Allow and Supported say
        self.can_100rel = False
        self.can_timer = False
        self.can_update = False
        # incoming
        self.server: ServerTransaction | None = None
        self.success: SuccessRetransmission | None = None
        self.ended_by_ack: str | None = None  # Reason line of the BYE that has to wait for the ACK
        self.invite_seq = 0  # CSeq of the INVITE that we answer
        self.needs_100rel = False  # the INVITE requires it
        self.reliable: ReliableRinging | None = None
        self.rings: deque[Ring] | None = None  # reliable 18x that wait for the PRACK of the one before
        self.held_answer: Answer | None = None  # the 2xx that waits for a PRACK or an UPDATE
        # outgoing
        self.invite: ClientTransaction | None = None
        self.invite_body: Body | None = None
        self.digest: DigestClient | None = None
        self.auth_line = ""
        self.is_tentative = False  # a provisional response is here, so CANCEL may go
        self.cancel_reason: str | None = None  # CANCEL is wanted
        self.early: dict[str, Early] = {}  # by To tag
        self.acks: dict[tuple[str, int], tuple[bytes, Flow]] = {}  # our ACK by To tag and CSeq, for repeated 2xx
        self.ring_deadline: Deadline | None = None
        # both
        self.modify = Modification()
        self.session: SessionTimer | None = None
        self.min_se = 90  # the smallest session interval that somebody has asked for
        self.accounts: frozenset[str] = frozenset()  # who may move this dialog to another source, by logging in
        self.referral: Referral | None = None  # the peer wants to know what becomes of its REFER
        self.referring: Referring | None = None  # we want to know what becomes of ours
        self.unreachable: Deadline | None = None  # its stream closed; ends the leg unless the peer comes back

    @property
    def is_over(self) -> bool:
        return self.stage is Stage.ENDED

    @property
    def policy(self) -> PeerPolicy:
        return self.dialog.policy or USUAL

    @property
    def is_early(self) -> bool:
        return self.stage in EARLY

    @property
    def may_update(self) -> bool:
        return self.can_update and self.policy.update

    def dialog_of(self, tag: str) -> Dialog | None:
        """The dialog that the peer's request with this From tag belongs to; None for an early one that we never heard of."""
        if self.stage is not Stage.CALLING or not tag:
            return self.dialog
        early = self.early.get(tag)
        return early.dialog(self) if early is not None else None

    def offers_of(self, dialog: Dialog) -> OfferAnswer:
        """The offer/answer state of one of the leg's dialogs."""
        if self.stage is Stage.CALLING and (early := self.early.get(dialog.remote_tag)) is not None:
            return early.offer_answer
        return self.offer_answer

    def drop_deadlines(self) -> None:
        """Nothing fires any more for this leg, apart from its transactions and a 2xx that still waits for its ACK."""
        for deadline in (self.ring_deadline, self.modify.retry, self.unreachable):
            if deadline is not None:
                deadline.cancel()
        if self.session is not None and self.session.deadline is not None:
            self.session.deadline.cancel()
        if self.reliable is not None:
            self.reliable.stop()
        if self.referral is not None:
            self.referral.stop()
        if self.referring is not None:
            self.referring.deadline.cancel()

    def let_go(self) -> None:
        """The dialog is over; repeats of its 2xx may find this leg for half a minute more, and descriptions need not wait."""
        self.invite_body = self.last_body = self.remote_body = self.session = self.server = None
        self.accounts = _NOBODY


class Early:
    """One early dialog of an outgoing leg: a To tag that has sent a provisional response (RFC 3261 §12.1.2)."""

    __slots__ = ("_dialog", "answer", "offer_answer", "offered", "order", "preview", "response")

    def __init__(self, leg: Leg, response: Response) -> None:
        self.response = response
        self.offer_answer = OfferAnswer()
        self.offer_answer.state = leg.offer_answer.state
        self.order: ReliableOrder | None = None
        self.preview: Body | None = None  # the first body of an unreliable 18x
        self.answer: Body | None = None  # what a reliable 18x or an UPDATE has agreed on
        self.offered = ""  # RAck of the 18x whose offer waits for our answer
        self._dialog: Dialog | None = None

    def dialog(self, leg: Leg) -> Dialog:
        """Made when it is first needed: most early dialogs only ring."""
        if self._dialog is None:
            self._dialog = leg.dialog.fork(self.response)
        return self._dialog

    @property
    def made(self) -> Dialog | None:
        return self._dialog


@dataclass(frozen=True, slots=True)
class Wish:
    """What we want to change in a session: an offer, the peer's offer (`asks`), headers to tell, or only a sign of life."""

    offer: Body | None = None
    asks: bool = False
    headers: Mapping[str, str] | None = None
    prefers_update: bool = False
    tag: str = ""
    refresh: bool = False  # nobody above asked for it
    told: bool = False  # somebody above wants to hear what became of it

    def over(self, older: Wish | None) -> Wish:
        """Both in one request: the newest description wins, headers add up (sip.md §4.4)."""
        if older is None:
            return self
        mine = self if self.offer is not None or self.asks else older
        return Wish(
            mine.offer,
            mine.asks,
            {**(older.headers or {}), **(self.headers or {})} or None,
            mine.prefers_update,
            self.tag or older.tag,
            self.refresh or older.refresh,
            self.told or older.told,
        )


class Modification:
    """Re-INVITE and UPDATE of one leg, in both directions (RFC 3261 §14, RFC 3311)."""

    __slots__ = ("attempts", "dialog", "pending", "request", "retry", "sent", "server", "unacked", "wanted")

    def __init__(self) -> None:
        self.wanted: Wish | None = None  # the newest wish that has not been sent
        self.sent: Wish | None = None  # the one under way
        self.pending: ClientTransaction | None = None  # ours, unanswered
        self.unacked = 0  # CSeq of a 2xx with an offer that waits for `Acknowledge`
        self.retry: Deadline | None = None  # glare: not before
        self.attempts = 0
        self.server: ServerTransaction | None = None  # the peer's, unanswered
        self.request: Request | None = None  # and what it asked
        self.dialog: Dialog | None = None  # and in which dialog


class SessionTimer:
    """RFC 4028 for one leg."""

    __slots__ = ("deadline", "interval", "we_refresh")

    def __init__(self, interval: int, *, we_refresh: bool) -> None:
        self.interval = interval
        self.we_refresh = we_refresh
        self.deadline: Deadline | None = None


class ReferState(StrEnum):
    """What a transferor has been told (sip.md §4.5)."""

    PENDING = "pending"  # 202 sent
    TRYING = "trying"
    RINGING = "ringing"
    TERMINATED = "terminated"


class Referral:
    """The implicit subscription that the peer's REFER has made (RFC 3515 §2.4.4)."""

    __slots__ = ("dialog", "expires", "last_at", "later", "number", "state", "waiting")

    def __init__(self, dialog: Dialog, number: int) -> None:
        self.dialog = dialog
        self.number = number  # CSeq of the REFER, the id of its event
        self.state = ReferState.PENDING
        self.last_at = 0.0
        self.waiting = 0  # status that is told as soon as 200 ms have passed since the last report
        self.later: Deadline | None = None
        self.expires: Deadline | None = None

    def stop(self) -> None:
        for deadline in (self.later, self.expires):
            if deadline is not None:
                deadline.cancel()


class Referring:
    """A REFER of ours that is being reported on."""

    __slots__ = ("deadline", "number")

    def __init__(self, deadline: Deadline, number: int) -> None:
        self.deadline = deadline
        self.number = number  # CSeq of the REFER
