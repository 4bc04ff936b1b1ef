"""The fax of one SIP leg (T.38, sip.md §7): offers and answers of an image line. Who may have it is decided above.

An offer of the peer waits until the other end of the call has answered; a repeated one is answered here and told to nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from media import sdp
from media.errors import MediaError, NoCommonCodec
from media.negotiation.fax import Fax, FaxLine, accepted_fax, fax_answer, fax_in, fax_offer
from signalling import commands as sip
from signalling import events as sig
from softswitch.legs import base
from softswitch.legs.rtp import RtpPort
from softswitch.legs.studio import family_of

log = structlog.get_logger("legs")

NOTHING = Fax()
_FAMILIES = {"ipv4": 4, "ipv6": 6}


def fax_of(body: bytes) -> Fax | None:
    """The fax that a first offer asks for, None for an offer of sound or one that cannot be read."""
    if b"m=image" not in body:
        return None
    try:
        line = fax_in(sdp.parse(body))
    except MediaError:
        return None
    return line.fax if line is not None else None


@dataclass(frozen=True, slots=True)
class Partner:
    """What a fax needs of its leg."""

    leg: str
    submit: Callable[[sip.Command], None]
    tell: Callable[[base.LegEvent], None]
    fail: Callable[[], None]
    """Neither fax nor voice: the leg cannot go on."""


class SipFax:
    """Owned by its leg and made when it is first needed; see `base.FaxSide`."""

    def __init__(self, port: RtpPort, partner: Partner) -> None:
        self._port = port
        self._partner = partner
        self.is_on = False
        self.said = NOTHING
        self._theirs: tuple[sdp.Description, FaxLine] | None = None  # an offer of the peer that waits
        self._ours: sdp.Description | None = None  # an offer of ours that waits
        self._agreed: Fax | None = None  # what the other end of the call has said
        self._answered: Callable[[Fax | None], None] | None = None
        self._index = 0
        self._voice = b""  # our body from before our offer
        self._is_taken = False
        self._returns = False

    # the peer asks

    def asked(self, body: bytes) -> bool:
        """Whether an offer inside the call is one of a fax, which is dealt with here. Raises MediaError: it is refused."""
        theirs = sdp.parse(body)
        line = fax_in(theirs, family=self._family)
        if line is None:
            return False
        self._theirs = theirs, line
        if self.is_on and self._agreed is not None:
            self.accept(self._agreed)
            return True
        self.said, self._is_taken = line.fax, False
        self._partner.tell(base.FaxWanted(line.fax))
        if not self._is_taken and self._theirs is not None:
            self.refuse()
        return True

    def asked_first(self, body: bytes) -> None:
        """The peer's call begins as a fax. Raises MediaError when its address is out of reach."""
        theirs = sdp.parse(body)
        line = fax_in(theirs, family=self._family)
        if line is None:
            raise NoCommonCodec("no fax is offered")
        self._theirs, self.said = (theirs, line), line.fax

    def take(self) -> None:
        self._is_taken = True

    def accept(self, theirs: Fax) -> None:
        self._agreed = theirs
        if self._theirs is not None and self._port.published:
            self._partner.submit(sip.AcceptModify(self._partner.leg, sig.Body(self._answer(theirs))))

    def first_answer(self) -> bytes:
        """The body of our 200 to a call that is a fax. Raises NoCommonCodec while the other end has not agreed to one."""
        if self._agreed is None:
            raise NoCommonCodec("the other end is no fax")
        return self._answer(self._agreed)

    def _answer(self, fax: Fax) -> bytes:
        if self._theirs is None:
            raise NoCommonCodec("no fax was offered")
        (theirs, line), self._theirs = self._theirs, None
        body = self._port.publish(fax_answer(theirs, line.index, fax, self._port.where))
        self._turn(line)
        return body

    def refuse(self) -> None:
        if self._theirs is not None:
            self._theirs = None
            self._partner.submit(sip.RejectModify(self._partner.leg, 488))

    # we ask

    def offer(self, theirs: Fax, answered: Callable[[Fax | None], None]) -> None:
        self._agreed, self._answered, self._index = theirs, answered, self._port.line
        self._voice = self._port.published
        self._ours = fax_offer(sdp.parse(self._voice), self._index, theirs, self._port.where)
        self._partner.submit(sip.Modify(self._partner.leg, sig.Body(self._port.publish(self._ours))))

    def invite(self, theirs: Fax) -> bytes:
        """The body of an INVITE that begins as a fax."""
        self._agreed = theirs
        self._ours = fax_offer(sdp.Description(), 0, theirs, self._port.where)
        return self._port.publish(self._ours)

    def met(self, body: bytes) -> None:
        """The answer to our INVITE; a repeat changes nothing. Raises MediaError when it is no fax."""
        if self._ours is not None:
            ours, self._ours = self._ours, None
            line = accepted_fax(ours, sdp.parse(body), family=self._family)
            self.said = line.fax
            self._turn(line)

    def settled(self, body: bytes) -> bool:
        """Whether an answer inside the call was one about a fax."""
        if self._ours is None:
            if self._returns:
                self._voice_again()
            return False
        try:
            self.met(body)
        except MediaError as fault:
            # It has answered, so its line is gone: it has to be offered sound again.
            log.info("! fax refused", leg=self._partner.leg, reason=str(fault))
            self._tell_answer(None)
            self._restore()
            return True
        self._tell_answer(self.said)
        return True

    def failed(self) -> None:
        """Our offer was refused: what was before goes on, and without voice that is nothing."""
        if self._ours is not None:
            self._ours = None
            self._port.revert(self._voice)
            self._tell_answer(None)
        elif self._returns:
            self._returns = False
            self._partner.fail()

    def to_voice(self) -> None:
        if self.is_on and not self._returns:
            self._restore()

    def over(self) -> None:
        """The peer has offered sound, and has it."""
        if self.is_on:
            self._voice_again()
            self._partner.tell(base.FaxOver())

    def dropped(self) -> None:
        """The leg is gone; who waits for its answer is told."""
        self._theirs = None
        self._tell_answer(None)

    def _restore(self) -> None:
        self._returns = True
        self._partner.submit(sip.Modify(self._partner.leg, sig.Body(self._port.voice_offer(self._index))))

    def _voice_again(self) -> None:
        self.is_on = self._returns = False
        self._agreed = None
        self._port.carry_voice()

    def _turn(self, line: FaxLine) -> None:
        self.is_on, self._index = True, line.index
        self._port.carry_fax(line.remote)

    def _tell_answer(self, fax: Fax | None) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(fax)

    @property
    def _family(self) -> int:
        return _FAMILIES[family_of(self._port.where[0])]
