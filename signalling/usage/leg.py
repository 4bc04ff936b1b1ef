"""The state of one leg: an INVITE usage in one dialog. The verbs of this package are its only writers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from signalling.auth import DigestClient
from signalling.dialog import Dialog, OfferAnswer, SuccessRetransmission
from signalling.events import Body, Flow
from signalling.message import Request
from signalling.timers import Deadline
from signalling.transaction import ClientTransaction, ServerTransaction


class Stage(StrEnum):
    RINGING = "ringing"  # incoming, not answered by us
    ACCEPTED = "accepted"  # incoming, 2xx sent, ACK not here yet
    CALLING = "calling"  # outgoing, no final response
    ANSWERED = "answered"  # outgoing, 2xx with an offer is here, `Acknowledge` is awaited
    CONFIRMED = "confirmed"
    ENDED = "ended"  # told to the layer above; only loose ends are left


class Leg:
    """One leg. `dialog.remote_tag` is empty until a 2xx came."""

    __slots__ = (
        "accounts",
        "acks",
        "auth_line",
        "cancel_reason",
        "dialog",
        "digest",
        "ended_by_ack",
        "id",
        "invite",
        "invite_body",
        "is_delayed",
        "is_incoming",
        "is_tentative",
        "last_body",
        "modify",
        "offer_answer",
        "peer_allows_update",
        "previews",
        "referral",
        "ring_deadline",
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
        # incoming
        self.server: ServerTransaction | None = None
        self.success: SuccessRetransmission | None = None
        self.ended_by_ack: str | None = None  # Reason line of the BYE that has to wait for the ACK
        # outgoing
        self.invite: ClientTransaction | None = None
        self.invite_body: Body | None = None
        self.digest: DigestClient | None = None
        self.auth_line = ""
        self.is_tentative = False  # a provisional response is here, so CANCEL may go
        self.cancel_reason: str | None = None  # CANCEL is wanted
        self.previews: dict[str, Body] = {}  # early media by To tag
        self.acks: dict[tuple[str, int], tuple[bytes, Flow]] = {}  # our ACK by To tag and CSeq, for repeated 2xx
        self.ring_deadline: Deadline | None = None
        # both
        self.modify = Modification()
        self.session: SessionTimer | None = None
        self.accounts: frozenset[str] = frozenset()  # who may move this dialog to another source, by logging in
        self.peer_allows_update = False
        self.referral = 0  # CSeq of the REFER that is being reported on, 0 for none
        self.unreachable: Deadline | None = None  # its stream closed; ends the leg unless the peer comes back

    @property
    def is_over(self) -> bool:
        return self.stage is Stage.ENDED

    def drop_deadlines(self) -> None:
        """Nothing fires any more for this leg, apart from its transactions and a 2xx that still waits for its ACK."""
        for deadline in (self.ring_deadline, self.modify.retry, self.unreachable):
            if deadline is not None:
                deadline.cancel()
        if self.session is not None and self.session.deadline is not None:
            self.session.deadline.cancel()


class Modification:
    """Re-INVITE and UPDATE of one leg, in both directions (RFC 3261 §14, RFC 3311)."""

    __slots__ = ("attempts", "headers", "pending", "request", "retry", "server", "wanted")

    def __init__(self) -> None:
        self.wanted: Body | None = None  # the newest wish that has not been sent
        self.headers: Mapping[str, str] = {}  # what goes with it
        self.pending: ClientTransaction | None = None  # ours, unanswered
        self.retry: Deadline | None = None  # glare: not before
        self.attempts = 0
        self.server: ServerTransaction | None = None  # the peer's, unanswered
        self.request: Request | None = None  # and what it asked


class SessionTimer:
    """RFC 4028 for one leg."""

    __slots__ = ("deadline", "interval", "we_refresh")

    def __init__(self, interval: int, *, we_refresh: bool) -> None:
        self.interval = interval
        self.we_refresh = we_refresh
        self.deadline: Deadline | None = None
