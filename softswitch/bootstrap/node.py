"""One node: everything is built, wired and started here in order, and taken down in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from media.commands import Jitter
from media.credentials import node_identity
from media.engine import MediaEngine, native_engine
from media.service import MediaService
from signalling import commands as sip
from signalling.endpoint import EndpointConfig
from signalling.events import Counted, Flow, NamedDialog
from signalling.events import Event as SipEvent
from signalling.transports import Resolver, SipDriver
from signalling.usage.config import SCANNERS
from softswitch import __version__
from softswitch.access.rules import sign_in_rules
from softswitch.acd import service as acd_service
from softswitch.acd import workday
from softswitch.acd.desks import AcdDesks
from softswitch.acd.floor import Floor
from softswitch.acd.service import AcdService
from softswitch.acd.store import agent_history, calls_since, visits_since
from softswitch.bootstrap import configuring, demo
from softswitch.bootstrap.certificate import certificates_of
from softswitch.bootstrap.configuring import missing_codecs, operator_as_set
from softswitch.bootstrap.figures import Figures, StatusPage
from softswitch.bootstrap.parts import PARTS
from softswitch.bootstrap.parts.defence import ban_rules
from softswitch.bootstrap.recording import recordings_as_set
from softswitch.bootstrap.schemas import SCHEMAS
from softswitch.bootstrap.signing import stir_as_set
from softswitch.bootstrap.switch import Parts, Switch
from softswitch.bootstrap.tracing import Observer
from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.config.settings import Settings
from softswitch.directory.model import Extension
from softswitch.directory.service import Directory
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.users import Users
from softswitch.legs.studio import AddressBook
from softswitch.model.destination import DestinationKind
from softswitch.model.errors import Invalid
from softswitch.observe.alarms import Alarms
from softswitch.observe.certificates import Certificates
from softswitch.observe.clock import SystemClock
from softswitch.observe.feed import MetricsFeed
from softswitch.observe.health import Readiness
from softswitch.observe.lag import watch_loop
from softswitch.observe.metrics import Metrics
from softswitch.reports.recorder import Recorder
from softswitch.reports.targets import targets_of
from softswitch.services import Demo, Services
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from softswitch.watching import service as watching

log = structlog.get_logger("node")

MakeEngine = Callable[[Settings], MediaEngine]
RECORDINGS_SECONDS = 3.0
"""How long the end waits for recordings to be closed and hashed."""
PROMPTS = Path(__file__).resolve().parents[1] / "prompts"


def make_native_engine(settings: Settings) -> MediaEngine:
    """The Rust engine. Raises OSError when it is not built or its addresses cannot be bound."""
    media = settings.media
    recordings = settings.data_dir / "recordings"
    try:
        return native_engine(
            media.listen, media.ports.first, media.ports.last, media.workers, str(recordings.resolve()), media.webrtc_port,
            media.tcp_port, media.plugins,
        )  # fmt: skip
    except ImportError as fault:
        raise OSError(str(fault)) from fault


class Node:
    """`async with Node(settings) as node` is a running switch without pages; `services` is what pages are made of."""

    def __init__(self, settings: Settings, *, make_engine: MakeEngine = make_native_engine) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.bus = Bus()
        self.readiness = Readiness("directory", "recordings", "sip")
        self.demo: Demo | None = None
        self.extensions: Mapping[str, Extension] = {}
        self.parts: dict[type, object] = {}
        self.started_at = self.clock.utc()
        self.on_counted: Callable[[Counted], None] = lambda _event: None
        self._make_engine = make_engine
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[Any]] = []

    async def open(self) -> None:
        """The database, what a crash left behind, and the directory. Raises OSError, SQLAlchemyError, ValueError."""
        settings = self.settings
        self.recordings = settings.data_dir / "recordings"
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # before the database makes it
        self.recordings.mkdir(mode=0o700, exist_ok=True)
        self.store = await Store.open(settings.database_url, SCHEMAS)
        self._stack.push_async_callback(self.store.close)
        self.directory = await Directory.open(self.store, self.clock, settings.data_dir, self.bus.publish)
        recorder = Recorder(targets_of(self.directory.current), self._channels)
        self.journal = Journal(
            self.store, self.bus.publish, self.clock, fold, keep_days=settings.recordings.keep_days, followers=[recorder]
        )
        self.alarms = Alarms(self.journal.append, self.clock)
        self.journal.watch(self.alarms)
        lost = await self.journal.recover()
        self.journal.start()
        self._stack.push_async_callback(self.journal.close)
        if lost:
            log.warning("= calls interrupted by a crash", count=len(lost))
        self.users = Users(self.directory, self.clock, rules=sign_in_rules(settings.access))
        self.certificates = certificates_of(settings, self.clock)
        self.parts[Certificates] = self.certificates
        self.readiness.set("directory", ok=True)

    async def start(self) -> None:
        """Media, call handling and the call centre; then the SIP listeners. Raises OSError with the address that is taken."""
        self._start_media()
        self.switch = self._make_switch()
        await self.switch.keeper.recover(self.store)
        await self.journal.flush()
        self.readiness.set("recordings", ok=True)
        await self._start_centre()
        await self.switch.load_music()
        await self.switch.trunks.resolve()
        await self._listen()
        self._follow()
        self.readiness.set("sip", ok=True)

    def _channels(self, trunk: str) -> int:
        return self.switch.trunks.channels(trunk)

    def _start_media(self) -> None:
        engine = self._make_engine(self.settings)
        own = self.settings.data_dir / "prompts"
        self.media = MediaService(
            engine, prompt_roots=[own, PROMPTS, self.settings.data_dir], fallback_languages=("zh-CN", "en"),
            on_missing_prompt=self._prompt_missing, country=self.settings.media.tones,
            own_prompts=own, prompt_cache=self.settings.data_dir / "cache" / "prompts",
        )  # fmt: skip
        self.media.start()
        self._stack.callback(self.media.close)

    def _prompt_missing(self, name: str, language: str, reason: str) -> None:
        log.warning("! prompt left out", prompt=name, language=language, reason=reason)

    def _make_switch(self) -> Switch:
        settings = self.settings
        addresses = AddressBook(settings.media.advertise, settings.media.listen)
        form, depot = recordings_as_set(settings.recordings)
        switch = Switch(
            Parts(
                clock=self.clock, journal=self.journal.append, media=self.media, directory=self.directory.current,
                submit=self.submit, recordings=self.recordings, alarms=self.alarms, identity=node_identity(),
                address_for=addresses.address_for, addresses=addresses.addresses, max_calls=settings.sip.max_calls,
                form=form, depot=depot, fallback=settings.recordings.fallback,
                conference_ends_with_owner=settings.features.conference_ends_with_owner,
                code_plan=settings.features.plan, transfer_ring=settings.features.transfer_ring,
                transfer_keys=settings.features.transfer_keys,
                park_timeout=settings.features.park_timeout, operator=operator_as_set(settings.features.operator),
                dialog_of=self._dialog_of,
                stir=stir_as_set(settings.stir, self.clock),
                tcp_port=settings.media.tcp_port,
                jitter=Jitter(settings.media.jitter_min, settings.media.jitter_max),
                codecs=settings.media.codecs, missing_codecs=missing_codecs(settings.media.plugins),
                room_agc=settings.media.room_agc, room_gate=settings.media.room_gate,
            )
        )  # fmt: skip
        advertise = None if settings.sip.advertise in ("", "auto") else self._advertised(settings.sip.advertise)
        config = EndpointConfig(
            realm=settings.sip.realm, advertise=advertise, overload_lag=settings.sip.overload_ms / 1000,
            emergency=frozenset(settings.sip.emergency),
            scanners=(*SCANNERS, *(word.lower() for word in settings.security.scanners)),
            bans=ban_rules(settings.security, settings.sip.edges),
            events=watching.PACKAGES, publishes=watching.PUBLISHES, messages=True,
            edges=frozenset(str(ip_address(text)) for text in settings.sip.edges),
        )  # fmt: skip
        self.observer = Observer(settings.sip, self.clock)
        self.driver = SipDriver(
            config, switch.peers, self._heard, trace=self.observer.note, tls=self.certificates.sip,
            client_tls=switch.trunks.tls_for, origins=settings.sip.ws_origins,
        )  # fmt: skip
        switch.peers.proved, switch.peers.realm = self.driver.proved, settings.sip.realm
        switch.origin_of = self.driver.origin
        families = tuple(dict.fromkeys("ipv6" if ":" in listen.host else "ipv4" for listen in settings.sip.listen))
        switch.trunks.resolver = Resolver(settings.sip.dns_servers, families or ("ipv4",))
        return switch

    def _dialog_of(self, leg: str) -> NamedDialog | None:
        return self.driver.endpoint.dialog_of(leg)

    async def _sip_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        """SIP over WebSocket at the pages' own address, for networks that let nothing else through."""
        listen = self.settings.http.listen
        return await self.driver.websocket(request, (listen.host, listen.port))

    def submit(self, command: sip.Command) -> None:
        """A command to signalling."""
        self.driver.submit(command)

    def _heard(self, event: SipEvent) -> None:
        if isinstance(event, Counted):
            self.figures.note(event)
            self.on_counted(event)
            if event.what == "tls-handshake":
                log.info("! TLS handshake failed", source=event.flow.remote[0], reason=event.detail)
        else:
            self.switch.heard(event)

    async def _start_centre(self) -> None:
        switch, current = self.switch, self.directory.current
        self.acd = AcdService(
            directory=current, journal=self.journal.append, clock=self.clock, ids=switch.ids, stations=switch.stations
        )
        history = await self.store.read(agent_history)
        midnight = datetime.fromtimestamp(self.clock.utc(), UTC).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        records = await self.store.read(lambda connection: calls_since(connection, midnight.timestamp()))
        visits = await self.store.read(lambda connection: visits_since(connection, midnight.timestamp()))
        self.acd.start(history, records, visits)
        self._stack.callback(self.acd.close)
        switch.handlers[DestinationKind.QUEUE] = self.acd.to_queue
        switch.calls.on_over = self.acd.call_over
        self.bus.subscribe(self.acd.note_call, acd_service.NOTED)
        desks = switch.stations.desks = AcdDesks(self.acd, switch.calls.get, switch.ids.offer)
        self.floor = switch.codes.agents = Floor(self.acd, switch.control, switch.stations, desks)
        self.floor.workdays.restore(history)
        self.bus.subscribe(self.floor.workdays.note, workday.NOTED)
        metrics = Metrics()
        feed = MetricsFeed(metrics, self.bus, self.clock)
        metrics.outbox_pending.set_function(lambda: self.journal.pending)
        self.figures = Figures(metrics, feed, switch, lambda: self.driver.endpoint.traffic, self.alarms)
        self.media.watch(self.figures.watch)
        self.metrics = metrics
        self._stack.callback(self.directory.on_change(self._directory_changed))
        for build in PARTS:
            part = await build(self)
            self.parts[type(part)] = part

    def _directory_changed(self, snapshot: Snapshot) -> None:
        former = self.extensions
        self.extensions = dict(snapshot.extensions)
        for number, extension in former.items():
            now = snapshot.extensions.get(number)
            if now is None or now.ha1 != extension.ha1:
                self.submit(sip.DropBindings(number))
        self.switch.trunks.configure(snapshot)
        self.acd.directory_changed(snapshot)

    async def _listen(self) -> None:
        self.extensions = dict(self.directory.current().extensions)
        self._stack.push_async_callback(self.driver.stop)
        for listen in self.settings.sip.listen:
            try:
                await self.driver.start([str(listen)])
            except OSError as fault:
                advice = f"cannot listen on {listen}: {fault.strerror or fault}; softswitch doctor says what to do"
                raise OSError(f"sip.listen: {advice}") from fault
        log.info("= listening", sip=self.driver.bound)

    def _follow(self) -> None:
        """What runs beside calls. A task that ends by a fault is reported by `_watch`."""
        self.run(self.switch.keeper.keep_sweeping(self.store), "recordings")
        self.run(self.switch.trunks.keep_watching(), "trunks")
        self.run(self.directory.follow(), "directory")
        self.run(self.certificates.follow(), "certificates")
        self.run(watch_loop(self.clock, self.metrics.loop_lag.set, self.alarms), "loop lag")

    def run(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """A task beside calls, cancelled at the end; a fault that ends it raises an alarm."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._watch)
        self._tasks.append(task)

    def reload(self) -> None:
        """SIGHUP: certificates anew; what is faulty is logged and the former ones stay."""
        if (certificates := self.parts.get(Certificates)) is not None:
            assert isinstance(certificates, Certificates)
            with contextlib.suppress(Invalid):
                certificates.reload()

    def on_close(self, callback: Callable[[], object]) -> None:
        """Called when the node goes down, newest first."""
        self._stack.callback(callback)

    def on_close_async(self, callback: Callable[[], Awaitable[object]]) -> None:
        """The same for what takes time."""
        self._stack.push_async_callback(callback)

    def _watch(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.critical("! task ended", task=task.get_name(), exc_info=fault)
            self.alarms.raise_("task_ended", "critical", f"The task {task.get_name()!r} ended by a fault; restart the switch")

    @property
    def services(self) -> Services:
        switch, settings = self.switch, self.settings
        status = StatusPage(settings, switch, self.alarms, self.floor.agents, self.started_at)
        status.listeners = (*self.driver.bound, f"http:{settings.http.listen}")

        async def apply(text: str, filename: str, dry_run: bool, actor: str) -> Any:
            return await configuring.apply_text(self.directory, settings, text, filename, dry_run=dry_run, actor=actor)

        return Services(
            settings=settings, clock=self.clock, bus=self.bus, store=self.store, directory=self.directory, users=self.users,
            alarms=self.alarms, readiness=self.readiness, calls=switch.calls, floor=self.floor, browsers=switch.browsers,
            clicks=switch.clicks, trunks=switch.trunks, registrar=switch.registrar, recordings=switch.keeper,
            metrics=self.figures.render, apply=apply, status=status, started_at=self.started_at, version=__version__,
            listeners=status.listeners, parts=self.parts,
            demo=self.demo, sip_socket=self._sip_socket,
        )  # fmt: skip

    async def fill_demo(self, say: Callable[[str], None]) -> None:
        """Demo content, and the lines that tell where everything is."""
        secrets = await demo.fill(self.directory, self.settings)
        self.demo = await demo.welcome(self.users, self.settings, secrets, say)

    async def drain(self, seconds: float) -> None:
        """No new calls; live ones may go on for `seconds`, then they get their BYE."""
        self.readiness.set("sip", ok=False, text="draining")
        self.switch.calls.refuse_new()
        self.submit(sip.Drain())
        await self.switch.calls.drain(seconds)
        await self.switch.keeper.settled(RECORDINGS_SECONDS)

    def _advertised(self, text: str) -> Any:
        """What signalling writes of ourselves: one address for all, or one for each interface that a peer may be behind."""
        if "=" not in text:
            return _fixed(text)
        return by_interface(text, lambda flow: self.driver.advertise(flow))  # noqa: PLW0108 - the driver is made after this

    async def close(self) -> None:
        """Everything down, newest first; what was emitted is committed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()


def by_interface(text: str, way: Callable[[Flow], tuple[str, int]]) -> Callable[[Flow], tuple[str, int]]:
    """`LOCAL=SHOWN, …`: what is shown instead of each address of ours, which `way` finds by the route to the peer."""
    pairs = (part.partition("=") for part in text.split(","))
    shown = {local.strip(): host.strip() for local, _, host in pairs}

    def of(flow: Flow) -> tuple[str, int]:
        host, port = way(flow)
        return shown.get(host, host), port

    return of


def _fixed(text: str) -> Any:
    """`host` or `host:port` as the fixed pair that signalling writes; the port of the listener is kept when none is given."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    if port:
        return (host, int(port))
    return lambda flow: (text, flow.local[1])
