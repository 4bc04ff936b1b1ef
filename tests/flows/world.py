"""A switch in virtual time with a fake engine, and SIP peers in memory: whole calls, asserted by what is seen and heard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from media.credentials import node_identity
from media.fake import FakeEngine
from media.service import MediaService
from signalling import commands as sip
from signalling import events as sig
from signalling.auth import OFFERED, ha1
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.testing import counting_token, open_book
from softswitch.bootstrap.switch import Parts, Switch
from softswitch.calls.cdr import fold
from softswitch.calls.supervision import Supervision
from softswitch.calls.supervision_intercept import Interception
from softswitch.directory.model import Agent, Extension, Kind, Number, Object, Queue, Route, Trunk, User
from softswitch.directory.snapshot import Snapshot
from softswitch.model.address import Address
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.events import CallCreated, Event
from softswitch.model.ids import Ids
from softswitch.model.states import Role
from softswitch.store.rows import CdrRow
from softswitch.watching import service as watching
from tests.flows.virtual_loop import LoopClock, VirtualLoop
from tests.support.topology import Seen, leaks

SWITCH = ("192.0.2.100", 5060)
WIRE_SECONDS = 0.001
IDENTITY = node_identity()
PROMPTS = {"default": 10_000, "welcome": 2_000, "main-menu": 3_000}

G711 = "0 8 101"
_RTPMAPS = {
    "0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000", "101": "telephone-event/8000",
}  # fmt: skip


def sdp(host: str = "192.0.2.1", port: int = 4000, formats: str = G711, direction: str = "sendrecv", version: int = 1) -> bytes:
    """A phone's description."""
    maps = "".join(f"a=rtpmap:{number} {_RTPMAPS[number]}\r\n" for number in formats.split())
    return (
        f"v=0\r\no=- 7 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {formats}\r\n{maps}a={direction}\r\n"
    ).encode()


class Network:
    """Datagrams between endpoints, 1 ms apart. `lost` swallows what goes to those hosts."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.lost: set[str] = set()
        self.ladder: list[tuple[str, str, str]] = []  # from host, to host, first line
        self.wire: list[Seen] = []
        self.observer: Callable[[str, bytes, sig.Flow], None] = lambda _way, _data, _flow: None
        self._loop = loop
        self._nodes: dict[tuple[str, int], Node] = {}

    def add(self, node: Node) -> None:
        self._nodes[node.address] = node

    def send(self, data: bytes, source: tuple[str, int], target: tuple[str, int]) -> None:
        self.ladder.append((source[0], target[0], data.partition(b"\r\n")[0].decode()))
        peer = target[0] if source == SWITCH else source[0]
        self.wire.append(Seen(peer, source == SWITCH, data))
        other = target if source == SWITCH else source
        self.observer(">" if source == SWITCH else "<", data, sig.Flow("udp", SWITCH, other))
        if target[0] not in self.lost and target in self._nodes:
            self._loop.call_later(WIRE_SECONDS, self._nodes[target].receive, data, source)

    def requests(self, method: str, *, to: str = "", source: str = "") -> int:
        """How many requests of a method went to (or came from) a host, retransmissions included."""
        return sum(
            line.startswith(f"{method} ") and (not to or to == there) and (not source or source == here)
            for here, there, line in self.ladder
        )

    def messages(self, *, to: str) -> int:
        return sum(there == to for _, there, _ in self.ladder)


class Node:
    """One endpoint on the network. `on_event` gets what comes up."""

    def __init__(self, network: Network, loop: VirtualLoop, address: tuple[str, int], endpoint: Endpoint) -> None:
        self.address = address
        self.endpoint = endpoint
        self.on_event: Callable[[sig.Event], None] = lambda _event: None
        self._network = network
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        network.add(self)

    def submit(self, command: sip.Command) -> None:
        if isinstance(command, sip.Invite | sip.Register | sip.Options) and not command.flow.local[1]:
            flow = command.flow._replace(local=self.address)
            command = type(command)(**{**_fields(command), "flow": flow})  # type: ignore[arg-type]
        self._pump(self.endpoint.submit(command, self._loop.now))

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        self._pump(self.endpoint.receive(data, sig.Flow("udp", self.address, source), self._loop.now))

    def _pump(self, output: Output) -> None:
        for data, flow in output.transmits:
            self._network.send(data, self.address, flow.remote)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if output.deadline is not None:
            self._timer = self._loop.call_at(output.deadline, self._timeout)
        for event in output.events:
            self.on_event(event)

    def _timeout(self) -> None:
        self._timer = None
        self._pump(self.endpoint.handle_timeout(self._loop.now))


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


class Peer:
    """A phone or carrier of the tests: places calls, and does with incoming ones what the test says."""

    def __init__(self, world: World, host: str, port: int = 5060, *, number: str = "") -> None:
        self.world = world
        self.number = number
        self.host = host
        name = host.replace(".", "-")
        self.node = Node(
            world.network, world.loop, (host, port),
            Endpoint(EndpointConfig(user_agent=f"device-{name}", messages=True), open_book(), counting_token(f"p{name}x")),
        )  # fmt: skip
        self.node.on_event = self._heard
        self.events: list[sig.Event] = []
        self.incoming: list[sig.IncomingCall] = []
        self.on_call: Callable[[sig.IncomingCall], None] = lambda _call: None
        self.on_modify: Callable[[sig.ModifyRequested], None] = self._accepts
        self._waiters: list[tuple[Callable[[sig.Event], bool], asyncio.Future[sig.Event]]] = []
        self._legs = 0

    # what it does

    def register(self, password: str = "secret") -> None:
        flow = sig.Flow("udp", self.node.address, SWITCH)
        self.node.submit(
            sip.Register("me", "sip:softswitch", flow, self.number, sip.Login(self.number, password), 3600, self.number)
        )

    def call(self, to: str, *, body: bytes | None = b"", caller: str = "", login: bool = True) -> str:
        """Sends an INVITE; the leg's id."""
        self._legs += 1
        leg = f"call{self._legs}"
        content = sdp(self.host) if body == b"" else body
        self.node.submit(
            sip.Invite(
                leg, f"sip:{to}@{SWITCH[0]}", sig.Flow("udp", self.node.address, SWITCH),
                sig.Identity(caller or self.number, "softswitch", "Name"), to,
                sig.Body(content) if content is not None else None,
                login=sip.Login(self.number, "secret") if login and self.number else None,
            )
        )  # fmt: skip
        return leg

    def answers(self, *, after: float = 0.5, formats: str = G711, ring: bool = True, early: bool = False) -> None:
        """Rings and answers every call."""

        def react(call: sig.IncomingCall) -> None:
            body = sig.Body(sdp(self.host, formats=formats))
            if ring:
                self.node.submit(sip.Ring(call.leg, body if early else None))
            self.world.loop.call_later(after, self.node.submit, sip.Answer(call.leg, body))

        self.on_call = react

    def rings(self) -> None:
        self.on_call = lambda call: self.node.submit(sip.Ring(call.leg))

    def rejects(self, status: int, q850: int = 0) -> None:
        self.on_call = lambda call: self.node.submit(sip.Reject(call.leg, status, q850=q850))

    def hang_up(self, leg: str = "", q850: int = 16) -> None:
        self.node.submit(sip.HangUp(leg or self.incoming[-1].leg, q850=q850))

    def modify(self, leg: str, direction: str, version: int = 2) -> None:
        self.node.submit(
            sip.Modify(leg or self.incoming[-1].leg, sig.Body(sdp(self.host, direction=direction, version=version)))
        )

    def _accepts(self, event: sig.ModifyRequested) -> None:
        self.node.submit(sip.AcceptModify(event.leg, sig.Body(sdp(self.host, version=9))))

    # what it sees

    def _heard(self, event: sig.Event) -> None:
        self.events.append(event)
        if isinstance(event, sig.IncomingCall):
            self.incoming.append(event)
            self.on_call(event)
        if isinstance(event, sig.ModifyRequested) and event.body is not None:
            self.on_modify(event)
        for wanted, waiter in self._waiters:
            if not waiter.done() and wanted(event):
                waiter.set_result(event)

    async def sees(self, kind: type[E], seconds: float = 60.0) -> E:
        """The next (or an earlier) event of a kind; each is given out once."""
        for event in self.events:
            if isinstance(event, kind):
                self.events.remove(event)
                return event
        waiter: asyncio.Future[sig.Event] = self.world.loop.create_future()
        entry = (lambda event: isinstance(event, kind), waiter)
        self._waiters.append(entry)
        async with asyncio.timeout(seconds):
            event = await waiter
        self._waiters.remove(entry)
        self.events.remove(event)
        assert isinstance(event, kind)
        return event

    @property
    def port(self) -> int:
        """The switch's media port toward this peer that is open now."""
        found = [
            number for number, port in self.world.engine.ports.items()
            if port.command.remote is not None and port.command.remote[0] == self.host
        ]  # fmt: skip
        assert found, f"no port toward {self.host}"
        return found[-1]


E = TypeVar("E", bound=sig.Event)  # type: ignore[valid-type]


@dataclass
class NoAlarms:
    raised: list[tuple[str, str]] = field(default_factory=list)

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        self.raised.append((code, object))

    def clear(self, code: str, object: str = "") -> None:
        self.raised = [entry for entry in self.raised if entry != (code, object)]


class World:
    """The switch and everybody around it. Trunk `carrier` is 192.0.2.1, extensions 1001 and 1002 have the password secret."""

    def __init__(self, loop: VirtualLoop, tmp: Path, *extra: tuple[Kind, Object], max_calls: int = 0) -> None:
        self.loop = loop
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda _event: None
        self.network = Network(loop)
        self.engine = FakeEngine(address=SWITCH[0], prompt_ms=PROMPTS)
        self.engine.follow(loop)
        for name in PROMPTS:
            for language in ("zh-CN", "en", "music"):
                path = tmp / "prompts" / language / f"{name}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        self.media = MediaService(self.engine, prompt_roots=[tmp / "prompts"])
        self.media.start()
        self.snapshot = Snapshot.of([*_objects(), *extra], version=1)
        self.alarms = NoAlarms()
        self.clock = LoopClock(loop)
        self.handled: dict[str, int] = {}
        parts = Parts(
            clock=self.clock, journal=self._journal, media=self.media, directory=lambda: self.snapshot,
            submit=self._submit, recordings=tmp / "recordings", alarms=self.alarms,
            identity=IDENTITY, address_for=lambda _peer: SWITCH[0], addresses=lambda: (SWITCH[0],),
            ids=Ids(counting_token("")), max_calls=max_calls,
            dialog_of=self._dialog_of,
        )  # fmt: skip
        self.switch = Switch(parts)
        self.supervision = Supervision(self.switch.calls, self.switch.board, lambda calls: calls[0])
        self.interception = Interception(self.switch.calls, self.switch.board)
        handlers = self.switch.handlers
        handlers[DestinationKind.AGENT] = self.interception.wrap(handlers[DestinationKind.AGENT])
        self.node = Node(
            self.network,
            loop,
            SWITCH,
            Endpoint(
                EndpointConfig(max_calls=0, events=watching.PACKAGES, publishes=watching.PUBLISHES, messages=True),
                self.switch.peers,
                counting_token("s"),
            ),
        )
        self.node.on_event = self.switch.heard
        self.carrier = Peer(self, "192.0.2.1")

    def _journal(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def _dialog_of(self, leg: str) -> sig.NamedDialog | None:
        return self.node.endpoint.dialog_of(leg)

    def _submit(self, command: sip.Command) -> None:
        self.node.submit(command)

    async def phone(self, number: str) -> Peer:
        """A phone that has logged in."""
        peer = Peer(self, f"198.51.100.{int(number) % 250}", 5062, number=number)
        peer.register()
        await peer.sees(sig.RegistrationState)
        assert self.switch.registrar.is_registered(number)
        return peer

    async def browser(self, login: str) -> int:
        """A page of a person with media; the engine's port."""
        await self.switch.browsers.offer(login, browser_offer())
        session = self.switch.browsers.of(login)
        assert session is not None
        self.engine.label(session.port, login)
        return session.port

    async def passes(self, seconds: float) -> None:
        """Virtual time goes by."""
        await asyncio.sleep(seconds)

    def seen(self, kind: type[V]) -> list[V]:
        """The events of a kind in the journal."""
        return [event for event in self.events if isinstance(event, kind)]

    def timelines(self) -> Mapping[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            if isinstance(event, CallCreated):
                found[event.call] = [event]
            elif event.call in found:
                found[event.call].append(event)
        return found

    def record(self) -> CdrRow:
        """The record of the only call."""
        rows = [row for row in map(fold, self.timelines().values()) if row is not None]
        assert len(rows) == 1, rows
        return rows[0]

    def kinds(self) -> list[str]:
        """The timeline of the only call as words."""
        (timeline,) = self.timelines().values()
        assert [event.seq for event in timeline] == list(range(1, len(timeline) + 1))
        return [event.type for event in timeline]

    async def settles(self) -> None:
        """Everything that is left to do is done; then nothing may be left over."""
        await self.passes(70.0)
        assert len(self.switch.calls) == 0
        assert len(self.switch.sip) == 0
        assert self.node.endpoint.leftovers["legs"] == 0
        sessions = [s for s in self.switch.browsers._by_login.values() if s.ready]
        assert self.engine.live == dict.fromkeys(self.engine.live, 0) | {"ports": len(sessions)}


V = TypeVar("V", bound=Event)


def _objects() -> list[tuple[Kind, Object]]:
    def extension(number: str) -> tuple[Kind, Object]:
        digests = {algorithm: ha1(algorithm, number, "softswitch", "secret") for algorithm in OFFERED}
        return Kind.EXTENSION, Extension(number=number, name=f"Phone {number}", realm="softswitch", ha1=digests)

    return [
        (Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),))),
        extension("1001"),
        extension("1002"),
        (Kind.QUEUE, Queue(name="sales")),
        (Kind.USER, User(login="li", name="李", role=Role.AGENT)),
        (Kind.AGENT, Agent(login="li", name="李", queues=("sales",))),
        (Kind.AGENT, Agent(login="zhao", name="赵", station="extension:1002")),
        (Kind.NUMBER, Number(number="4001", to=Destination.parse("extension:1001"))),
        (Kind.NUMBER, Number(number="9196", to=Destination.parse("echo"))),
        (Kind.NUMBER, Number(number="8000", to=Destination.parse("conference:room"))),
        (Kind.NUMBER, Number(number="4008", to=Destination.parse("agent:li"))),
        (Kind.NUMBER, Number(number="4009", to=Destination.parse("hangup:busy"))),
        (Kind.ROUTE, Route(pattern="0*", trunks=("carrier",))),
    ]


_OFFERS = 0


def browser_offer() -> str:
    """What a browser offers; a new connection each time."""
    global _OFFERS  # noqa: PLW0603 - every page has its own certificate
    _OFFERS += 1
    digest = ":".join(f"{(_OFFERS >> shift) & 255:02X}" for shift in range(0, 256, 8))
    return (
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
        f"a=ice-ufrag:ab{_OFFERS:02d}\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
        f"a=fingerprint:sha-256 {digest}\r\na=setup:actpass\r\n"
        "a=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"
    )


def address_in(body: sig.Body | None) -> tuple[str, int]:
    """The media address of a description."""
    assert body is not None
    text = body.content.decode()
    found = re.search(r"c=IN IP4 (\S+)", text), re.search(r"m=audio (\d+)", text)
    assert found[0] and found[1], text
    return found[0][1], int(found[1][1])


def run(
    tmp: Path, scenario: Callable[[World], Awaitable[None]], *extra: tuple[Kind, Object], max_calls: int = 0, scan: bool = True
) -> World:
    """Runs a scenario in a world of its own, in virtual time. `scan`: no peer may have heard of another one (§5.3)."""
    loop = VirtualLoop()

    async def play() -> World:
        world = World(loop, tmp, *extra, max_calls=max_calls)
        try:
            await world.switch.load_music()
            await scenario(world)
        finally:
            await world.switch.calls.drain(0.0)
            world.media.close()
        wire = [seen for seen in world.network.wire if b"dialog-info+xml" not in seen.data]  # names a dialog, to be picked up
        found = leaks(wire, shared=(SWITCH[0], "softswitch")) if scan else []
        assert not found, found[:3]
        return world

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(play())
