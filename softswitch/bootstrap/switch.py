"""The switch without sockets and database: everything between signalling events, media and the journal, wired together.

Tests run it in virtual time with a fake engine; `serve` gives it the real ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from media.commands import Jitter
from media.negotiation import DtlsIdentity
from media.service import MediaService
from signalling import commands as sip
from signalling import events as sig
from signalling.transports.driver import make_token
from softswitch.calls import direct
from softswitch.calls.control import CallControl
from softswitch.calls.numbers import CallingNumbers, signed
from softswitch.calls.parking import ParkingLot
from softswitch.calls.replacing import Replacing
from softswitch.calls.service import CallService, Handler
from softswitch.calls.stations import Stations
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.three_way import ThreeWay
from softswitch.defence.tolls import TollGuard
from softswitch.directory.snapshot import Snapshot
from softswitch.features.click_to_call import Clicks
from softswitch.features.codes import FeatureCodes
from softswitch.features.conference import Conferences, Means
from softswitch.features.echo import echo
from softswitch.features.forwarding import EMERGENCY, Forwarding
from softswitch.features.personal import PersonalServices
from softswitch.features.personal_codes import PersonalCodes
from softswitch.groups.paging import Paging
from softswitch.groups.service import RingGroups
from softswitch.legs import history
from softswitch.legs.base import Leg, LegFacts, PartyKind
from softswitch.legs.browser import BrowserSessions
from softswitch.legs.rtp import USUAL, Sound
from softswitch.legs.sip import SipLeg
from softswitch.legs.sip_legs import SipLegs
from softswitch.legs.studio import Studio
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Forbidden, Unreachable
from softswitch.model.events import Event
from softswitch.model.identity import MAX_DIVERSIONS, PHONES, Manners
from softswitch.model.ids import Ids
from softswitch.model.target import Plan, Target
from softswitch.observe import security
from softswitch.recordings.depot import Depot
from softswitch.recordings.keeper import AlarmSink, Form, Keeper
from softswitch.recordings.policy import RecordingPolicy
from softswitch.registrar.service import Registrar
from softswitch.routing.peers import Peers
from softswitch.routing.service import Admission, Routing
from softswitch.siprec.model import Desk
from softswitch.siprec.service import Siprec
from softswitch.trunks.credentials import Chains
from softswitch.trunks.service import TrunkBook
from softswitch.trunks.stir import Stir
from softswitch.watching.bodies import DIALOG, PRESENCE
from softswitch.watching.messages import Messages
from softswitch.watching.service import Watching
from softswitch.watching.sources import DND, GROUP, Sources

log = structlog.get_logger("switch")

MAX_VISITS = 3
"""Of one call here at the same time: once is usual, twice happens when somebody forwards it back to us."""

Submit = Callable[[sip.Command], None]


def random_token() -> str:
    """The second of its making and 64 random bits as text: ids made together lie together in the database's indexes."""
    return f"{int(time.time()):08x}{make_token()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the switch is made of from outside."""

    clock: Clock
    journal: Callable[[Event], None]
    media: MediaService
    directory: Callable[[], Snapshot]
    submit: Submit
    recordings: Path
    alarms: AlarmSink
    identity: DtlsIdentity
    address_for: Callable[[str], str]
    addresses: Callable[[], tuple[str, ...]]
    ids: Ids = field(default_factory=lambda: Ids(random_token))
    max_calls: int = 0
    room_agc: bool = False
    room_gate: bool = False
    """Of conference rooms, see `OpenBus`."""
    form: Form = field(default_factory=Form)
    """How recordings are written."""
    depot: Depot | None = None
    """Where finished recordings go; None: they stay."""
    fallback: str = ""
    dialog_of: Callable[[str], sig.NamedDialog | None] = lambda _leg: None
    """The names of a leg's dialog, for who watches it."""
    transfer_keys: bool = True
    transfer_ring: float = 30.0
    park_timeout: float = 120.0
    operator: Destination | None = None
    """Who gets a parked call that whoever parked it does not take back."""
    conference_ends_with_owner: bool = False
    code_plan: str = "cn"
    """Which set of feature codes people have: cn or intl."""
    stir: Stir | None = None
    """Who signs and checks calling numbers; None: nobody can be believed, nothing is signed."""
    tcp_port: int = 0
    jitter: Jitter = field(default_factory=Jitter)
    codecs: tuple[str, ...] = ("PCMA", "PCMU", "G722", "OPUS")
    """What is agreed on with parties that no profile says otherwise about."""
    missing_codecs: Mapping[str, str] = field(default_factory=dict)
    music: tuple[str, str] = ("music", "default")
    """Language folder and name of the music that held parties hear."""


class Switch:
    """Owned by the loop. `handlers` is open until calls come: the call centre adds `flow` and `queue`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        clock, media = parts.clock, parts.media
        self.ids = parts.ids
        self.studio = Studio(
            media, parts.identity, parts.address_for, parts.addresses, parts.tcp_port, parts.jitter, parts.codecs,
            parts.missing_codecs,
        )  # fmt: skip
        self.trunks = TrunkBook(clock, parts.journal, parts.submit)
        self.registrar = Registrar(clock, parts.journal)
        self.routing = Routing(parts.directory, self.trunks, self.registrar, parts.code_plan)
        self.peers = Peers(parts.directory, self.trunks, self.registrar)
        self.browsers = BrowserSessions(self.studio, self.ids)
        self.stations = Stations(parts.directory, self.browsers, self.registrar.is_registered)
        self.keeper = Keeper(
            parts.recordings, clock, parts.journal, parts.alarms, fallback=parts.fallback, form=parts.form, depot=parts.depot
        )  # fmt: skip
        self.sip = SipLegs(self.studio, self.ids, parts.submit, self._sound_of, self._manners_at)
        self.sip.sign = self._sign
        self.conferences = Conferences(Means(
            media=media, directory=parts.directory, clock=clock, keeper=self.keeper, ids=self.ids, agc=parts.room_agc,
            gate=parts.room_gate,
        ))  # fmt: skip
        self.lot = ParkingLot(timeout=parts.park_timeout, operator=parts.operator)
        self.clicks = self._open_to_pages(clock)
        self.handlers: dict[DestinationKind, Handler] = {
            DestinationKind.OUTSIDE: direct.to_party,
            DestinationKind.AGENT: direct.to_party,
            DestinationKind.HANGUP: direct.hang_up,
            DestinationKind.ECHO: echo,
            DestinationKind.CONFERENCE: self.conferences.join,
            DestinationKind.PARK: self.lot.park,
        }
        self.siprec = Siprec(
            Desk(
                self.studio, clock, self.ids, parts.submit, self.trunks.targets, self.trunks.report, parts.alarms
            ),
            lambda: tuple(parts.directory().trunks),
        )  # fmt: skip
        self.board = self._board()
        self.calls = CallService(self.board, self._admit, self.handlers, max_calls=parts.max_calls)
        self.control = CallControl(self.calls, self.stations, self.lot, parts.directory)
        self.replacing = Replacing(self.calls, self.stations, self.control.pickup)
        self.calls.circling = self._circling
        self.stir = parts.stir or Stir(clock, Chains({}, None, clock.now))
        self.numbers = CallingNumbers(self.stir, self.trunks, self.calls)
        self.codes = FeatureCodes(self.control, self.routing.codes)
        self.calls.place_of_code = self.codes.place
        self._conferences_by_phone()
        self.personal = PersonalServices(parts.directory, parts.journal, clock)
        self.forwarding = Forwarding(self.personal, parts.directory, self._admit, self.sip.phones.calls)
        self.personal.reach = self.forwarding.reach
        self.handlers[DestinationKind.EXTENSION] = self.forwarding.to_extension
        self.groups = self._groups()
        self.sources = Sources(
            directory=parts.directory, phones=self.sip.phones, lot=self.lot, services=self.personal,
            is_registered=self.registrar.is_registered, dialog_of=parts.dialog_of, ringing=self.groups.ringing,
        )  # fmt: skip
        self.watching = Watching(self.sources, parts.submit)
        self.messages = Messages(self.registrar.targets, parts.submit)
        self.sip.phones.on_change = self.lot.on_change = self.watching.touch
        self.personal.watch(self._services_changed)
        PersonalCodes(self.codes, self.personal, self.forwarding)
        self.handlers[DestinationKind.FEATURE] = self.codes.run
        self._join_trunks()
        self.registrar.on_change = self._phone_changed
        self.screen: Callable[[LegFacts, Admission], Admission] = lambda _facts, admission: admission
        """What lists of numbers make of a new call; set by the part that has the lists."""
        self.tolls: TollGuard | None = None
        """Asked before a call goes out; set by the part that guards against toll fraud."""
        self.on_offence: Callable[[sig.SecurityEvent], None] = lambda _event: None
        """Told of what the security line tells; set by the part that keeps bans."""
        self._music = 0
        self.trunks.configure(parts.directory())

    def _board(self) -> Switchboard:
        parts = self._parts
        return Switchboard(
            clock=parts.clock, journal=parts.journal, media=parts.media, ids=self.ids, keeper=self.keeper, plan=self._plan,
            dial=self.sip.dial, stations=self.stations, report=self.trunks.report, spends=self._spends,
            recording=RecordingPolicy(parts.directory), hold_music=lambda: self._music, outpost=self.siprec.outpost,
            transfer_keys=parts.transfer_keys, transfer_ring=parts.transfer_ring, redirected=self.trunks.redirected,
        )  # fmt: skip

    def _is_open(self, calendar: str) -> bool:
        """The calendars come after the switch."""
        return self.routing.is_open(calendar)

    def _join_trunks(self) -> None:
        """Trunks know what runs over them, legs whether there is room."""
        trunks, legs, clock = self.trunks, self.sip, self._parts.clock
        trunks.count, trunks.count_in, trunks.lines = legs.on_trunk, legs.on_lines, legs.lines
        legs.now, legs.may_dial, legs.line_of = clock.now, trunks.seize, trunks.line_of
        legs.on_talked, legs.phones.now = trunks.talked, clock.now

    def _groups(self) -> RingGroups:
        """Ring groups, and what they are asked and tell."""
        made = RingGroups(
            self._parts.directory, self.sip.phones, self.personal, self.forwarding, self.registrar.is_registered
        )  # fmt: skip
        self.handlers[DestinationKind.GROUP] = made.to_group
        self.forwarding.with_mobile = made.with_mobile
        self.forwarding.is_open = self._is_open
        self.control.pickup.mates_of_phone = made.mates
        self.handlers[DestinationKind.PAGE] = Paging(self._parts.directory, made.state, self.codes).to_page
        made.on_change = lambda name: self.watching.touch(f"{GROUP}{name}", DIALOG)
        return made

    def _conferences_by_phone(self) -> None:
        made = ThreeWay(self.calls, self.board, ends_with_owner=self._parts.conference_ends_with_owner)
        self.codes.three_way, self.calls.conference = made, made.sent

    def _open_to_pages(self, clock: Clock) -> Clicks:
        clicks = Clicks(clock, random_token)
        clicks.live = self._guests
        self.peers.admit_guest = self._admit_guest
        self.origin_of: Callable[[sig.Flow], str] = lambda _flow: ""
        """The web site whose page has opened a flow; set by who owns the connections."""
        return clicks

    async def load_music(self) -> None:
        """Makes the music for held parties ready; without it they hear silence."""
        language, name = self._parts.music
        self._music = await self._parts.media.prompts.load(name, language) or 0

    # signalling

    def heard(self, event: sig.Event) -> None:
        """One event of signalling."""
        match event:
            case sig.IncomingCall():
                self._incoming(event)
            case sig.BindingsChanged():
                if event.aor in self._parts.directory().extensions or self.registrar.is_registered(event.aor):
                    self.registrar.heard(event)  # names that an open test bench registers are nobody here
            case sig.RegistrationState():
                self.trunks.heard(event)
            case sig.SecurityEvent():
                self._security(event)
            case sig.OptionsAnswered():
                self.trunks.probed(event)
            case sig.Overloaded():
                self.trunks.overloaded(event.flow)
            case sig.MessageReceived() | sig.MessageAnswered():
                self.messages.heard(event)
            case sig.Counted() | sig.ConnectionShared():
                pass  # counted by the metrics of the composition root
            case _:
                if not self.sip.heard(event) and not self.watching.heard(event):
                    self.siprec.heard(event)

    def _incoming(self, event: sig.IncomingCall) -> None:
        call = self.trunks.caller(event) if event.peer_kind == PartyKind.TRUNK else event
        if call is None:  # of no trunk at this address
            self._parts.submit(sip.Reject(event.leg, Cause.UNALLOCATED.sip, q850=Cause.UNALLOCATED.q850))
            return
        leg = self.sip.incoming(call)
        if leg.facts.kind is PartyKind.TRUNK and self.trunks.stir(leg.facts.party) != "off":
            self.numbers.incoming(leg, event, partial(self._begin, call))
        else:
            self._begin(call, leg)

    def _begin(self, call: sig.IncomingCall, leg: SipLeg) -> None:
        if call.replaces is not None:
            self.replacing.replace(leg, call.replaces.leg)
        elif call.join is not None:
            self.replacing.join(leg, call.join.leg)
        elif (ticket := self.clicks.spent(leg.facts.party) if leg.facts.kind is PartyKind.WIDGET else None) is not None:
            self.calls.incoming(leg, ticket.to, ticket.max_duration)
        else:
            self.calls.incoming(leg)

    def _admit_guest(self, flow: sig.Flow, called: str, token: str) -> str:
        """A page calls over SIP: the id of its ticket, "" for a token that is none, is spent or leads elsewhere."""
        try:
            return self.clicks.redeem(token, self.origin_of(flow), flow.remote[0], called).id
        except Forbidden as fault:
            log.info("x widget refused", source=flow.remote[0], why=str(fault))
            return ""

    def _guests(self) -> int:
        return sum(1 for call in self.calls.each() if call.caller.facts.kind is PartyKind.WIDGET)

    def _phone_changed(self, extension: str) -> None:
        self.stations.extension_changed(extension)
        self.watching.touch(extension, PRESENCE)

    def _services_changed(self, extension: str) -> None:
        self.watching.touch(extension, PRESENCE)
        self.watching.touch(f"{DND}{extension}", DIALOG)

    def _security(self, event: sig.SecurityEvent) -> None:
        """One line that a log watcher can act on (sip.md §9)."""
        security.write(security.security_line(self._parts.clock.utc(), event))
        self.on_offence(event)

    def _admit(self, facts: LegFacts) -> Admission:
        admission = self.screen(facts, self._routed(facts))
        to = admission.destination
        if facts.fax is not None and to is not None and not self.routing.is_fax(facts.called, to):
            return Admission(None, Cause.INCOMPATIBLE, "fax")
        return admission

    def _routed(self, facts: LegFacts) -> Admission:
        if facts.kind is PartyKind.TRUNK:
            return self.routing.from_trunk(facts.party, facts.called)
        if facts.kind is PartyKind.PHONE:
            return self._from_phone(facts.called, facts.party)
        if facts.kind is PartyKind.AGENT:
            return self.routing.from_inside(facts.called, facts.party)
        return Admission(None, Cause.FORBIDDEN, "a widget calls what its token says")

    def _plan(self, caller: LegFacts, destination: Destination) -> Plan:
        plan = self.routing.plan(destination, caller.party, is_trunk=caller.kind is PartyKind.TRUNK)
        if self.tolls is not None and destination.kind is DestinationKind.OUTSIDE:
            if self.tolls.may(caller.account, destination):
                raise Unreachable(Cause.FORBIDDEN)
            return self._affordable(plan, destination.name, self.tolls)
        return plan

    @staticmethod
    def _affordable(plan: Plan, number: str, tolls: TollGuard) -> Plan:
        """Without the trunks that have used up their day. Raises Unreachable when none is left."""
        if not any(tolls.is_closed(target.name, number) for stage in plan.stages for target in stage):
            return plan
        stages = (tuple(target for target in stage if not tolls.is_closed(target.name, number)) for stage in plan.stages)
        left = tuple(stage for stage in stages if stage)
        if not left:
            raise Unreachable(Cause.FORBIDDEN)
        return Plan(left)

    def _spends(self, caller: LegFacts, leg: Leg, target: Target, number: str) -> None:
        if self.tolls is not None:
            self.tolls.spends(caller.account, leg.id, number, target.name)

    def _from_phone(self, called: str, extension: str) -> Admission:
        """With what its person has set: the hotline of a phone that dials nothing, the lock of outside calls."""
        own = self.personal.of(extension)
        admission = self.routing.from_inside(own.hotline if own.hotline and called in ("", "s") else called, extension)
        outside = admission.destination is not None and admission.destination.kind is DestinationKind.OUTSIDE
        if own.locked and outside and called not in EMERGENCY:
            return Admission(None, Cause.FORBIDDEN, "locked")
        return admission

    def _circling(self, leg: Leg) -> Cause | None:
        """The loop guard of sip.md §5.6: the third time of one session, or a call that was forwarded too often."""
        facts = leg.facts
        if facts.session_id and self.sip.visits(facts.session_id) >= MAX_VISITS:
            text = f"a call to {facts.called} came back for the third time"
            self._parts.alarms.raise_("sip_loop", "warning", text, facts.party)
            return Cause.LOOP
        return Cause.UNREACHABLE if history.count(facts.diverted) > MAX_DIVERSIONS else None

    def _sign(self, target: Target, caller: LegFacts) -> tuple[str, ...]:
        return signed(self.stir, target, caller)

    def _manners_at(self, kind: PartyKind, party: str) -> Manners:
        return self.trunks.manners(party) if kind is PartyKind.TRUNK else PHONES

    def _sound_of(self, facts: LegFacts) -> Sound:
        if facts.kind is PartyKind.PHONE:
            extension = self._parts.directory().extensions.get(facts.party)
            if extension is None:
                return USUAL
            return USUAL._replace(codecs=extension.codecs, srtp=extension.srtp, t38=extension.t38)
        media = self.trunks.sound(facts.party) if facts.kind is PartyKind.TRUNK else None
        if media is None:
            return USUAL
        return Sound(
            media.codecs, media.ptime, (media.jitter_min, media.jitter_max), media.comfort_noise, media.dtmf,
            media.hold, media.srtp, media.t38, media.ice == "lite",
        )  # fmt: skip
