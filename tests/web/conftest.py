"""The web application over real users and store, with calls and floor as small doubles."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from media.engine import EnginePump
from media.engine import Ids as EngineIds
from media.fake import FakeEngine
from media.prepare import Preparer
from media.prompts import PromptStore
from media.service import MediaService
from signalling.endpoint.bans import Bans
from signalling.endpoint.budget import Budget
from signalling.usage.config import Limits
from signalling.usage.offences import BanRules
from softswitch.access.audit import Audit
from softswitch.access.entrance import Entrance
from softswitch.acd.tables import SCHEMA as ACD
from softswitch.alerting.roster import Parts as ReserveParts
from softswitch.alerting.roster import Reserve
from softswitch.alerting.service import Alerting
from softswitch.alerting.service import Parts as AlertingParts
from softswitch.alerting.tables import SCHEMA as ALERTING
from softswitch.calendar.tables import SCHEMA as CALENDAR
from softswitch.calls.call import Call
from softswitch.calls.parking import ParkingLot
from softswitch.calls.supervision import Supervision, WatchView, Wish
from softswitch.calls.supervision_help import HelpDesk
from softswitch.calls.supervision_intercept import Interception
from softswitch.cluster.bus import Bus
from softswitch.config.settings import Settings, SpeechSettings
from softswitch.customers.book import CustomerBook
from softswitch.customers.tables import SCHEMA as CUSTOMERS
from softswitch.defence.rules import TollRules
from softswitch.defence.service import Defence
from softswitch.defence.tolls import TollGuard
from softswitch.directory import service as directory_service
from softswitch.directory.apply import Rules
from softswitch.directory.editing import Editor
from softswitch.directory.model import Agent, Kind, Mailbox
from softswitch.directory.service import Directory
from softswitch.directory.store import Action, Change
from softswitch.directory.users import Users
from softswitch.features.conference import Conferences, Means
from softswitch.features.malicious import MaliciousCalls
from softswitch.features.personal import PersonalServices
from softswitch.features.screen_pop import ScreenPops
from softswitch.ivr.pins import PinBook
from softswitch.ivr.service import IvrService
from softswitch.ivr.slots import AnnouncementBook, Studio
from softswitch.ivr.statistics import FlowStatistics
from softswitch.ivr.tables import SCHEMA as IVR
from softswitch.ivr.trial import empty_desk
from softswitch.ivr.versions import FlowVersions
from softswitch.lists.tables import SCHEMA as LISTS
from softswitch.model.clock import ManualClock
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, Forbidden, NotFound
from softswitch.model.ids import Ids
from softswitch.model.states import Role
from softswitch.model.views import AgentView, CallView, OfferView, QueueView
from softswitch.observe.alarms import Alarms
from softswitch.observe.certificates import Certificates
from softswitch.observe.health import Readiness
from softswitch.prompts import SHIPPED
from softswitch.recordings.archive import Archive
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.tables import SCHEMA as RECORDINGS
from softswitch.recordings.watch import Watch
from softswitch.registrar.provisioning import Provisioning
from softswitch.registrar.service import Registrar
from softswitch.registrar.tables import SCHEMA as REGISTRAR
from softswitch.reports.schedules import Parts as ScheduleParts
from softswitch.reports.schedules import Schedules
from softswitch.reports.service import Reports
from softswitch.services import Demo, Services
from softswitch.siprec.service import Siprec
from softswitch.speech.engines import ENGINES
from softswitch.speech.service import Speech
from softswitch.speech.shelf import Shelf
from softswitch.store.database import Store
from softswitch.store.spool import Spool
from softswitch.streams.service import Streams
from softswitch.trace.messages import Messages
from softswitch.trace.service import TraceForm, Traces
from softswitch.trace.tables import SCHEMA as TRACE
from softswitch.voicemail.greetings import Greetings
from softswitch.voicemail.service import Parts as MailboxParts
from softswitch.voicemail.service import Voicemail
from softswitch.voicemail.tables import SCHEMA as VOICEMAIL
from softswitch.webhooks.service import Webhooks
from softswitch.webhooks.tables import SCHEMA as WEBHOOKS
from softswitch.webhooks.wire import Wire
from tests.web.queue_parts import queue_parts
from web.app import create_app

MAILBOXES = {"sales": "queue:sales", "li": "agent:li", "office": "", "boss": "agent:wang"}
LOGINS = {"li": Role.AGENT, "wu": Role.AGENT, "wang": Role.SUPERVISOR, "root": Role.ADMINISTRATOR}


def agent_view(login: str, state: str = "not_ready") -> AgentView:
    return AgentView(login=login, name=login, state=state, reason="", since=1.0, queues=("sales",), station="browser")


def call_view(identity: str, agent: str = "") -> CallView:
    return CallView(id=identity, direction="in", source="sip", state="talking", caller="138", caller_name="", called="400",
                    agent=agent, created_at=1_699_999_990.0)  # fmt: skip


@dataclass
class Calls:
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    views: dict[str, CallView] = field(default_factory=dict)
    watcher: Callable[[CallView], None] = lambda _: None

    def live(self) -> list[CallView]:
        return list(self.views.values())

    def view(self, call: str) -> CallView | None:
        return self.views.get(call)

    async def originate(self, source: str, to: Destination, actor: str) -> str:
        self.orders.append(("originate", source, str(to), actor))
        return "c1"

    async def hang_up(self, call: str, actor: str, reason: str = "") -> None:
        if call not in self.views:
            raise NotFound(f"there is no call {call}")
        self.orders.append(("hang_up", call, actor))

    def watch(self, handler: Callable[[CallView], None], is_wanted: Callable[[], bool] = lambda: True) -> Callable[[], None]:
        self.watcher = handler
        return lambda: None

    async def start_widget(
        self, session: Any, to: Destination, context: Mapping[str, str], name: str = "", max_duration: float = 0.0
    ) -> str:
        self.orders.append(("widget", str(to), dict(context), name))
        return "c9"


@dataclass
class Supervisors:
    orders: list[tuple[Any, ...]]

    def of(self, supervisor: str) -> None:
        return None

    def views(self) -> list[WatchView]:
        return []

    def start(self, wish: Wish) -> WatchView:
        self.orders.append(("monitor", wish.call, wish.supervisor, wish.mode.value, wish.actor))
        return WatchView(wish.supervisor, wish.mode.value, "supervising", wish.call, "li", "", wish.device, wish.follow, 1.0)

    def take(self, call: str, supervisor: str, *, actor: str, device: str) -> None:
        self.orders.append(("intercept", call, supervisor, actor, device))

    def release_party(self, call: str, participant: str, *, reason: str, actor: str) -> None:
        self.orders.append(("release", call, participant, reason, actor))


@dataclass
class Floor:
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    watchers: dict[str, Any] = field(default_factory=dict)
    offers: dict[str, OfferView] = field(default_factory=dict)

    def agents(self) -> list[AgentView]:
        return [agent_view("li"), agent_view("wu")]

    def agent(self, login: str) -> AgentView:
        if login not in ("li", "wu"):
            raise NotFound(f"there is no agent {login}")
        return agent_view(login)

    def queues(self) -> list[QueueView]:
        return [QueueView(name="sales", strategy="longest_idle", calls=(), agents={}, longest_wait_ms=0, offered=0, answered=0,
                          abandoned=0, service_level=None)]  # fmt: skip

    def queue(self, name: str) -> QueueView:
        return self.queues()[0]

    def offer_of(self, login: str) -> OfferView | None:
        return self.offers.get(login)

    async def set_state(self, login: str, state: str, reason: str, actor: str, station: str = "") -> AgentView:
        self.orders.append(("state", login, state, reason, actor))
        if state == "wrap_up_done":
            raise Conflict("there is no wrap-up to end")
        return agent_view(login, state)

    async def choose_station(self, login: str, station: str) -> AgentView:
        self.orders.append(("station", login, station))
        return agent_view(login)

    async def set_skills(self, login: str, skills: Any, queues: Any, until: float, actor: str) -> AgentView:
        self.orders.append(("skills", login, skills, queues, until, actor))
        return agent_view(login)

    async def wrap_up(self, login: str, action: str, *, codes: tuple[str, ...] = (), reason: str = "") -> AgentView:
        self.orders.append(("wrap_up", login, action, codes, reason))
        if action == "done":
            raise Conflict("there is no wrap-up to end")
        return agent_view(login)

    def last_call(self, login: str) -> str:
        return ""

    def disposed(self, login: str, call: str, codes: tuple[str, ...]) -> None:
        self.orders.append(("disposed", login, call, codes))

    async def pick(self, login: str, call: str) -> None:
        self.orders.append(("pick", login, call))

    async def act(self, login: str, command: str, values: Mapping[str, Any], actor: str = "") -> Mapping[str, Any]:
        self.orders.append(("act", login, command, dict(values), actor))
        return {"call": "c1"}

    async def act_in(
        self, call: str, command: str, values: Mapping[str, Any], actor: str, agent: str = ""
    ) -> Mapping[str, Any]:
        self.orders.append(("act_in", call, command, dict(values), actor, agent))
        return {"call": call}

    def desk_connected(self, login: str) -> None:
        self.orders.append(("connected", login))

    def desk_lost(self, login: str) -> None:
        self.orders.append(("lost", login))

    def __getattr__(self, name: str) -> Any:
        if name not in ("accept", "reject", "hold", "resume", "hang_up", "dial", "press"):
            raise AttributeError(name)

        async def order(*arguments: Any) -> str:
            self.orders.append((name, *arguments))
            return "c1"

        return order

    def watch(self, **handlers: Any) -> Callable[[], None]:
        self.watchers = handlers
        return lambda: None


class Clicks:
    def __init__(self) -> None:
        self.expired = False

    def issue(
        self, to: Destination, origin: str, address: str = "", max_duration: float = 1800.0, seconds: float = 120.0
    ) -> tuple[str, float]:
        return f"{to}|{origin}", 1_700_000_900.0

    def verify(self, token: str, origin: str, address: str = "") -> SimpleNamespace:
        to, _, bound = token.partition("|")
        if bound != origin or self.expired:
            raise Forbidden("the token is for another site")
        return SimpleNamespace(to=Destination.parse(to), max_duration=1800.0)

    def redeem(self, token: str, origin: str, address: str, wanted: str = "") -> SimpleNamespace:
        ticket = self.verify(token, origin, address)
        if wanted not in ("", str(ticket.to)):
            raise Forbidden("the token is for another destination")
        return ticket

    async def check_person(self, said: str, address: str) -> None:
        """Nobody is asked."""


@dataclass
class Web:
    """The application under test: `client(login)` is signed in, `program(role)` has a bearer token."""

    services: Services
    calls: Calls
    floor: Floor
    clock: ManualClock
    server: TestServer
    clients: list[TestClient[Any, Any]] = field(default_factory=list)

    def anonymous(self) -> TestClient[Any, Any]:
        client = TestClient(self.server)
        self.clients.append(client)
        return client

    async def client(self, login: str) -> tuple[TestClient[Any, Any], dict[str, str]]:
        """A person's browser and the headers of its unsafe requests."""
        client = self.anonymous()
        code = await self.services.users.make_link(login)
        reply = await client.post("/api/v1/auth/link", json={"code": code})
        return client, {"X-CSRF-Token": (await reply.json())["csrf"]}

    async def program(self, role: Role) -> dict[str, str]:
        name = f"{role}-{len(self.services.directory.current().tokens)}"
        return {"Authorization": f"Bearer {await self.services.users.add_token(name, role, 'tests')}"}


def _no_call(call: str) -> Call:
    raise NotFound("no live call has this id")


def _parts(services: Services, calls: Calls, root: Path) -> dict[type, Any]:
    """Recordings and messages are the real ones, supervision is a double that keeps its orders."""
    store, clock, alarms, bus = services.store, services.clock, services.alarms, services.bus
    keeper = Keeper(root / "recordings", clock, bus.publish, alarms)
    supervisors: Any = Supervisors(calls.orders)
    alerting: Any = AlertingParts(
        alarms=alarms, store=store, clock=clock, directory=services.directory.current, journal=bus.publish, put=lambda _: None,
        mail=SimpleNamespace(configured=False), post=services.bus.publish,
    )  # fmt: skip
    reports = Reports(store, services.directory.current, clock)
    schedules: Any = ScheduleParts(
        reports=reports, store=store, directory=services.directory.current, clock=clock,
        mailer=SimpleNamespace(configured=False), alarms=alarms,  # type: ignore[arg-type]
    )  # fmt: skip
    media, ids = MediaService(FakeEngine()), Ids(lambda: "1")
    return {
        Conferences: Conferences(Means(media=media, directory=services.directory.current, clock=clock, keeper=keeper, ids=ids)),
        ParkingLot: ParkingLot(),
        Reports: reports,
        Schedules: Schedules(schedules),
        Alerting: Alerting(alerting),
        Reserve: _reserve(services),
        Certificates: Certificates(clock),
        Provisioning: Provisioning(
            services.directory.current,
            Registrar(clock, lambda _event: None),
            lambda _command: None,
            services.directory.cipher.derived,
            (5061, "tls"),
            clock,
            "softswitch",
        ),
        TollGuard: TollGuard(TollRules(), clock, services.alarms),
        Defence: Defence(Bans(BanRules()), Budget(Limits()), clock, lambda _event: None, services.alarms, root / "d.json"),
        Archive: Archive(store, keeper, clock, bus.publish, Watch(store, keeper, clock, alarms)),
        Supervision: supervisors,
        Streams: Streams(MediaService(FakeEngine()), services.clock, lambda: "s1", _no_call),
        Siprec: _no_servers(),
        Traces: Traces(Messages(services.clock.utc), lambda _leg: "", services.clock, TraceForm()),
        Interception: supervisors,
        **_dialogue(services, keeper, root),
        **_sounds(services, root),
        Webhooks: Webhooks(
            store, clock, services.directory.current, alarms.raise_, alarms.clear, Wire(clock, "0", seconds=0.5)
        ),
        HelpDesk: HelpDesk(supervisors, bus.publish, clock, services.directory.current, lambda _: "c1"),
    }


def _no_servers() -> Siprec:
    """Its routes find no live call here."""
    desk: Any = None
    return Siprec(desk, tuple)


def _reserve(services: Services) -> Reserve:
    """Of the queues that the directory gives a tier; nobody waits, nobody is moved."""

    async def nothing(*_: object) -> None:
        return None

    return Reserve(
        ReserveParts(
            clock=services.clock, directory=services.directory.current, facts=list, arrivals=lambda _: 0, usual=nothing,
            journal=services.bus.publish, put=lambda _: None, alarms=services.alarms, enlist=nothing, dismiss=nothing,
            tell=nothing,
        )
    )  # fmt: skip


def _dialogue(services: Services, keeper: Keeper, root: Path) -> dict[type, Any]:
    """Flows and mailboxes; nobody plays anything."""
    store, clock, directory, spool = services.store, services.clock, services.directory, Spool(services.store)
    prompts: Any = SimpleNamespace(forget=lambda name, language: None)
    voicemail = Voicemail(
        MailboxParts(
            directory=directory.current, store=store, spool=spool, keeper=keeper,
            greetings=Greetings(root, prompts, Preparer(root / "cache")),
            journal=services.bus.publish, clock=clock, data_dir=root, token=lambda: "1",
        )
    )  # fmt: skip
    studio = Studio(root / "prompts", lambda name, language: None, Preparer(root / "cache"))
    slots = AnnouncementBook(store, spool, clock, services.bus.publish, studio)
    ivr = IvrService(directory=directory.current, clock=clock, desk=replace(empty_desk(), slots=slots))
    pins, statistics = PinBook(store, clock, services.bus.publish), FlowStatistics(store)
    found = (voicemail, slots, ivr, FlowVersions(store, directory, clock), statistics, pins, spool)
    return {type(part): part for part in found}


def _sounds(services: Services, root: Path) -> dict[type, Any]:
    """Prompts of the operator's own; no engine speaks."""
    own, preparer = root / "prompts", Preparer(root / "cache" / "prompts")
    store = PromptStore(EnginePump(FakeEngine()), EngineIds(), [own, SHIPPED], preparer=preparer, own=own)
    speech = Speech(ENGINES[""](SpeechSettings()), preparer, root / "cache" / "speech", services.alarms, octets=1, patience=5)
    return {Shelf: Shelf(own, store, preparer), Speech: speech}


class NoCalls:
    """For screen pops: no call is live."""

    def get(self, call_id: str) -> Any:
        raise NotFound(f"no call {call_id}")


async def _customers(services: Services) -> dict[type, Any]:
    """The real book; no call is live."""
    numbers = itertools.count(1)
    book = CustomerBook(
        services.store, services.clock, services.directory.current, services.bus.publish, lambda: str(next(numbers))
    )
    await book.load()
    pops = ScreenPops(book, NoCalls(), services.directory.current, services.clock, services.part(Spool))
    return {CustomerBook: book, ScreenPops: pops}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Web]:
    clock, bus = ManualClock(), Bus()
    schemas = (
        directory_service.SCHEMA,
        RECORDINGS,
        WEBHOOKS,
        IVR,
        VOICEMAIL,
        ACD,
        CALENDAR,
        LISTS,
        ALERTING,
        CUSTOMERS,
        TRACE,
        REGISTRAR,
    )
    store = await Store.open(f"sqlite:///{tmp_path}/test.db", schemas)
    directory = await Directory.open(store, clock, tmp_path, bus.publish)
    users = Users(directory, clock)
    for login, role in LOGINS.items():
        await users.add(login, login, role, "tests")
    agents = [Change(Action.CREATE, Kind.AGENT, login, Agent(login=login, queues=("sales",))) for login in ("li", "wu")]
    mailboxes = [
        Change(Action.CREATE, Kind.MAILBOX, name, Mailbox(name=name, owner=owner)) for name, owner in MAILBOXES.items()
    ]
    await directory.change([*agents, *mailboxes], "tests")
    readiness = Readiness("listeners")
    calls, floor = Calls(), Floor()

    async def apply(text: str, filename: str, dry_run: bool, actor: str) -> dict[str, Any]:
        if "wrong" in text:
            return {"plan": [], "errors": [{"line": 1, "key": "x", "text": f"{filename}:1: x: expected y"}], "secrets": {}}
        return {"plan": [{"action": "create", "object": "queue sales"}], "errors": [], "secrets": {}, "applied": not dry_run}

    async def status() -> dict[str, Any]:
        return {"version": "0"}

    services = Services(
        settings=Settings(), clock=clock, bus=bus, store=store, directory=directory, users=users,
        alarms=Alarms(bus.publish, clock), readiness=readiness, calls=calls, floor=floor,
        browsers=SimpleNamespace(close=lambda login: None, offer=None, widget=None), clicks=Clicks(),
        trunks=SimpleNamespace(views=list), registrar=SimpleNamespace(views=list), recordings=SimpleNamespace(),
        metrics=lambda: b"softswitch_calls_active 0\n", apply=apply, status=status, started_at=0.0, version="0",
        demo=Demo(to="flow:main", links={}), parts={
            Editor: Editor(directory, Rules), Entrance: Entrance(users), Audit: Audit(store, clock, tmp_path),
        },
    )  # fmt: skip
    services.parts.update(_parts(services, calls, tmp_path))  # type: ignore[attr-defined]
    services.parts[MaliciousCalls] = MaliciousCalls(  # type: ignore[attr-defined]
        services.clock,
        SimpleNamespace(),
        SimpleNamespace(handlers={}),
        services.alarms,  # type: ignore[arg-type]
    )
    services.parts[PersonalServices] = PersonalServices(  # type: ignore[attr-defined]
        services.directory.current, services.bus.publish, services.clock
    )
    services.parts.update(queue_parts(services, services.part(Spool)))  # type: ignore[attr-defined]
    services.parts.update(await _customers(services))  # type: ignore[attr-defined]
    spooling = asyncio.get_running_loop().create_task(services.part(Spool).run())
    await services.part(Webhooks).start()
    server = TestServer(create_app(services))
    await server.start_server()
    web = Web(services, calls, floor, clock, server)
    yield web
    for client in web.clients:
        await client.close()
    await server.close()
    spooling.cancel()
    await services.part(Webhooks).close()
    await store.close()
