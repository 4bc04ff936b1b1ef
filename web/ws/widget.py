"""The WebSocket of a click-to-call widget: one call, with a token that says to where and from which site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from softswitch.access.turn import ice_servers
from softswitch.legs.browser import BrowserSession
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict
from softswitch.model.events import CallEnded, Event
from softswitch.services import CallView, QueueView, Services
from web.errors import BadRequest
from web.ws import requests, socket
from web.ws.outbox import Outbox

MAX_CONTEXT_VALUE = 500
STATES_TOLD = ("ringing", "ivr", "waiting", "talking", "held")


async def serve_widget(http: web.Request, services: Services) -> web.StreamResponse:
    """Raises Forbidden for a token that is unknown, too old, or meant for another origin."""
    token, origin = http.query["token"], http.headers.get("Origin", "")
    services.clicks.verify(token, origin)
    ws = await socket.accept(http)
    outbox = Outbox("", "")
    queue = outbox.connect(socket.closer(ws))
    client = WidgetClient(services, partial(services.clicks.verify, token, origin), outbox)
    client.start()
    try:
        await socket.run(http, ws, outbox, queue, client.serve)
    finally:
        client.close()
    return ws


class WidgetClient:
    """One page, at most one call at a time. `destination` judges the token anew for each: a socket may outlive it."""

    def __init__(self, services: Services, destination: Callable[[], Destination], outbox: Outbox) -> None:
        self._services = services
        self._destination = destination
        self._outbox = outbox
        self._session: BrowserSession | None = None
        self._call = ""
        self._told: dict[str, Any] = {}
        self._stops: list[Any] = []

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
        to = self._destination()
        self._drop()
        session = self._services.browsers.widget()
        answer = await session.offer(message.sdp)
        self._session, self._told = session, {}
        context = {key[:64]: value[:MAX_CONTEXT_VALUE] for key, value in message.context.items()}
        self._call = await self._services.calls.start_widget(session, to, context, message.name)
        return {"sdp": answer, "call": self._call}

    def _tell(self, state: Mapping[str, Any]) -> None:
        if state != self._told:
            self._told = dict(state)
            self._outbox.event({"type": "call.state", **state})

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
