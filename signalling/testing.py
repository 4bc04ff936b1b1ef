"""Public doubles: two endpoints in memory, virtual time, a lossy link, a ladder to print, and an open peer book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from signalling.auth import OFFERED, ha1
from signalling.commands import Command
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.events import Event, Flow
from signalling.policy import Credentials, PeerKind, PeerPolicy

A_ADDRESS = ("192.0.2.1", 5060)
B_ADDRESS = ("192.0.2.2", 5060)


def counting_token(prefix: str = "t") -> Callable[[], str]:
    """Tokens that are the same in every run: t0000000000000001 ..."""
    count = 0

    def token() -> str:
        nonlocal count
        count += 1
        return f"{prefix}{count:015x}"

    return token


@dataclass
class Book:
    """A peer book of plain dictionaries. `open_policy` identifies every source that is not listed."""

    trunks: dict[str, PeerPolicy] = field(default_factory=dict)  # by source host
    accounts: dict[str, Credentials] = field(default_factory=dict)  # by username
    open_policy: PeerPolicy | None = None
    is_silent: bool = False
    tokens: dict[str, str] = field(default_factory=dict)  # of web pages, each for one call to a destination

    def trunk(self, flow: Flow) -> PeerPolicy | None:
        return self.trunks.get(flow.remote[0], self.open_policy)

    def credentials(self, username: str) -> Credentials | None:
        return self.accounts.get(username)

    def guest(self, flow: Flow, called: str, token: str) -> PeerPolicy | None:
        return PeerPolicy(PeerKind.GUEST, token) if self.tokens.pop(token, None) == called else None

    def silent(self, flow: Flow) -> bool:
        return self.is_silent

    def add_phone(self, number: str, password: str, realm: str = "softswitch") -> None:
        digests = {algorithm: ha1(algorithm, number, realm, password) for algorithm in OFFERED}
        self.accounts[number] = Credentials(number, digests, PeerPolicy(PeerKind.PHONE, number))


def open_book() -> Book:
    """Profile "open": no authentication, any address-of-record may register."""
    return Book(open_policy=PeerPolicy(PeerKind.TRUNK, "open", registers_any=True))


@dataclass
class Link:
    """What happens to datagrams on the way: probabilities of loss and duplication, delay and jitter in seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.01
    jitter: float = 0.0
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - a simulation, not a secret

    def arrivals(self, now: float) -> list[float]:
        """When the copies of one datagram arrive; none when it is lost."""
        copies = 2 if self.random.random() < self.duplicate else 1
        return [
            now + self.delay + self.random.random() * self.jitter for _ in range(copies) if self.random.random() >= self.loss
        ]


class Side:
    """One endpoint of a pair, with what it told."""

    def __init__(self, name: str, endpoint: Endpoint, flow: Flow) -> None:
        self.name = name
        self.endpoint = endpoint
        self.flow = flow  # from here to the other side
        self.events: list[Event] = []
        self.deadline: float | None = None
        self.on_event: Callable[[Event], Iterable[Command]] = lambda event: ()

    def told(self, kind: type) -> list[Event]:
        """Events of one type, in order."""
        return [event for event in self.events if isinstance(event, kind)]


class EndpointPair:
    """Two endpoints joined by a link. Time passes only in `run`; everything is in order and repeatable."""

    def __init__(
        self,
        *,
        a_book: Book | None = None,
        b_book: Book | None = None,
        config: EndpointConfig | None = None,
        link: Link | None = None,
        transport: str = "udp",
    ) -> None:
        config = config or EndpointConfig()
        number = 0 if transport == "udp" else 1
        self.now = 1000.0
        self.link = link or Link()
        self.a = Side(
            "A", Endpoint(config, a_book or open_book(), counting_token("a")), Flow(transport, A_ADDRESS, B_ADDRESS, number)
        )
        self.b = Side(
            "B", Endpoint(config, b_book or open_book(), counting_token("b")), Flow(transport, B_ADDRESS, A_ADDRESS, number)
        )
        self.ladder: list[str] = []
        self._wire: list[tuple[float, int, Side, bytes, Flow]] = []
        self._order = 0

    def submit(self, side: Side, command: Command) -> None:
        self._handle(side, side.endpoint.submit(command, self.now))

    def inject(self, side: Side, data: bytes, flow: Flow | None = None) -> list[bytes]:
        """Octets from nowhere; returns what the side sends at once (it is not delivered)."""
        output = side.endpoint.receive(data, flow or side.flow, self.now)
        self._note(side, output)
        return [transmit.data for transmit in output.transmits]

    def order(self, side: Side, command: Command) -> list[bytes]:
        """A command whose messages are returned instead of delivered, for a scripted peer."""
        output = side.endpoint.submit(command, self.now)
        self._note(side, output)
        return [transmit.data for transmit in output.transmits]

    def close_flow(self, side: Side) -> None:
        """The connection of one side breaks; the other side does not notice."""
        self._handle(side, side.endpoint.flow_closed(side.flow, self.now))

    def run(self, seconds: float) -> None:
        """Let time pass; messages arrive and deadlines fire in their order."""
        until = self.now + seconds
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            self._step()
        self.now = until

    def run_out(self) -> None:
        """Run until nothing is pending on either side."""
        while (at := self._next()) is not None:
            self.now = max(self.now, at)
            self._step()

    def show(self) -> str:
        return "\n".join(self.ladder)

    def _next(self) -> float | None:
        times = [side.deadline for side in (self.a, self.b) if side.deadline is not None]
        if self._wire:
            times.append(self._wire[0][0])
        return min(times) if times else None

    def _step(self) -> None:
        if self._wire and self._wire[0][0] <= self.now:
            _, _, side, data, flow = heappop(self._wire)
            self._handle(side, side.endpoint.receive(data, flow, self.now))
            return
        for side in (self.a, self.b):
            if side.deadline is not None and side.deadline <= self.now:
                self._handle(side, side.endpoint.handle_timeout(self.now))
                return

    def _handle(self, side: Side, output: Output) -> None:
        other = self.b if side is self.a else self.a
        for data, flow in output.transmits:
            first = data.split(b"\r\n", 1)[0].decode("utf-8", "replace")
            arrow = "──▶" if side is self.a else "◀──"
            arrivals = self.link.arrivals(self.now) if flow.transport == "udp" else [self.now + self.link.delay]
            lost = "" if arrivals else "  ✗"
            self.ladder.append(f"{self.now - 1000:9.3f}  A {arrow} B  {first}{lost}")
            for at in arrivals:
                self._order += 1
                heappush(self._wire, (at, self._order, other, data, other.flow))
        self._note(side, output)

    def _note(self, side: Side, output: Output) -> None:
        side.deadline = output.deadline
        for event in output.events:
            self.ladder.append(f"{self.now - 1000:9.3f}  {side.name} = {event}")
            side.events.append(event)
            for command in side.on_event(event):
                self.submit(side, command)
