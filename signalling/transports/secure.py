"""A listener that makes the TLS handshake itself, so that a failed one has a cause and a bounded time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable

from signalling.endpoint.budget import source_of
from signalling.events import Flow
from signalling.transports.tls import HANDSHAKE_TIME

MAX_HANDSHAKES = 20  # at one time from one source; they cost more than anything else a stranger may ask for
BACKLOG = 512
Make = Callable[[], asyncio.Protocol]


class SecureListener:
    """Accepts on one address. `make` is the protocol that gets the connection once it is secure."""

    def __init__(
        self,
        transport: str,
        sock: socket.socket,
        context: ssl.SSLContext,
        make: Make,
        refused: Callable[[Flow, Exception], None],
    ) -> None:
        self._transport = transport
        self._sock = sock
        self._context = context
        self._make = make
        self._refused = refused
        self._tasks: set[asyncio.Task[None]] = set()
        self._hosts: Counter[str] = Counter()
        name = sock.getsockname()
        self.local = (str(name[0]), int(name[1]))
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        self._accepting.cancel()
        for task in self._tasks:
            task.cancel()
        self._sock.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._sock)
            except OSError:  # no descriptors left: those in use come back
                await asyncio.sleep(0.1)
                continue
            host = source_of(str(address[0]))
            if self._hosts[host] >= MAX_HANDSHAKES:
                connection.close()
                continue
            self._hosts[host] += 1
            flow = Flow(self._transport, self.local, (str(address[0]), int(address[1])))
            task = loop.create_task(self._handshake(connection, flow, host))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handshake(self, connection: socket.socket, flow: Flow, host: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(self._make, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_TIME)
        except (OSError, TimeoutError) as fault:
            connection.close()
            self._refused(flow, fault)
        finally:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
