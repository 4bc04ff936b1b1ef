"""TCP connections, in and out. Framing is the endpoint's; here are sockets, bounded write queues and the connect time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from signalling.events import Flow

CONNECT_TIME = 2.0
MAX_QUEUE = 256 * 1024


class Ear(Protocol):
    """Who hears what happens on connections."""

    def opened(self, flow: Flow) -> None: ...

    def received(self, data: bytes, flow: Flow) -> None: ...

    def closed(self, flow: Flow) -> None: ...


class TcpConnection(asyncio.Protocol):
    """One accepted or made connection."""

    def __init__(self, table: TcpTable, flow: Flow | None, local: tuple[str, int]) -> None:
        self._table = table
        self._local = local
        self._transport: asyncio.Transport | None = None
        self.flow = flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        if self.flow is None:
            peer = transport.get_extra_info("peername")
            if peer is None:  # gone before it was accepted
                stream.abort()
                return
            self.flow = self._table.name(self._local, (peer[0], peer[1]))
            self._table.connected(self.flow, self)
            self._table.ear.opened(self.flow)

    def data_received(self, data: bytes) -> None:
        if self.flow is not None:
            self._table.ear.received(data, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.flow is not None:
            self._table.disconnected(self.flow, self)

    def send(self, data: bytes) -> None:
        """Write, or give this connection up when its peer does not read (never another one)."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > MAX_QUEUE:
            transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class TcpTable:
    """All connections by flow. Ours are made when something is first sent on them, and again after a loss."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self._open: dict[Flow, TcpConnection] = {}
        self._waiting: dict[Flow, list[bytes]] = {}
        self._outbound: dict[tuple[tuple[str, int], tuple[str, int]], Flow] = {}
        self._ours: set[Flow] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._numbers = 0

    def name(self, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
        self._numbers += 1
        return Flow("tcp", local, remote, self._numbers)

    def outbound(self, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
        """The flow of our own connection to a peer; nothing is connected yet."""
        flow = self._outbound.get((local, remote))
        if flow is None:
            flow = self._outbound[local, remote] = self.name(local, remote)
            self._ours.add(flow)
        return flow

    def acceptor(self, local: Callable[[], tuple[str, int]]) -> Callable[[], TcpConnection]:
        return lambda: TcpConnection(self, None, local())

    def connected(self, flow: Flow, connection: TcpConnection) -> None:
        self._open[flow] = connection

    def disconnected(self, flow: Flow, connection: TcpConnection) -> None:
        if self._open.get(flow) is connection:
            del self._open[flow]
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
            connection.close()

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
            task = asyncio.get_running_loop().create_task(self._connect(flow))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        elif sum(map(len, waiting)) < MAX_QUEUE:
            waiting.append(data)

    async def _connect(self, flow: Flow) -> None:
        connection = TcpConnection(self, flow, flow.local)
        try:
            async with asyncio.timeout(CONNECT_TIME):
                await asyncio.get_running_loop().create_connection(lambda: connection, *flow.remote)
        except (OSError, TimeoutError):
            self._waiting.pop(flow, None)
            self.ear.closed(flow)
            return
        self.connected(flow, connection)
        self.ear.opened(flow)
        for data in self._waiting.pop(flow, ()):
            connection.send(data)
