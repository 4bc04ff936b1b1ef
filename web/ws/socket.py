"""One WebSocket: a reader that serves requests one after another, a writer that drains the client's outbox."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from softswitch.model.errors import SwitchError
from web.errors import BadRequest, FieldFault, WebError, problem_of
from web.routing import NO_NUL, NUL
from web.ws.outbox import Outbox

log = structlog.get_logger("ws")
HEARTBEAT = 20.0  # seconds between pings; two missed ones end the connection
CLOSE_TIMEOUT = 3.0  # seconds that a client may take to answer a close; one without network never does
MAX_FRAME = 256 * 1024
MAX_ID = 64
SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("sockets", set)
"""Every open WebSocket of the application; closed when it shuts down."""
Serve = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


def closer(socket: web.WebSocketResponse, code: int = WSCloseCode.TRY_AGAIN_LATER) -> Callable[[], None]:
    """Ends a connection from outside of its task; by default that of a client that reads too slowly and must resume."""
    loop = asyncio.get_running_loop()
    closing: set[asyncio.Task[None]] = set()

    def close() -> None:
        if not closing:
            closing.add(loop.create_task(_close(socket, code)))

    return close


async def accept(http: web.Request) -> web.WebSocketResponse:
    """Upgrades a request whose sender may have a socket."""
    socket = web.WebSocketResponse(timeout=CLOSE_TIMEOUT, heartbeat=HEARTBEAT, max_msg_size=MAX_FRAME, compress=False)
    await socket.prepare(http)
    http.app[SOCKETS].add(socket)
    return socket


async def close_all(app: web.Application) -> None:
    """Tells every client to come back later; a client resumes by its token after a restart of the page's server.

    A client that reads nothing is not waited for: the close frame stands behind what it has not read.
    """
    sockets = app[SOCKETS]
    await asyncio.gather(*(_close(socket, WSCloseCode.GOING_AWAY, b"shutting down") for socket in tuple(sockets)))


async def _close(socket: web.WebSocketResponse, code: int, message: bytes = b"") -> None:
    """Returns in `CLOSE_TIMEOUT` at most; the transport is closed then, whatever the client has read."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await socket.close(code=code, message=message)


async def run(
    http: web.Request, socket: web.WebSocketResponse, outbox: Outbox, queue: asyncio.Queue[str], serve: Serve
) -> None:
    """Until the peer goes away. `serve` handles one request and returns the `ok` value or raises an expected error."""
    writer = asyncio.create_task(_write(socket, queue))
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await _serve_frame(message.data, outbox, serve)
            elif message.type is WSMsgType.BINARY:
                await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text frames only")
    finally:
        writer.cancel()
        http.app[SOCKETS].discard(socket)


async def _write(socket: web.WebSocketResponse, queue: asyncio.Queue[str]) -> None:
    try:
        while True:
            await socket.send_str(await queue.get())
    except (ConnectionError, RuntimeError) as error:  # the peer went away while frames were waiting
        log.debug("x writer ended", reason=str(error))


async def _serve_frame(text: str, outbox: Outbox, serve: Serve) -> None:
    request: Any = None
    try:
        document = _parse(text)
        request = document["id"]
        outbox.reply(request, "ok", await serve(document))
    except (SwitchError, WebError) as error:
        outbox.reply(request, "error", problem_of(error))
    except ValidationError as error:
        faults = [FieldFault(".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        outbox.reply(request, "error", problem_of(BadRequest("the request is not valid", faults=faults)))


def _parse(text: str) -> dict[str, Any]:
    if NUL.decode() in text:
        raise BadRequest(NO_NUL)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"expected JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise BadRequest('expected {"id":…,"type":"…"}')
    identity = document.get("id")  # goes back with the reply, which waits in memory until the client reads it
    if not isinstance(identity, int | str) or len(ascii(identity)) > MAX_ID:
        raise BadRequest(f"expected an id, a number or text of at most {MAX_ID} signs")
    return document
