"""Dialogs: identity, order, route set, next hop, the offer/answer state and the repetition of 2xx and reliable 18x."""

from signalling.dialog.dialog import Dialog
from signalling.dialog.next_hop import next_hop
from signalling.dialog.offer_answer import OfferAnswer, Sdp
from signalling.dialog.reliable import ReliableOrder, ReliableRinging
from signalling.dialog.success import SuccessRetransmission

__all__ = ["Dialog", "OfferAnswer", "ReliableOrder", "ReliableRinging", "Sdp", "SuccessRetransmission", "next_hop"]
