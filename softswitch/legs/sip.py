"""A SIP dialog as a leg: signalling events in, leg events out; each leg has its own offer and answer.

A hold by the peer is answered here and told as `HeldByPeer`; it never becomes a message on another leg (sip.md §4.7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog

from media.errors import BadDescription, MediaError, NoCommonCodec, NotAcceptable
from media.events import PortStats
from signalling import commands as sip
from signalling import events as sig
from signalling.message.headers import parse_reason
from softswitch.legs import alerting, base, crossing, encryption, identity, verdict
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.early import Forks, Hearing
from softswitch.legs.fax import Partner, SipFax
from softswitch.legs.keys import read_digit, written_digit
from softswitch.legs.rtp import RtpPort, Sound
from softswitch.legs.verdict import Stood
from softswitch.legs.webrtc import WebRtcPort, is_browser
from softswitch.model.cause import Cause
from softswitch.model.identity import Person
from softswitch.model.ids import LegId
from softswitch.model.release import Release
from softswitch.model.target import Target

if TYPE_CHECKING:
    from softswitch.legs.sip_legs import SipLegs

log = structlog.get_logger("legs")

LINELESS_SECONDS = 30.0
"""How long a party may stay that has put its only line of media to port 0."""
_RINGING, _FORK_OVER = 180, 199


class Phase(Enum):
    """Where a leg stands; it only moves down."""

    NEW = auto()
    RINGING = auto()
    EARLY = auto()
    ANSWERED = auto()
    ENDED = auto()


class SipLeg:
    """One dialog joined to one RTP port. Written by its call (commands) and by `SipLegs` (events), both on the loop."""

    def __init__(
        self, legs: SipLegs, leg_id: LegId, facts: LegFacts, peer: sig.Flow, *, group: int, target: Target | None = None,
        offered: bytes = b"",
    ) -> None:  # fmt: skip
        self.id = leg_id
        self.facts = facts
        self.target = target
        self.listener: base.Listener = base.ignore
        self._legs = legs
        self._phase = Phase.NEW
        self._held = False
        self._has_rung = False
        self.answered_at = 0.0  # of a call of ours, by the clock of the node
        self._announces = 0
        self.manners = target.manners if target is not None else legs.manners_of(facts)
        self._person = crossing.person_of(facts) if target is None else crossing.person_at(target, leg_id)
        self._shown: Person | None = None
        self._host = legs.studio.address_for(peer.remote[0])
        self._offered = offered  # the caller's first body, "" with a delayed offer
        self.takes_offer_early = False
        """A caller that has made no offer takes ours in a reliable 18x; set by who makes the leg."""
        self._is_holding = False
        sound = legs.sound_of(facts)
        if target is not None:
            sound = Sound(
                target.codecs, target.ptime, target.jitter, target.comfort_noise, target.dtmf, target.hold,
                sound.srtp, sound.t38, sound.ice,
            )  # fmt: skip
        port = WebRtcPort if is_browser(peer.transport, offered) else RtpPort
        srtp = encryption.required(sound.srtp, peer.transport)
        self._media: RtpPort = port(legs.studio, group, peer.remote[0], self._media_told, sound=sound, srtp=srtp)
        self._forks = Forks()
        self._hearing = Hearing(self._media.sample, self._no_early_sound, self._early_sound)
        self._media.on_packets = self._hearing.counted
        self._lineless: asyncio.TimerHandle | None = None
        self._takes_fax = sound.t38 != "off" and port is RtpPort
        self._fax: SipFax | None = None

    # what the call sees

    @property
    def fax(self) -> SipFax | None:
        if self._fax is None and self._takes_fax and not self.secured:
            self._fax = SipFax(
                self._media, Partner(self.id, self._legs.submit, self._tell, lambda: self._fail(Cause.INCOMPATIBLE))
            )
        return self._fax

    @property
    def port(self) -> int:
        return self._media.node

    @property
    def group(self) -> int:
        return self._media.group

    @property
    def announces(self) -> int:
        return self._announces

    @property
    def codec(self) -> str:
        return self._media.codec

    @property
    def codecs(self) -> tuple[str, ...]:
        return self._media.codecs

    @property
    def secured(self) -> str:
        return self._media.secured

    @property
    def quality(self) -> PortStats | None:
        return self._media.quality

    @property
    def person(self) -> Person:
        return self._person

    @property
    def is_answered(self) -> bool:
        return self._phase is Phase.ANSWERED

    @property
    def is_ended(self) -> bool:
        return self._phase is Phase.ENDED

    def refusal(self) -> Cause | None:
        if not self._offered:
            return None
        try:
            if self.facts.fax is None:
                self._media.take_offer(self._offered)
            elif self.fax is not None:
                self.fax.asked_first(self._offered)
            else:
                return Cause.INCOMPATIBLE
        except (BadDescription, NotAcceptable) as fault:
            log.info("! offer refused", leg=self.id, reason=str(fault))
            return Cause.INCOMPATIBLE
        except MediaError as fault:
            log.warning("! no media port", leg=self.id, reason=str(fault))
            return Cause.CONGESTION
        return None

    def ring(self, *, forwarded: bool = False) -> None:
        if forwarded and self._phase in (Phase.NEW, Phase.RINGING):
            self._legs.submit(sip.Ring(self.id, status=181, headers=self._answering()))
        elif self._phase is Phase.NEW:
            self._phase = Phase.RINGING
            self._legs.submit(sip.Ring(self.id, headers=self._answering()))

    def open_early(self, *, prefer: str = "", q850: int = 0) -> None:
        is_sound = self.facts.fax is None
        if self._phase in (Phase.NEW, Phase.RINGING) and is_sound and (self._offered or self.takes_offer_early):
            body = self._media.first_answer(prefer=prefer) if self._offered else self._media.offer()
            self._phase = Phase.EARLY
            reason = {"Reason": sig.Reason("Q.850", q850).render()} if q850 else {}
            self._legs.submit(sip.Ring(self.id, sig.Body(body), headers=self._answering() | reason))

    def answer(self, *, prefer: str = "") -> None:
        if self._phase in (Phase.ANSWERED, Phase.ENDED):
            return
        try:
            body = self._first_body(prefer)
        except MediaError as fault:
            log.warning("! no media for the answer", leg=self.id, reason=str(fault))
            self._fail(Cause.INCOMPATIBLE if self.facts.fax is not None else Cause.CONGESTION)
            return
        self._phase = Phase.ANSWERED
        self._legs.submit(sip.Answer(self.id, sig.Body(body), self._answering()))
        self._legs.phones.changed(self)

    def _first_body(self, prefer: str) -> bytes:
        """The description of our 200. An offer that a reliable 18x has brought already stays as it is."""
        if self.facts.fax is not None and self.fax is not None:
            return self.fax.first_answer()
        if self._offered:
            return self._media.first_answer(prefer=prefer)
        return self._media.published or self._media.offer()

    def _answering(self) -> dict[str, str]:
        return crossing.answering(self._shown, self.facts, self.manners, self._host, self.id)

    def shows(self, person: Person) -> None:
        if person == self._shown:
            return
        self._shown = person
        if self._phase is Phase.ANSWERED and identity.connected(person, self.manners, self._host):
            self._legs.submit(sip.Update(self.id, headers=self._answering()))

    def _hears_of(self, headers: Mapping[str, str]) -> bool:
        """Who the peer says it is, in an answer or an UPDATE; whether that is news."""
        person = identity.person_in(headers, self.manners)
        session = crossing.session_in(headers) or self._person.session
        before, self._person = self._person, (person or self._person)._replace(session=session)
        return self._person[:3] != before[:3]

    def press(self, digits: str, *, carried: str = "") -> None:
        if self._media.dtmf == "info":
            for digit in digits if self._phase is Phase.ANSWERED else ():
                self._legs.submit(sip.SendInfo(self.id, written_digit(digit)))
        elif self._phase in (Phase.EARLY, Phase.ANSWERED) and not self._media.is_carried(carried):
            self._media.send_digits(digits)

    def hold(self, *, held: bool) -> None:
        if self._media.hold != "signal" or self._phase is not Phase.ANSWERED or held == self._is_holding:
            return
        self._is_holding = held
        self._legs.submit(sip.Modify(self.id, sig.Body(self._media.turn(held=held))))

    def report_transfer(self, status: int, slot: str = "") -> None:
        if self._phase is not Phase.ENDED:
            self._legs.submit(sip.TransferResult(self.id, status, slot))

    def refer(self, target: str, by: str) -> None:
        self._legs.submit(sip.Refer(self.id, target, referred_by=f"sip:{by}@{self._host}" if by else ""))

    def join(self, group: int) -> None:
        self._media.move(group)

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        if self._phase is Phase.ENDED:
            return
        self._phase, before = Phase.ENDED, self._phase
        self._close()
        status, q850 = (release.status, release.q850) if release is not None else (cause.sip, cause.q850)
        if self.facts.inbound and before is not Phase.ANSWERED:
            self._legs.submit(self._refused(status, q850, retry_after, release))
            return
        q850, reasons = verdict.reasons(q850, release)
        self._legs.submit(sip.HangUp(self.id, status=status, q850=q850, reasons=reasons))

    def _refused(self, status: int, q850: int, retry_after: int, release: Release | None) -> sip.Reject:
        """The final answer. To a phone a 503 means "the switch is dead" (sip.md §3), unless it is told when to return."""
        if status == 503 and not retry_after and self.facts.kind is PartyKind.PHONE:
            status = Cause.UNREACHABLE.sip
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        q850, reasons = verdict.reasons(q850, release)
        return sip.Reject(self.id, status, q850=q850, headers=headers, reasons=reasons)

    # what SipLegs does

    def start_outbound(self, caller: LegFacts, prefer: tuple[str, ...]) -> None:
        """Sends the INVITE. Raises MediaError when there is no port for it, LocalProtocolError when the target is no URI."""
        target = self.target
        if target is None:
            raise ValueError("an outbound leg needs a target")
        is_delayed = target.policy is not None and target.policy.offer == "delayed"
        body = sig.Body(self._first_offer(caller, prefer)) if caller.fax is not None or not is_delayed else None
        sender, headers = crossing.invite(target, caller, self._host, self.id)
        self._shown = crossing.person_of(caller)
        waits = not target.trunk and self._legs.phones.is_waiting(self)
        self._legs.place(
            sip.Invite(
                self.id, target.uri, target.flow, sender, target.number, body, login=target.login,
                timeout=target.ring or 180.0, first_response=target.first_response, max_forwards=caller.hops - 1,
                headers={**headers, **dict(target.headers), **alerting.headers(target, waits=waits)},
                policy=target.policy, identities=self._legs.sign(target, caller), routes=target.routes,
            )
        )  # fmt: skip

    def _first_offer(self, caller: LegFacts, prefer: tuple[str, ...]) -> bytes:
        """Raises MediaError without a port, or when a fax is called for and this peer takes none."""
        if caller.fax is None:
            return self._media.offer(prefer=prefer)
        if self.fax is None:
            raise NoCommonCodec("this peer takes no fax")
        return self.fax.invite(caller.fax)

    def abandon(self) -> None:
        """The call never left: gives the port back, tells nobody."""
        self._phase = Phase.ENDED
        self._close()

    def _close(self) -> None:
        """Gives the port back and stops every clock."""
        self._hearing.stop()
        if self._lineless is not None:
            self._lineless.cancel()
            self._lineless = None
        if self._fax is not None:
            self._fax.dropped()
        self._media.close()

    def heard(self, event: sig.Event) -> None:
        """One event of signalling about this leg."""
        if self._phase is Phase.ENDED:
            return
        match event:
            case sig.Progress():
                self._hears_of(event.headers)
                self._progress(event)
            case sig.Answered():
                self._hears_of(event.headers)
                self._answered(event)
            case sig.Refreshed():
                if self._hears_of(event.headers):
                    self._tell(base.IdentityChanged())
            case sig.Confirmed() | sig.Modified():
                if event.body is not None:
                    self._settle(event.body.content)
            case sig.ModifyFailed():
                self._modify_failed()
            case sig.ModifyRequested():
                self._modify(event)
            case sig.InfoReceived():
                self._info(event.body)
            case sig.TransferRequested() | sig.TransferDone() | sig.TransferFailed():
                self._tell(crossing.transfer(event))
            case sig.Ended():
                self._ended(event)

    def _progress(self, event: sig.Progress) -> None:
        if self._phase is Phase.NEW:
            self._phase = Phase.RINGING
        policy = self.target.early_media if self.target is not None else "block"
        self._has_rung |= event.status == 180
        if "reason" in event.headers and (self.target is None or self.target.trust_reason):
            self._announces = next(
                (each.cause for each in parse_reason([event.headers["reason"]]) if each.protocol == "Q.850"), self._announces
            )
        waits = policy == "after_180" and not self._has_rung  # announcements before the ringing are not for the caller
        if event.needs_answer and event.body is not None and not self._accept_offer(event.body):
            return
        if event.status == _FORK_OVER:
            self._hear(self._forks.gone(event.tag))
        elif event.body is None or policy in ("block", "always_tone") or waits:
            self._tell(base.Ringing(event.status, tone=policy == "always_tone"))
            if event.status == _RINGING and self._phase is Phase.EARLY:
                self._hearing.begin()
        elif not self._hears_early(event, event.body.content):
            self._tell(base.Ringing(event.status))

    def _hears_early(self, event: sig.Progress, body: bytes) -> bool:
        """Whether the sound of an early dialog is the caller's now."""
        if self._media.is_waiting and not self._hear(self._forks.offered(event.tag, body, event.headers)):
            return False
        if self._media.agreement is None:
            return False  # an offer that may still change: the far end waits for its answer
        self._phase = Phase.EARLY
        self._tell(base.EarlyMedia(event.status))
        return True

    def _hear(self, body: bytes | None) -> bool:
        """Turns the port to an early dialog; one that cannot be used is left: the 200 decides."""
        try:
            if body is not None:
                self._media.take_answer(body)
        except MediaError as fault:
            log.info("! early media unusable", leg=self.id, reason=str(fault))
            return False
        return body is not None

    def _accept_offer(self, body: sig.Body) -> bool:
        """Answers the offer of a peer that was called without one: in the PRACK, or in the ACK."""
        try:
            self._media.take_offer(body.content)
            answer = self._media.first_answer()
        except MediaError as fault:
            log.info("! offer unusable", leg=self.id, reason=str(fault))
            self._fail(Cause.INCOMPATIBLE)
            return False
        self._legs.submit(sip.Acknowledge(self.id, sig.Body(answer)))
        return True

    def _media_told(self, event: base.LegEvent) -> None:
        """What comes from the port; the first packet may tell which early dialog speaks."""
        is_early = self._phase in (Phase.RINGING, Phase.EARLY) and not self.facts.inbound
        if isinstance(event, base.MediaFlows) and is_early and self._hear(self._forks.speaks(event.remote)):
            self._tell(base.EarlyMedia())
        self._tell(event)

    def _no_early_sound(self) -> None:
        self._tell(base.Ringing(tone=True))

    def _early_sound(self) -> None:
        self._tell(base.EarlyMedia())

    def _answered(self, event: sig.Answered) -> None:
        self._hearing.stop()
        if event.needs_ack_body and event.body is not None and not self._accept_offer(event.body):
            return
        try:
            if event.body is not None and not event.needs_ack_body:
                if self._fax is not None:
                    self._fax.met(event.body.content)
                else:
                    self._media.take_answer(event.body.content)
            if self._media.agreement is None and self._fax is None:
                raise BadDescription("a 200 without an answer to our offer")
        except MediaError as fault:
            log.info("! answer unusable", leg=self.id, reason=str(fault))
            self._fail(Cause.INCOMPATIBLE)
            return
        self._media.finish_offer()
        self._now_answered()

    def _now_answered(self) -> None:
        self._phase = Phase.ANSWERED
        self.answered_at = self._legs.now()
        self._tell(base.Answered())

    def _settle(self, body: bytes) -> None:
        """The answer to an offer of ours inside the call (delayed offer, re-INVITE without a body)."""
        try:
            if self._fax is not None and self._fax.settled(body):
                return
            self._media.take_answer(body)
        except MediaError as fault:
            log.info("! answer unusable", leg=self.id, reason=str(fault))
            self._fail(Cause.INCOMPATIBLE)
            return
        self._media.finish_offer()
        self._note_hold(self._media.agreement is not None and self._media.agreement.held)

    def _modify(self, event: sig.ModifyRequested) -> None:
        if event.body is None:
            is_fax = self._fax is not None and self._fax.is_on
            body = self._media.published if is_fax else self._media.reoffer()
            self._legs.submit(sip.AcceptModify(self.id, sig.Body(body)))
            return
        try:
            if b"m=image" in event.body.content and self._phase is Phase.ANSWERED and self.fax is not None \
                    and self.fax.asked(event.body.content):  # fmt: skip
                return
            body, held = self._media.reanswer(event.body.content, holding=self._is_holding)
        except MediaError as fault:
            log.info("! re-offer refused", leg=self.id, reason=str(fault))
            self._legs.submit(sip.RejectModify(self.id, Cause.INCOMPATIBLE.sip))
            return
        self._legs.submit(sip.AcceptModify(self.id, sig.Body(body)))
        self._note_hold(held)
        self._note_line()
        if self._fax is not None:
            self._fax.over()

    def _modify_failed(self) -> None:
        self._media.finish_offer()
        if self._fax is not None:
            self._fax.failed()

    def _note_line(self) -> None:
        """A party that has refused its only line is held without media, for half a minute (sip.md §4.7)."""
        if self._lineless is not None:
            self._lineless.cancel()
        self._lineless = None
        if not self._media.has_line:
            self._lineless = asyncio.get_running_loop().call_later(LINELESS_SECONDS, self._fail, Cause.MEDIA_FAILURE)

    def _note_hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self._tell(base.HeldByPeer() if held else base.ResumedByPeer())

    def _info(self, body: sig.Body) -> None:
        digit, duration = read_digit(body)
        if digit and self._media.counts(digit, "info", duration):
            self._tell(base.DigitPressed(digit, "info", duration))

    def _ended(self, event: sig.Ended) -> None:
        q850 = self._heard_q850(event)
        stood = Stood(self._phase is Phase.ANSWERED, self.facts.inbound, self._phase is not Phase.NEW)
        cause, release = verdict.cause_of(event, q850, stood), verdict.said(event, q850, stood)
        self._phase = Phase.ENDED
        self._close()
        moved, places = crossing.moved_to(event), crossing.places_in(event)
        self._tell(base.Ended(cause, event.status, event.retry_after, release, self._heard_q850(event), moved, places))

    def _heard_q850(self, event: sig.Ended) -> int:
        """The cause of the Reason header, when the peer's is worth anything (`failover.trust_reason`)."""
        return event.q850 if self.target is None or self.target.trust_reason or event.by_us else 0

    def _fail(self, cause: Cause) -> None:
        """We cannot go on with this leg: end it and tell the call."""
        self.hang_up(cause)
        self.listener(base.Ended(cause, cause.sip))

    def _tell(self, event: base.LegEvent) -> None:
        self.listener(event)
