"""Whose turn it is to send a session description (RFC 3264, the patterns of RFC 6337). Contents are none of our business."""

from __future__ import annotations

from enum import StrEnum


class Sdp(StrEnum):
    STABLE = "stable"
    HAVE_LOCAL = "have-local"  # our offer waits for its answer
    HAVE_REMOTE = "have-remote"  # the peer's offer waits for ours


class Turn(StrEnum):
    SENT_OFFER = "sent offer"
    SENT_ANSWER = "sent answer"
    GOT_OFFER = "got offer"
    GOT_ANSWER = "got answer"
    ROLLED_BACK = "rolled back"  # the request that carried the offer failed: nothing has changed (RFC 6141)


TURNS: dict[tuple[Sdp, Turn], Sdp] = {
    (Sdp.STABLE, Turn.SENT_OFFER): Sdp.HAVE_LOCAL,
    (Sdp.STABLE, Turn.GOT_OFFER): Sdp.HAVE_REMOTE,
    (Sdp.STABLE, Turn.ROLLED_BACK): Sdp.STABLE,
    (Sdp.HAVE_LOCAL, Turn.GOT_ANSWER): Sdp.STABLE,
    (Sdp.HAVE_LOCAL, Turn.ROLLED_BACK): Sdp.STABLE,
    (Sdp.HAVE_REMOTE, Turn.SENT_ANSWER): Sdp.STABLE,
    (Sdp.HAVE_REMOTE, Turn.ROLLED_BACK): Sdp.STABLE,
}


class OfferAnswer:
    """State of one leg. `take` says False for a turn that is not allowed now; the state is then unchanged."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = Sdp.STABLE

    def take(self, turn: Turn) -> bool:
        after = TURNS.get((self.state, turn))
        if after is None:
            return False
        self.state = after
        return True

    @property
    def refusal(self) -> int:
        """Status for a new offer of the peer: 0 welcome, 491 ours is out, 500 its last one is open (§14.2)."""
        return {Sdp.STABLE: 0, Sdp.HAVE_LOCAL: 491, Sdp.HAVE_REMOTE: 500}[self.state]
