"""TCP and TLS connections, in and out. Framing is the endpoint's; here are sockets, bounded write queues, connect times."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

from signalling.events import Flow
from signalling.transports.tls import HANDSHAKE_TIME, ClientTls, client_context, peer_names

CONNECT_TIME = 2.0
MAX_QUEUE = 256 * 1024
LINGER = 1.0
"""Seconds that a connection which we end goes on being read: closed with octets unread, it would be reset, and a reset takes
our last answer away from the peer."""


class Ear(Protocol):
    """Who hears what happens on connections."""

    def opened(self, flow: Flow) -> None: ...

    def received(self, data: bytes, flow: Flow) -> None: ...

    def closed(self, flow: Flow) -> None: ...

    def refused(self, flow: Flow, cause: str) -> None:
        """A TLS handshake failed; the flow never was one."""


class Way(NamedTuple):
    """What makes two requests share a connection of ours (RFC 3261 §18, RFC 5923): transport, both ends, and the TLS name."""

    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    tls: ClientTls | None = None


class StreamConnection(asyncio.Protocol):
    """One accepted or made connection."""

    def __init__(self, table: StreamTable, flow: Flow | None, local: tuple[str, int], transport: str = "tcp") -> None:
        self._table = table
        self._local = local
        self._kind = transport
        self._transport: asyncio.Transport | None = None
        self._is_ending = False
        self.flow = flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        if self.flow is None:
            peer = transport.get_extra_info("peername")
            if peer is None:  # gone before it was accepted
                stream.abort()
                return
            self.flow = self._table.name(self._kind, self._local, (peer[0], peer[1]))
            self._table.connected(self.flow, self)
            self._table.ear.opened(self.flow)

    @property
    def proved(self) -> frozenset[str]:
        """The names of the certificate that the peer has shown and that we have verified."""
        shown = self._transport.get_extra_info("peercert") if self._transport is not None else None
        return peer_names(shown)

    @property
    def waiting(self) -> int:
        """Octets that the peer has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def data_received(self, data: bytes) -> None:
        if self.flow is not None and not self._is_ending:
            self._table.ear.received(data, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.flow is not None:
            self._table.disconnected(self.flow, self)

    def send(self, data: bytes) -> None:
        """Write, or give this connection up when its peer does not read (never another one)."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._is_ending:
            return
        transport.write(data)
        if transport.get_write_buffer_size() > MAX_QUEUE:
            transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def end(self) -> None:
        """Nothing more is said, and nothing heard; closed once the peer has closed, or soon."""
        transport = self._transport
        if transport is None or self._is_ending or not transport.can_write_eof():  # TLS has no half-closed connections
            self.close()
            return
        self._is_ending = True
        transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER, transport.close)


class StreamTable:
    """All connections by flow. Ours are made when something is first sent on them, and again after a loss."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self._open: dict[Flow, StreamConnection] = {}
        self._waiting: dict[Flow, list[bytes]] = {}
        self._outbound: dict[Way, Flow] = {}
        self._ours: dict[Flow, Way] = {}
        self._alias: dict[tuple[str, tuple[str, int]], Flow] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._open)

    def name(self, transport: str, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
        self._numbers += 1
        return Flow(transport, local, remote, self._numbers)

    def outbound(self, way: Way) -> Flow:
        """The flow to a peer: the connection it lets us share, else one of our own; nothing is connected yet."""
        shared = self._alias.get((way.transport, way.remote))
        if shared is not None:
            return shared
        flow = self._outbound.get(way)
        if flow is None:
            flow = self._outbound[way] = self.name(way.transport, way.local, way.remote)
            self._ours[flow] = way
        return flow

    def alias(self, flow: Flow, remote: tuple[str, int]) -> bool:
        """Also use an inbound connection for what we send to `remote` (RFC 5923); False when its peer proved no name."""
        if not self.proved(flow):
            return False
        self._alias[flow.transport, remote] = flow
        return True

    def proved(self, flow: Flow) -> frozenset[str]:
        """The names that the peer of a connection proved by certificate, when we asked for one."""
        connection = self._open.get(flow)
        return (
            connection.proved if connection is not None and flow.transport == "tls" and flow not in self._ours else frozenset()
        )

    def acceptor(self, local: Callable[[], tuple[str, int]]) -> Callable[[], StreamConnection]:
        return lambda: StreamConnection(self, None, local())

    def connected(self, flow: Flow, connection: StreamConnection) -> None:
        self._open[flow] = connection

    def disconnected(self, flow: Flow, connection: StreamConnection) -> None:
        if self._open.get(flow) is connection:
            del self._open[flow]
        for key in [key for key, shared in self._alias.items() if shared == flow]:
            del self._alias[key]
        self.ear.closed(flow)

    def send(self, data: bytes, flow: Flow) -> None:
        connection = self._open.get(flow)
        if connection is not None:
            connection.send(data)
        elif flow in self._ours:
            self._queue(data, flow)
        else:
            # An inbound connection that is gone cannot be made again from here (RFC 5626).
            asyncio.get_running_loop().call_soon(self.ear.closed, flow)

    def close(self, flow: Flow) -> None:
        if (connection := self._open.get(flow)) is not None:
            connection.end()

    async def stop(self) -> None:
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in list(self._open.values()):
            connection.close()

    def _queue(self, data: bytes, flow: Flow) -> None:
        waiting = self._waiting.get(flow)
        if waiting is None:
            self._waiting[flow] = [data]
            task = asyncio.get_running_loop().create_task(self._connect(flow, self._ours[flow]))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        elif sum(map(len, waiting)) < MAX_QUEUE:
            waiting.append(data)

    async def _connect(self, flow: Flow, way: Way) -> None:
        connection = StreamConnection(self, flow, flow.local)
        loop = asyncio.get_running_loop()
        try:
            if way.tls is None:
                async with asyncio.timeout(CONNECT_TIME):
                    await loop.create_connection(lambda: connection, *flow.remote)
            else:
                context, name = client_context(way.tls), way.tls.name
                async with asyncio.timeout(CONNECT_TIME + HANDSHAKE_TIME):
                    await loop.create_connection(
                        lambda: connection,
                        *flow.remote,
                        ssl=context,
                        server_hostname=name,
                        ssl_handshake_timeout=HANDSHAKE_TIME,
                    )
        except (OSError, TimeoutError) as fault:  # ssl.SSLError is an OSError
            self._waiting.pop(flow, None)
            if isinstance(fault, ssl.SSLError):
                self.ear.refused(flow, why(fault))
            self.ear.closed(flow)
            return
        self.connected(flow, connection)
        self.ear.opened(flow)
        for data in self._waiting.pop(flow, ()):
            connection.send(data)


def why(fault: Exception) -> str:
    """The cause of a failed handshake in the words of OpenSSL, without its source lines."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"certificate: {fault.verify_message}"
    if isinstance(fault, ssl.SSLError) and fault.reason:
        return fault.reason.replace("_", " ").lower()
    if isinstance(fault, TimeoutError):
        return "handshake timeout"
    return "closed during the handshake" if isinstance(fault, ConnectionError) else type(fault).__name__
