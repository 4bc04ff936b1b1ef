"""All SIP legs of the node: who they are, on which channels of which trunk, and which event is whose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from media.errors import MediaError, NotAcceptable
from signalling import commands as sip
from signalling import events as sig
from signalling.errors import LocalProtocolError, TransportError
from softswitch.legs import base, crossing
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.fax import fax_of
from softswitch.legs.phones import Phones
from softswitch.legs.rtp import Sound
from softswitch.legs.sip import SipLeg
from softswitch.legs.studio import Studio
from softswitch.model.cause import Cause
from softswitch.model.errors import Unreachable
from softswitch.model.identity import Manners
from softswitch.model.ids import Ids, LegId
from softswitch.model.target import Target
from softswitch.trunks.channels import ANY, Channels, LineView

log = structlog.get_logger("legs")

SubmitCommand = Callable[[sip.Command], None]
MannersAt = Callable[[PartyKind, str], Manners]
"""What a peer is told about people, by its kind and name."""
LineOf = Callable[[str, str, Mapping[str, str]], tuple[tuple[int, int], int]]
SoundOf = Callable[[LegFacts], Sound]


class SipLegs:
    """All SIP legs of the node, by the ids that signalling uses. `submit` hands a command down, `heard` takes an event up."""

    def __init__(self, studio: Studio, ids: Ids, submit: SubmitCommand, sound_of: SoundOf, manners_at: MannersAt) -> None:
        self.manners_at = manners_at
        self.studio = studio
        self._submit = submit
        self.sound_of = sound_of
        self._ids = ids
        self.sign: Callable[[Target, LegFacts], tuple[str, ...]] = lambda _target, _caller: ()
        """The signed calling numbers of a call to a target; set by who has the certificate."""
        self._legs: dict[str, SipLeg] = {}
        self._visits: Counter[str] = Counter()
        self._channels = Channels()
        self.now: Callable[[], float] = lambda: 0.0
        """The clock of the node, for how long lines are busy."""
        self.may_dial: Callable[[Target], bool] = lambda _target: True
        """Asked as a call goes out: whether its trunk has room. Counts the call."""
        self.line_of: LineOf = lambda _trunk, _contact, _headers: (ANY, 0)
        """The channels that a call which comes in may be on, and the one that its gateway tells (0: it does not)."""
        self.on_talked: Callable[[str, float], None] = lambda _trunk, _seconds: None
        """Told how long an answered call by a trunk lasted."""
        self.phones = Phones()

    def __len__(self) -> int:
        return len(self._legs)

    def manners_of(self, facts: LegFacts) -> Manners:
        return self.manners_at(facts.kind, facts.party)

    def visits(self, session_id: str) -> int:
        """How many calls that have come in are of one session: more than one says that it came back to us."""
        return self._visits[session_id]

    def submit(self, command: sip.Command) -> None:
        """Hands a command down. One that crosses the peer's own end is refused there; `Ended` is on its way up then."""
        try:
            self._submit(command)
        except LocalProtocolError as fault:
            log.warning("! command crossed the end of its leg", command=type(command).__name__, reason=str(fault))

    def place(self, invite: sip.Invite) -> None:
        """Begins a call. Raises LocalProtocolError for a target that is no URI, TransportError."""
        self._submit(invite)

    def on_trunk(self, trunk: str) -> int:
        """How many legs the trunk carries now, both directions."""
        return self._channels.used(trunk)

    def _add(self, leg: SipLeg) -> None:
        self._legs[leg.id] = leg
        if leg.facts.inbound:
            self._visits[leg.facts.session_id] += 1
        self.phones.add(leg)

    def _remove(self, leg: SipLeg) -> None:
        del self._legs[leg.id]
        if leg.facts.inbound:
            self._visits[leg.facts.session_id] -= 1
            if not self._visits[leg.facts.session_id]:
                del self._visits[leg.facts.session_id]
        self.phones.remove(leg)
        if leg.facts.channel:
            self._channels.release(leg.facts.party, leg.facts.channel, leg.facts.lines, now=self.now())
        if leg.target is not None and leg.target.trunk and leg.answered_at:
            self.on_talked(leg.facts.party, self.now() - leg.answered_at)

    def on_lines(self, trunk: str, lines: tuple[int, int]) -> int:
        """How many channels of a range are in use."""
        return self._channels.used(trunk, lines)

    def lines(self, trunk: str) -> list[LineView]:
        """The channels of a trunk with their figures since the start."""
        return self._channels.views(trunk, self.now())

    def incoming(self, event: sig.IncomingCall) -> SipLeg:
        """A leg for a new INVITE; its media group is that of the call to come."""
        kind, channel, lines = PartyKind(event.peer_kind), 0, ANY
        if kind is PartyKind.TRUNK:
            lines, slot = self.line_of(event.peer_name, event.contact, event.headers)
            channel = self._channels.seize(event.peer_name, lines, now=self.now(), slot=slot)
        facts = crossing.facts_of(event, self.manners_at(kind, event.peer_name), channel, lines)
        offered = event.body.content if event.body is not None else b""
        if (fax := fax_of(offered)) is not None:
            facts = replace(facts, fax=fax)
        leg = SipLeg(self, LegId(event.leg), facts, event.flow, group=self.studio.ids.next(), offered=offered)
        leg.takes_offer_early = event.body is None and event.can_100rel
        self._add(leg)
        return leg

    def dial(self, target: Target, caller: LegFacts, *, group: int, prefer: tuple[str, ...], listener: base.Listener) -> SipLeg:
        """Rings one target. Raises MediaError when no port can be had.

        Raises Unreachable when no listener of ours leads there, the number cannot be written, or the call has come too far.
        """
        if caller.hops < 1:
            raise Unreachable(Cause.TOO_MANY_HOPS)
        if not self.may_dial(target):
            raise Unreachable(Cause.CONGESTION)
        target = crossing.without_transcoding(target, prefer)
        kind = PartyKind.TRUNK if target.trunk else PartyKind.PHONE
        channel = self._channels.seize(target.name, target.lines, now=self.now()) if target.trunk else 0
        facts = LegFacts(
            inbound=False,
            kind=kind,
            party=target.name,
            caller=caller.caller,
            called=target.number,
            max_duration=target.max_duration,
            early_two_way=target.early_two_way,
            channel=channel,
            lines=target.lines,
            sends_refer=target.manners.sends_refer,
        )
        leg = SipLeg(self, self._ids.leg(), facts, target.flow, group=group, target=target)
        leg.listener = listener
        self._add(leg)
        try:
            leg.start_outbound(caller, prefer)
        except NotAcceptable as fault:
            self._remove(leg)
            leg.abandon()
            raise Unreachable(Cause.INCOMPATIBLE) from fault
        except MediaError:
            self._remove(leg)
            raise
        except TransportError as fault:
            self._remove(leg)
            leg.abandon()
            log.warning("! no way to the target", target=target.uri, reason=str(fault))
            raise Unreachable(Cause.NETWORK_FAILURE) from fault
        except LocalProtocolError as fault:
            self._remove(leg)
            leg.abandon()
            log.warning("! not a target", reason=str(fault))
            raise Unreachable(Cause.INVALID_NUMBER) from fault
        return leg

    def heard(self, event: sig.Event) -> bool:
        """Gives an event of signalling to the leg it is about; False: it is not about one of ours."""
        leg = self._legs.get(getattr(event, "leg", ""))
        if leg is None:
            return False
        if isinstance(event, sig.Ended):
            self._remove(leg)
        leg.heard(event)
        if isinstance(event, sig.Progress | sig.Answered):
            self.phones.changed(leg)
        return True
