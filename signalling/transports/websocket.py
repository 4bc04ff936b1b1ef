"""SIP over WebSocket (RFC 7118): subprotocol `sip`, one message per frame. Browsers connect; we never do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from signalling.events import Flow
from signalling.transports.streams import MAX_QUEUE, Ear

MAX_FRAME = 64 * 1024
PING_TIME = 25.0
SUBPROTOCOL = "sip"


class SocketTable:
    """All WebSocket connections by flow. `origins`: pages that may connect, "" for clients without one; none listed: all."""

    def __init__(self, ear: Ear, origins: tuple[str, ...] = ()) -> None:
        self._ear = ear
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._open: dict[Flow, SocketConnection] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._open)

    def server(self, transport: str, local: Callable[[], tuple[str, int]]) -> web.Server:
        """What makes the protocols of a listener of our own; any path is welcome."""

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            return await self.serve(request, transport, local())

        return web.Server(serve, access_log=None)

    async def serve(self, request: web.BaseRequest, transport: str, local: tuple[str, int]) -> web.StreamResponse:
        """One connection, from the upgrade to its end. 426, 403 or 400 for who may not or cannot."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        if peer is None:
            return web.Response(status=400)
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME, heartbeat=PING_TIME, compress=False)
        await socket.prepare(request)
        self._numbers += 1
        flow = Flow(transport, local, (str(peer[0]), int(peer[1])), self._numbers)
        connection = self._open[flow] = SocketConnection(socket, request)
        writing = asyncio.get_running_loop().create_task(connection.write())
        self._ear.opened(flow)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._ear.received(message.data.encode("utf-8", "surrogatepass"), flow)
                elif message.type is WSMsgType.BINARY:
                    self._ear.received(message.data, flow)
        finally:
            writing.cancel()
            del self._open[flow]
            self._ear.closed(flow)
        return socket

    def _refusal(self, request: web.BaseRequest) -> web.Response | None:
        offered = [name.strip().lower() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=426, headers={"Upgrade": "websocket"})
        if SUBPROTOCOL not in offered:
            return web.Response(status=400, text="the subprotocol sip is required")
        origin = urlsplit(request.headers.get("Origin", ""))
        asked = f"{origin.scheme}://{origin.netloc}".lower() if origin.netloc else ""
        if self._origins and asked not in self._origins:
            return web.Response(status=403)
        return None

    def origin(self, flow: Flow) -> str:
        """The web site whose page has opened a connection; "" for a client that is no page."""
        connection = self._open.get(flow)
        return connection.origin if connection is not None else ""

    def send(self, data: bytes, flow: Flow) -> None:
        connection = self._open.get(flow)
        if connection is not None:
            connection.send(data)
        else:
            asyncio.get_running_loop().call_soon(self._ear.closed, flow)

    def close(self, flow: Flow) -> None:
        if (connection := self._open.get(flow)) is not None:
            connection.close()

    def stop(self) -> None:
        for connection in list(self._open.values()):
            connection.abort()


class SocketConnection:
    """The sending half: messages wait in order, and one who does not read them is given up."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self.origin = request.headers.get("Origin", "")
        self._socket = socket
        self._request = request
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._size = 0

    def send(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_QUEUE:
            self.abort()
            return
        self._waiting.put_nowait(data)

    def close(self) -> None:
        """After what is still to be said."""
        self._waiting.put_nowait(None)

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Task: until the connection is gone."""
        while (data := await self._waiting.get()) is not None:
            try:
                await self._say(data)
            except ConnectionError:
                return
            self._size -= len(data)
        await self._socket.close()

    async def _say(self, data: bytes) -> None:
        try:
            await self._socket.send_str(data.decode())  # what browsers expect; both are allowed (RFC 7118 §4)
        except UnicodeDecodeError:
            await self._socket.send_bytes(data)
