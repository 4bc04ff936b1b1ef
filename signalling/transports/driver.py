"""The shell around the endpoint: feed, pump, transmit, re-arm. Runs on one event loop; everything happens in arrival order."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address

from signalling.commands import Command, Invite, Options, Register
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.errors import TransportError
from signalling.events import Event, Flow
from signalling.policy import PeerBook
from signalling.transports.tcp import TcpTable
from signalling.transports.udp import BUFFER, UdpListener

Trace = Callable[[str, bytes, Flow], None]
"""Called with "<" or ">", the octets and the flow of every message."""


def make_token() -> str:
    """64 random bits as text."""
    return secrets.token_hex(8)


class SipDriver:
    """Sockets for one endpoint.

    `on_event` is called for each event, after everything that belongs to the same input was sent; it may call `submit`.
    """

    def __init__(
        self,
        config: EndpointConfig,
        peers: PeerBook,
        on_event: Callable[[Event], None],
        *,
        trace: Trace | None = None,
        token: Callable[[], str] = make_token,
    ) -> None:
        if config.advertise is None:
            config = replace(config, advertise=self.advertise)
        self.endpoint = Endpoint(config, peers, token)
        self.bound: list[str] = []  # what is listened on, as "udp:127.0.0.1:5060"
        self._on_event = on_event
        self._trace = trace
        self._udp: dict[tuple[str, int], UdpListener] = {}
        self._tcp = TcpTable(self)
        self._tcp_locals: list[tuple[str, int]] = []
        self._servers: list[asyncio.Server] = []
        self._events: deque[Event] = deque()
        self._is_dispatching = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._routes: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, listens: list[str]) -> None:
        """Bind all of 'udp:host:port' and 'tcp:host:port'. Raises OSError when a port is taken, ValueError for another form."""
        self._loop = asyncio.get_running_loop()
        try:
            for listen in listens:
                await self._listen(listen)
        except (OSError, ValueError):
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything at once; drain first if calls matter."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for listener in self._udp.values():
            listener.close()
        for server in self._servers:
            server.close()
        await self._tcp.stop()
        self._udp.clear()
        self._servers.clear()
        self.bound.clear()

    def submit(self, command: Command) -> None:
        """Give a command to the endpoint. A flow with local port 0 gets its local side here.

        Raises LocalProtocolError as the endpoint does, TransportError when no listener fits the flow.
        """
        if isinstance(command, Invite | Register | Options) and not command.flow.local[1]:
            command = replace(command, flow=self.local_flow(command.flow.transport, command.flow.remote))
        self._pump(self.endpoint.submit(command, self._now()))

    def local_flow(self, transport: str, remote: tuple[str, int]) -> Flow:
        """The flow by which a peer is reached: our listener of its family, for TCP our connection (made on demand).

        Raises TransportError when we do not listen with that transport and family.
        """
        if transport == "udp":
            for local, listener in self._udp.items():
                if _same_family(local[0], remote[0]):
                    return listener.flow(remote)
        elif transport == "tcp":
            for local in self._tcp_locals:
                if _same_family(local[0], remote[0]):
                    return self._tcp.outbound(local, remote)
        raise TransportError(f"no {transport} listener for {remote[0]}")

    def advertise(self, flow: Flow) -> tuple[str, int]:
        """Our address as the peer of a flow sees it without NAT: the listener's, or the route's when it listens everywhere."""
        host, port = flow.local
        if host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            return host, port
        remote = flow.remote[0]
        known = self._routes.get(remote)
        if known is None:
            if len(self._routes) > 10_000:
                self._routes.clear()
            known = self._routes[remote] = _route(remote)
        return known, port

    # What the sockets tell (tcp.Ear).

    def opened(self, flow: Flow) -> None:
        self._pump(self.endpoint.flow_opened(flow, self._now()))

    def received(self, data: bytes, flow: Flow) -> None:
        if self._trace is not None:
            self._trace("<", data, flow)
        self._pump(self.endpoint.receive(data, flow, self._now()))

    def closed(self, flow: Flow) -> None:
        self._pump(self.endpoint.flow_closed(flow, self._now()))

    # Inside.

    async def _listen(self, listen: str) -> None:
        transport, _, address = listen.partition(":")
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if transport not in {"udp", "tcp"} or not host or not port.isdigit():
            raise ValueError(f"not a listen address: {listen!r}, expected 'udp:host:port' or 'tcp:host:port'")
        loop = asyncio.get_running_loop()
        if transport == "udp":
            _, listener = await loop.create_datagram_endpoint(
                lambda: UdpListener(self.received), sock=_udp_socket(host, int(port))
            )
            self._udp[listener.local] = listener
            local = listener.local
        else:
            name: list[tuple[str, int]] = []
            server = await loop.create_server(self._tcp.acceptor(lambda: name[0]), host, int(port))
            bound = server.sockets[0].getsockname()
            local = (bound[0], bound[1])
            name.append(local)
            self._servers.append(server)
            self._tcp_locals.append(local)
        shown = f"[{local[0]}]" if ":" in local[0] else local[0]
        self.bound.append(f"{transport}:{shown}:{local[1]}")

    def _now(self) -> float:
        assert self._loop is not None, "start() first"
        return self._loop.time()

    def _pump(self, output: Output) -> None:
        for data, flow in output.transmits:
            if self._trace is not None:
                self._trace(">", data, flow)
            if flow.transport == "udp":
                listener = self._udp.get(flow.local)
                if listener is not None:
                    listener.send(data, flow.remote)
            else:
                self._tcp.send(data, flow)
        for flow in output.close_flows:
            self._tcp.close(flow)
        self._arm(output.deadline)
        self._dispatch(output.events)

    def _dispatch(self, events: list[Event]) -> None:
        """Events in order, also when a handler's command brings new ones."""
        if not events:
            return
        self._events.extend(events)
        if self._is_dispatching:
            return
        self._is_dispatching = True
        try:
            while self._events:
                self._on_event(self._events.popleft())
        finally:
            self._is_dispatching = False

    def _arm(self, deadline: float | None) -> None:
        """One timer; it is only moved forward. One that fires early finds nothing due and is armed again."""
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        self._pump(self.endpoint.handle_timeout(self._now()))


def _udp_socket(host: str, port: int) -> socket.socket:
    """A bound socket with room for a burst; without SO_REUSEADDR, so that a second program on the port is an error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _route(remote: str) -> str:
    """The local address of the route to a peer; nothing is sent. Our loopback address when there is no route."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])


@lru_cache(maxsize=4096)
def _same_family(one: str, other: str) -> bool:
    try:
        return ip_address(one).version == ip_address(other).version
    except ValueError:
        return False
