"""One UDP socket. Datagrams go straight to the endpoint, in order of arrival; nothing is queued or scheduled per packet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from signalling.events import Flow

Receive = Callable[[bytes, Flow], None]
BUFFER = 4 * 1024 * 1024


class UdpListener(asyncio.DatagramProtocol):
    """Owns the socket of one listen address; `local` is that address with the port that was bound."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None
        self._flows: dict[tuple[str, int], Flow] = {}
        self.local: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is no subclass
        name = transport.get_extra_info("sockname")
        self.local = (name[0], name[1])

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._receive(data, self.flow((addr[0], addr[1])))

    def error_received(self, exc: Exception) -> None:
        """ICMP tells that a port is closed; the transaction's timer says it more reliably."""

    def flow(self, remote: tuple[str, int]) -> Flow:
        """The flow to a peer; kept because the same few peers send nearly everything."""
        flow = self._flows.get(remote)
        if flow is None:
            if len(self._flows) > 10_000:
                self._flows.clear()
            flow = self._flows[remote] = Flow("udp", self.local, remote)
        return flow

    def send(self, data: bytes, remote: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, remote)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
