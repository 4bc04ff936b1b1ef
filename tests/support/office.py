"""A whole switch without wires: real calls, call distribution, flows and the media routing over FakeEngine, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from media.commands import ClosePort, LoadPrompt, MovePort, OpenPort, PayloadMap, Play, PortKind
from media.events import PortStats
from media.fake import FakeEngine
from media.service import MediaService
from softswitch.acd.desks import AcdDesks
from softswitch.acd.floor import Floor
from softswitch.acd.service import AcdService
from softswitch.calls.call import Call
from softswitch.calls.control import CallControl
from softswitch.calls.direct import hang_up, to_party
from softswitch.calls.mix import Mix
from softswitch.calls.parking import ParkingLot
from softswitch.calls.recorder import NOWHERE, Outpost
from softswitch.calls.service import CallService, Handler
from softswitch.calls.stations import Stations
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.cluster.bus import Bus
from softswitch.directory.model import Agent, Extension, Flow, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.features.codes import FeatureCodes
from softswitch.ivr.service import IvrService
from softswitch.legs import base
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.browser import BrowserSession, BrowserSessions
from softswitch.legs.studio import Studio
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Unreachable
from softswitch.model.identity import Person
from softswitch.model.ids import Ids, LegId
from softswitch.model.release import Release
from softswitch.model.target import Plan, Target
from softswitch.model.views import AgentView, OfferView, QueueView
from softswitch.prompts import SHIPPED, texts
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.policy import RecordingPolicy
from softswitch.routing.codes import CodeBook
from softswitch.routing.service import Admission
from softswitch.store.rows import CdrRow
from tests.support.virtual_time import LoopClock

E = TypeVar("E", bound=ev.Event)
PROMPT_MS = 1000


class Party:
    """A person at a phone, as a leg: what the switch does to it is noted, what the person does are methods."""

    def __init__(self, office: Office, facts: LegFacts, *, answered: bool = False) -> None:
        self.id = LegId(f"l{next(office.numbers)}")
        self.facts = facts
        self.listener: base.Listener = base.ignore
        self.group = office.media.new_group()
        self.codec = "PCMA"
        self.codecs = ("PCMA",)
        self.announces = 0
        self.fax = None
        self.secured = ""
        self.is_answered = answered
        self.is_ended = False
        self.cause: Cause | None = None
        self.quality: PortStats | None = None
        self.is_ringing = False
        self.shown: Person | None = None
        self.reported: list[int] = []
        self.referred: list[str] = []
        self._office = office
        self.port = office.open_port(self.group)

    def ring(self) -> None:
        self.is_ringing = True

    def open_early(self, *, prefer: str = "", q850: int = 0) -> None:
        pass

    def refusal(self) -> Cause | None:
        return None

    def answer(self, *, prefer: str = "") -> None:
        self.is_answered = True

    def hold(self, *, held: bool) -> None:
        """Music is all."""

    def press(self, digits: str, *, carried: str = "") -> None:
        pass

    @property
    def person(self) -> Person:
        return Person(self.facts.caller)

    def shows(self, person: Person) -> None:
        self.shown = person

    def report_transfer(self, status: int, slot: str = "") -> None:
        self.reported.append(status)

    def refer(self, target: str, by: str) -> None:
        self.referred.append(target)

    def join(self, group: int) -> None:
        self.group = self._office.move(self.port, group)

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        if not self.is_ended:
            self.is_ended, self.cause = True, cause
            self._office.media.pump.submit([ClosePort(self.port)])

    # what the person does

    def accept(self) -> None:
        self.is_answered = True
        self.listener(base.Answered())

    def leave(self, cause: Cause = Cause.NORMAL) -> None:
        self.hang_up(cause)
        self.listener(base.Ended(cause))

    def key(self, digits: str) -> None:
        for digit in digits:
            self.listener(base.DigitPressed(digit, "rfc4733"))

    @property
    def hears(self) -> set[str]:
        return self._office.engine.hears(self.port)


class _NoAlarms:
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        raise AssertionError(f"alarm {code}: {text}")

    def clear(self, code: str, object: str = "") -> None:
        pass


@dataclass
class Seen:
    """What a watcher of the floor was told."""

    agents: list[AgentView] = field(default_factory=list)
    queues: list[QueueView] = field(default_factory=list)
    offers: list[tuple[str, OfferView | None, str]] = field(default_factory=list)


class Office:
    """Everything below bootstrap that a queue call needs. Extensions are phones that ring until told otherwise."""

    def __init__(
        self, tmp_path: Path, *, agents: tuple[Agent, ...], queues: tuple[Queue, ...], flows: tuple[Flow, ...] = (),
        stored: tuple[ev.Event, ...] = (), records: tuple[CdrRow, ...] = (),
    ) -> None:  # fmt: skip
        loop = asyncio.get_running_loop()
        self.numbers = itertools.count(1)
        self.clock = LoopClock(loop)
        self.bus = Bus()
        self.events: list[ev.Event] = []
        self.hold_music = 0
        self.outpost: Callable[[Mix, Timeline], Outpost] = lambda _mix, _timeline: NOWHERE
        self.phones: dict[str, list[Party]] = {}
        self.refusals: dict[str, Cause] = {}  # extension -> refuses at once with this cause
        self.registered = {agent.extension for agent in agents if agent.extension}
        self.snapshot = Snapshot(
            agents={agent.login: agent for agent in agents}, queues={queue.name: queue for queue in queues},
            flows={flow.name: flow for flow in flows},
            extensions={number: Extension(number=number) for number in ("1001", "1002", "1003")},
        )  # fmt: skip
        lengths = dict.fromkeys(texts(), PROMPT_MS) | {"default": 60_000}
        self.engine = FakeEngine(prompt_ms=lengths, record_files=False)
        self.engine.follow(loop)
        self.media = MediaService(self.engine, prompt_roots=[SHIPPED])
        self.media.start()
        ids = Ids(lambda: str(next(self.numbers)))
        browsers = BrowserSessions(_StudioOf(self), ids)
        self.stations = Stations(lambda: self.snapshot, browsers, lambda number: number in self.registered)
        board = Switchboard(
            clock=self.clock, journal=self.journal, media=self.media, ids=ids,
            keeper=Keeper(tmp_path, self.clock, self.journal, _NoAlarms()), plan=self._plan, dial=self._dial,
            stations=self.stations, report=lambda target, alive, **_: None, recording=RecordingPolicy(lambda: self.snapshot),
            hold_music=lambda: self.hold_music, outpost=self._outpost,
        )  # fmt: skip
        self.acd = AcdService(
            directory=lambda: self.snapshot, journal=self.journal, clock=self.clock, ids=ids, stations=self.stations
        )
        self.ivr = IvrService(directory=lambda: self.snapshot, clock=self.clock, enter=self.acd.enter)
        handlers = self.handlers = dict[DestinationKind, Handler]({
            DestinationKind.QUEUE: self.acd.to_queue, DestinationKind.FLOW: self.ivr.to_flow, DestinationKind.HANGUP: hang_up,
            DestinationKind.EXTENSION: to_party, DestinationKind.AGENT: to_party, DestinationKind.OUTSIDE: to_party,
        })  # fmt: skip
        self.calls = CallService(board, self._admit, handlers)
        self.calls.on_over = self.acd.call_over
        self.lot = ParkingLot()
        handlers[DestinationKind.PARK] = self.lot.park
        self.control = CallControl(self.calls, self.stations, self.lot, lambda: self.snapshot)
        desks = self.stations.desks = AcdDesks(self.acd, self.calls.get, ids.offer)
        self.floor = Floor(self.acd, self.control, self.stations, desks)
        self.codes = FeatureCodes(self.control, lambda: CodeBook(self.snapshot.feature_codes.values()))
        self.codes.agents = self.floor
        handlers[DestinationKind.FEATURE] = self.codes.run
        self.bus.subscribe(self.acd.note_call)
        self.seen = Seen()
        self.floor.watch(
            agent=self.seen.agents.append, queue=self.seen.queues.append, offer=lambda *told: self.seen.offers.append(told)
        )
        self.acd.start(stored, records)

    def journal(self, event: ev.Event) -> None:
        self.events.append(event)
        self.bus.publish(event)

    def _outpost(self, mix: Mix, timeline: Timeline) -> Outpost:
        return self.outpost(mix, timeline)

    def open_port(self, group: int, kind: PortKind = PortKind.RTP) -> int:
        reservation = self.media.pump.reserve(kind, group)
        port = self.media.ids.next()
        self.media.pump.submit([OpenPort(port, reservation.token, (PayloadMap("PCMA", 8, 8000),), remote=("127.0.0.1", 9))])
        return port

    def move(self, port: int, group: int) -> int:
        self.media.pump.submit([MovePort(port, group)])
        return group

    def _admit(self, facts: LegFacts) -> Admission:
        """Extensions by their number; everything that begins with 0 is outside."""
        if facts.called in self.snapshot.extensions:
            return Admission(Destination(DestinationKind.EXTENSION, facts.called))
        if self.codes.book.read(facts.called) is not None:
            return Admission(Destination(DestinationKind.FEATURE, facts.called))
        outside = facts.called.startswith("0")
        return Admission(Destination(DestinationKind.OUTSIDE, facts.called) if outside else None, cause=Cause.UNALLOCATED)

    def _plan(self, _caller: LegFacts, destination: Destination) -> Plan:
        if destination.name in self.refusals:
            raise Unreachable(self.refusals[destination.name])
        flow: Any = None
        return Plan(((Target(destination.name, f"sip:{destination.name}@test", flow, destination.name),),))

    def _dial(self, target: Target, caller: LegFacts, *, group: int, prefer: tuple[str, ...], listener: base.Listener) -> Party:
        facts = LegFacts(inbound=False, kind=PartyKind.PHONE, party=target.name, caller=caller.caller, called=target.name)
        phone = Party(self, facts)
        phone.listener = listener
        self.engine.label(phone.port, target.name)
        self.phones.setdefault(target.name, []).append(phone)
        return phone

    # what tests do and ask

    def call(self, to: str, number: str = "13800138000", context: Mapping[str, str] | None = None) -> tuple[Party, Call]:
        """Somebody calls a destination."""
        facts = LegFacts(
            inbound=True, kind=PartyKind.TRUNK, party="carrier", caller=number, called="4008001000", context=context or {}
        )
        caller = Party(self, facts)
        self.engine.label(caller.port, f"caller {number}")
        call = self.calls.incoming(caller, Destination.parse(to))
        assert call is not None
        return caller, call

    def phone_calls(self, number: str, to: str) -> tuple[Party, Call]:
        """A phone dials a number."""
        facts = LegFacts(
            inbound=True,
            kind=PartyKind.PHONE,
            party=number,
            caller=number,
            called=to,
            sip_call_id=f"call-id-{next(self.numbers)}",
        )
        caller = Party(self, facts)
        self.engine.label(caller.port, number)
        call = self.calls.incoming(caller)
        assert call is not None
        return caller, call

    def page(self, login: str) -> BrowserSession:
        """The agent's page has media."""
        session = _page(self, login)
        assert self.stations.browsers.on_change is not None
        self.stations.browsers.on_change(login)
        return session

    def phone(self, number: str) -> Party:
        """The phone that rang last under this number."""
        return self.phones[number][-1]

    async def ready(self, *logins: str) -> None:
        for login in logins:
            await self.floor.set_state(login, "ready", "", login)
            await asyncio.sleep(1)  # who was ready first has been idle longest

    def state(self, login: str) -> str:
        return self.floor.agent(login).state

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def played(self) -> list[str]:
        """Prompts and music in the order in which they began, as LANGUAGE/NAME."""
        names: dict[int, str] = {}
        found = []
        for command in (command for batch in self.engine.batches for command in batch):
            if isinstance(command, LoadPrompt):
                path = Path(command.path)
                names[command.prompt] = f"{path.parent.name}/{path.stem}"
            elif isinstance(command, Play):
                found += [names[prompt] for prompt in command.prompts]
        return found

    async def close(self) -> None:
        await self.calls.drain(0)
        self.acd.close()
        self.media.close()


def _page(office: Office, login: str) -> BrowserSession:
    browsers = office.stations.browsers
    session = browsers.open(login)
    session.port = office.open_port(session.group, PortKind.WEBRTC)
    session.follow_port()
    office.engine.label(session.port, login)
    return session


class _StudioOf(Studio):
    """The part of a Studio that a session without SDP uses."""

    def __init__(self, office: Office) -> None:
        nothing: Any = None
        super().__init__(office.media, nothing, lambda peer: "127.0.0.1", lambda: ("127.0.0.1",))
