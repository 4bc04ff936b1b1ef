"""The shell around the endpoint: feed, pump, transmit, re-arm. Runs on one event loop; everything happens in arrival order."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from aiohttp import web

from signalling.commands import Command, Invite, Options, Register
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.errors import RemoteProtocolError, TransportError
from signalling.events import ConnectionShared, Counted, Event, Flow
from signalling.message import parse_uri
from signalling.policy import PeerBook
from signalling.transports.secure import SecureListener
from signalling.transports.sockets import same_family, stream_socket, udp_socket, way_out
from signalling.transports.streams import StreamConnection, StreamTable, Way, why
from signalling.transports.tls import ClientTls, ServerTls
from signalling.transports.udp import UdpListener
from signalling.transports.websocket import SocketTable

TRANSPORTS = ("udp", "tcp", "tls", "mtls", "ws", "wss")
"""What can be listened on. mtls: TLS where who connects must show a certificate; its flows are "tls"."""
LAG_EVERY = 0.05
Trace = Callable[[str, bytes, Flow], None]
"""Called with "<" or ">", the octets and the flow of every message, but for datagrams that were dropped unread: a flood."""


class Tokens:
    """64 random bits as text, each time. The kernel is asked for many at once: a call takes a dozen."""

    def __init__(self) -> None:
        self._ready: list[str] = []

    def __call__(self) -> str:
        if not self._ready:
            drawn = secrets.token_hex(8 * 256)
            self._ready = [drawn[at : at + 16] for at in range(0, len(drawn), 16)]
        return self._ready.pop()


make_token = Tokens()


class SipDriver:
    """Sockets for one endpoint.

    `on_event` is called for each event, after everything that belongs to the same input was sent; it may call `submit`.
    `tls` holds the certificates of listeners; `client_tls` tells how a host is connected to by TLS.
    """

    def __init__(
        self,
        config: EndpointConfig,
        peers: PeerBook,
        on_event: Callable[[Event], None],
        *,
        trace: Trace | None = None,
        token: Callable[[], str] = make_token,
        tls: ServerTls | None = None,
        client_tls: Callable[[str], ClientTls] = ClientTls,
        origins: tuple[str, ...] = (),
    ) -> None:
        if config.advertise is None:
            config = replace(config, advertise=self.advertise)
        if config.stream_for is None:
            config = replace(config, stream_for=self.stream_for)
        self.endpoint = Endpoint(config, peers, token)
        self.bound: list[str] = []  # what is listened on, as "udp:127.0.0.1:5060"
        self.tls = tls
        self._on_event = on_event
        self._trace = trace
        self._client_tls = client_tls
        self._udp: dict[tuple[str, int], UdpListener] = {}
        self._streams = StreamTable(self)
        self._sockets = SocketTable(self, origins)
        self._locals: dict[str, list[tuple[str, int]]] = {"tcp": [], "tls": []}
        self._servers: list[asyncio.Server | SecureListener] = []
        self._events: deque[Event] = deque()
        self._is_dispatching = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._lag_timer: asyncio.TimerHandle | None = None
        self._routes: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, listens: list[str]) -> None:
        """Bind all of 'udp:host:port', 'tcp:…', 'tls:…', 'mtls:…', 'ws:…' and 'wss:…'.

        Raises OSError when a port is taken, ValueError for another form or TLS without a certificate.
        """
        self._loop = asyncio.get_running_loop()
        try:
            for listen in listens:
                await self._listen(listen)
        except (OSError, ValueError):
            await self.stop()
            raise
        if self._lag_timer is None:
            self._lag_timer = self._loop.call_later(LAG_EVERY, self._measure, self._now() + LAG_EVERY)

    async def stop(self) -> None:
        """Close everything at once; drain first if calls matter."""
        for timer in (self._timer, self._lag_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._lag_timer = None
        for listener in self._udp.values():
            listener.close()
        for server in self._servers:
            server.close()
        self._sockets.stop()
        await self._streams.stop()
        self._udp.clear()
        self._servers.clear()
        self.bound.clear()

    def submit(self, command: Command) -> None:
        """Give a command to the endpoint. A flow with local port 0 gets its local side here.

        Raises LocalProtocolError as the endpoint does, TransportError when no listener fits the flow.
        """
        if isinstance(command, Invite | Register | Options) and not command.flow.local[1]:
            named = command.registrar if isinstance(command, Register) else command.target
            command = replace(command, flow=self.local_flow(command.flow.transport, command.flow.remote, _host_of(named)))
        self._pump(self.endpoint.submit(command, self._now()))

    def local_flow(self, transport: str, remote: tuple[str, int], name: str = "") -> Flow:
        """The flow by which a peer is reached: our listener of its family, for streams our connection (made on demand).

        `name` is the configured host, which its certificate must bear (RFC 5922). Raises TransportError when we do not listen
        with that transport and family.
        """
        if transport == "udp":
            for local, listener in self._udp.items():
                if same_family(local[0], remote[0]):
                    return listener.flow(remote)
        for local in self._locals.get(transport, ()):
            if same_family(local[0], remote[0]):
                tls = self._client_tls(name or remote[0]) if transport == "tls" else None
                return self._streams.outbound(Way(transport, local, remote, tls))
        raise TransportError(f"no {transport} listener for {remote[0]}")

    def stream_for(self, flow: Flow) -> Flow | None:
        """The TCP flow to the peer of a UDP flow, for what is too long for a datagram; None when we have no TCP there."""
        try:
            return self.local_flow("tcp", flow.remote)
        except TransportError:
            return None

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
            known = self._routes[remote] = way_out(remote)
        return known, port

    def proved(self, flow: Flow) -> frozenset[str]:
        """The names that the peer of an mtls connection proved by its certificate; empty for every other flow."""
        return self._streams.proved(flow)

    def origin(self, flow: Flow) -> str:
        """The web site whose page opened a WebSocket; "" for every other flow."""
        return self._sockets.origin(flow)

    async def websocket(self, request: web.BaseRequest, local: tuple[str, int]) -> web.StreamResponse:
        """SIP on a path of somebody's web server; `local` is its address."""
        return await self._sockets.serve(request, "wss" if request.secure else "ws", local)

    @property
    def connections(self) -> int:
        return len(self._streams) + len(self._sockets)

    # What the sockets tell (streams.Ear).

    def opened(self, flow: Flow) -> None:
        self._pump(self.endpoint.flow_opened(flow, self._now()))

    def received(self, data: bytes, flow: Flow) -> None:
        output = self.endpoint.receive(data, flow, self._now())
        if self._trace is not None and not (self.endpoint.unheard and flow.transport == "udp"):  # a stream is shown whole
            self._trace("<", data, flow)
        self._pump(output)

    def closed(self, flow: Flow) -> None:
        self._pump(self.endpoint.flow_closed(flow, self._now()))

    def refused(self, flow: Flow, cause: str) -> None:
        self._dispatch([Counted("tls-handshake", flow, detail=cause)])

    # Inside.

    async def _listen(self, listen: str) -> None:
        transport, _, address = listen.partition(":")
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if transport not in TRANSPORTS or not host or not port.isdigit():
            raise ValueError(f"not a listen address: {listen!r}, expected 'udp:host:port' or tcp, tls, mtls, ws, wss")
        if transport == "udp":
            loop = asyncio.get_running_loop()
            _, listener = await loop.create_datagram_endpoint(
                lambda: UdpListener(self.received), sock=udp_socket(host, int(port))
            )
            self._udp[listener.local] = listener
            local = listener.local
        else:
            local = await self._listen_stream(transport, host, int(port))
        shown = f"[{local[0]}]" if ":" in local[0] else local[0]
        self.bound.append(f"{transport}:{shown}:{local[1]}")

    async def _listen_stream(self, transport: str, host: str, port: int) -> tuple[str, int]:
        """One socket, plain or with TLS, whose connections speak SIP or WebSocket."""
        secured = transport in {"tls", "mtls", "wss"}
        if secured and self.tls is None:
            raise ValueError(f"{transport}:{host}:{port} needs a certificate")
        kind = "tls" if transport == "mtls" else transport
        sock = stream_socket(host, port)
        name = sock.getsockname()
        local = (str(name[0]), int(name[1]))
        make: Callable[[], asyncio.Protocol]
        if transport in {"ws", "wss"}:
            make = self._sockets.server(transport, lambda: local)
        else:
            make = lambda: StreamConnection(self._streams, None, local, kind)  # noqa: E731 - a factory beside the other one
            self._locals[kind].append(local)
        if secured and self.tls is not None:
            try:
                context = self.tls.context(clients=transport == "mtls")
            except ValueError:
                sock.close()
                raise
            self._servers.append(SecureListener(kind, sock, context, make, lambda flow, fault: self.refused(flow, why(fault))))
        else:
            self._servers.append(await asyncio.get_running_loop().create_server(make, sock=sock))
        return local

    def _now(self) -> float:
        assert self._loop is not None, "start() first"
        return self._loop.time()

    def _measure(self, due: float) -> None:
        """How late the loop is: what the endpoint decides by what it may still take on."""
        assert self._loop is not None
        now = self._loop.time()
        self.endpoint.load.measure(now - due, now)
        self._lag_timer = self._loop.call_later(LAG_EVERY, self._measure, now + LAG_EVERY)

    def _pump(self, output: Output) -> None:
        for data, flow in output.transmits:
            if self._trace is not None:
                self._trace(">", data, flow)
            if flow.transport == "udp":
                listener = self._udp.get(flow.local)
                if listener is not None:
                    listener.send(data, flow.remote)
            elif flow.transport in {"ws", "wss"}:
                self._sockets.send(data, flow)
            else:
                self._streams.send(data, flow)
        for flow in output.close_flows:
            (self._sockets if flow.transport in {"ws", "wss"} else self._streams).close(flow)
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
                event = self._events.popleft()
                if isinstance(event, ConnectionShared):
                    self._streams.alias(event.flow, event.remote)
                else:
                    self._on_event(event)
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


@lru_cache(maxsize=1024)
def _host_of(uri: str) -> str:
    """The host of a target, "" when it is none: the endpoint says so."""
    try:
        return parse_uri(uri).host
    except RemoteProtocolError:
        return ""
