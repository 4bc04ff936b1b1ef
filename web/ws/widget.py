"""The WebSocket of a click-to-call widget: one call, with a token that says to where and from which site."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from secrets import token_urlsafe
from typing import Any

from aiohttp import WSCloseCode, web

from softswitch.access.turn import ice_servers
from softswitch.legs.browser import BrowserSession
from softswitch.model.errors import Conflict
from softswitch.model.events import CallEnded, Event
from softswitch.services import CallView, QueueView, Services, Ticket
from web.errors import BadRequest
from web.ws import requests, socket
from web.ws.outbox import Outbox

MAX_CONTEXT_VALUE = 500
STATES_TOLD = ("ringing", "ivr", "waiting", "talking", "held")
ABSENCE = 33.0  # seconds that a call outlives its lost connection: 30 away and 3 to connect again, as for an agent's page
Redeem = Callable[[requests.CallStart], Awaitable[Ticket]]
LEFT = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)
"""What a page says that closes the connection itself: it hangs up, or its tab is closed."""


async def serve_widget(http: web.Request, services: Services, widgets: Widgets) -> web.StreamResponse:
    """Raises Forbidden for a token that is unknown, too old, or meant for another origin."""
    token, origin, resume = http.query["token"], http.headers.get("Origin", ""), http.query.get("resume", "")
    address = http.remote or ""
    if not widgets.has(resume, origin):
        services.clicks.verify(token, origin, address)
    ws = await socket.accept(http)
    client = widgets.take(resume, origin)
    is_back = client is not None
    if client is None:
        redeem = partial(_redeem, services, token, origin, address)
        client = WidgetClient(services, redeem, Outbox("", token_urlsafe(24)), origin)
        client.start()
        widgets.add(client)
    queue = client.outbox.connect(socket.closer(ws))
    if is_back:
        after = http.query.get("after", "0")
        client.outbox.replay(int(after) if after.isdecimal() else 0)
    elif resume:
        client.outbox.event({"type": "resync"})  # the call that it asks for is over
    try:
        await socket.run(http, ws, client.outbox, queue, client.serve)
    finally:
        widgets.gone(client, queue, left=ws.close_code in LEFT)
    return ws


async def _redeem(services: Services, token: str, origin: str, address: str, asked: requests.CallStart) -> Ticket:
    """Spends the token for a call. Raises Forbidden."""
    await services.clicks.check_person(asked.captcha, address)
    return services.clicks.redeem(token, origin, address, asked.to)


class Widgets:
    """The pages of customers, connected or away, by resume token. One per process."""

    def __init__(self) -> None:
        self._clients: dict[str, WidgetClient] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}

    def add(self, client: WidgetClient) -> None:
        self._clients[client.outbox.resume] = client

    def has(self, resume: str, origin: str) -> bool:
        """Whether there is such a page to take back; only for the site that it began at."""
        client = self._clients.get(resume)
        return client is not None and client.origin == origin

    def take(self, resume: str, origin: str) -> WidgetClient | None:
        """Whose connection was lost, known to be or not; the former one is closed then."""
        if not self.has(resume, origin):
            return None
        client = self._clients[resume]
        if (ending := self._ends.pop(resume, None)) is not None:
            ending.cancel()
        if client.outbox.overflow is not None:
            client.outbox.overflow()
        return client

    def gone(self, client: WidgetClient, queue: asyncio.Queue[str], *, left: bool) -> None:
        """The connection is closed. Nothing when another one has taken its place."""
        if client.outbox.send is not queue:
            return
        client.outbox.disconnect()
        if left or not client.is_in_call:
            self._forget(client)
        else:
            self._ends[client.outbox.resume] = asyncio.get_running_loop().call_later(ABSENCE, self._forget, client)

    def close(self) -> None:
        """Ends what is away."""
        for resume, ending in tuple(self._ends.items()):
            ending.cancel()
            self._forget(self._clients[resume])

    def _forget(self, client: WidgetClient) -> None:
        self._clients.pop(client.outbox.resume, None)
        self._ends.pop(client.outbox.resume, None)
        client.close()


class WidgetClient:
    """One page, and one call: `redeem` spends its token."""

    def __init__(self, services: Services, redeem: Redeem, outbox: Outbox, origin: str) -> None:
        self.outbox = outbox
        self.origin = origin
        self._services = services
        self._redeem = redeem
        self._session: BrowserSession | None = None
        self._call = ""
        self._told: dict[str, Any] = {}
        self._stops: list[Any] = []

    @property
    def is_in_call(self) -> bool:
        return self._session is not None and self._session.leg is not None

    def start(self) -> None:
        services = self._services
        ended = services.bus.subscribe(self._on_ended, (CallEnded,))
        queues = services.floor.watch(agent=lambda _: None, queue=self._on_queue, offer=lambda *_: None)
        self._stops = [services.calls.watch(self._on_call), queues, ended.close]

    def close(self) -> None:
        for stop in self._stops:
            stop()
        self._drop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    async def serve(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        model = requests.WIDGET.get(document["type"])
        if model is None:
            raise BadRequest(f"unknown type {document['type']!r}")
        message = model.model_validate(document)
        match message:
            case requests.CallStart():
                return await self._start_call(message)
            case requests.Message(type="media.ice"):
                services = self._services
                return {"ice_servers": ice_servers(services.settings.media, "widget", services.clock.utc())}
            case requests.MediaOffer():
                if self._session is None or self._session.leg is None:
                    raise Conflict("there is no call")
                return {"sdp": await self._session.offer(message.sdp)}
            case requests.Digits():
                if self._session is None or self._session.leg is None:
                    raise Conflict("there is no call")
                self._session.leg.dial_digits(message.digits)
            case _:
                self._drop()
        return {}

    async def _start_call(self, message: requests.CallStart) -> Mapping[str, Any]:
        if self._session is not None and self._session.leg is not None:
            raise Conflict("there is a call already")
        ticket = await self._redeem(message)
        self._drop()
        session = self._services.browsers.widget()
        answer = await session.offer(message.sdp)
        self._session, self._told = session, {}
        context = {key[:64]: value[:MAX_CONTEXT_VALUE] for key, value in message.context.items()}
        self._call = await self._services.calls.start_widget(session, ticket.to, context, message.name, ticket.max_duration)
        return {"sdp": answer, "call": self._call, "resume": self.outbox.resume}

    def _tell(self, state: Mapping[str, Any]) -> None:
        if state != self._told:
            self._told = dict(state)
            self.outbox.event({"type": "call.state", **state})

    def _on_call(self, view: CallView) -> None:
        if view.id == self._call and view.state in STATES_TOLD:
            self._tell({"state": view.state})

    def _on_queue(self, view: QueueView) -> None:
        mine = next((waiting for waiting in view.calls if waiting.call == self._call), None)
        if mine is not None and self._told.get("state") in (None, "waiting", "ivr"):
            self._tell({"state": "waiting", "position": mine.position})

    def _on_ended(self, event: Event) -> None:
        if isinstance(event, CallEnded) and event.call == self._call:
            self._tell({"state": "ended", "cause": event.cause})
            self._call = ""
            self._drop()
