"""The WebSocket of a signed-in person: agent desk, supervisor board, browser media."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from softswitch.access.rights import Permission, may
from softswitch.access.turn import ice_servers
from softswitch.features.conference import Conferences
from softswitch.model.errors import Forbidden
from softswitch.model.states import Role
from softswitch.services import Services
from web import shapes
from web.api.conferences import room
from web.auth import Session, describe
from web.errors import BadRequest
from web.routing import DUTIES
from web.ws import desk, pop, requests, socket, supervising
from web.ws.guard import SIGNED_OUT, Guard
from web.ws.hub import Hub
from web.ws.outbox import Outbox


def check_origin(http: web.Request) -> None:
    """A browser's cookie must not be usable by another site's page (cross-site WebSocket hijacking). Raises Forbidden."""
    origin = http.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != http.host:
        raise Forbidden("this origin may not use a person's session")


async def serve_person(http: web.Request, services: Services, hub: Hub, guard: Guard, session: Session) -> web.StreamResponse:
    if session.role is Role.API:
        raise Forbidden("the WebSocket is for people and widgets")
    if session.principal.duty:
        raise Forbidden(DUTIES[session.principal.duty])
    check_origin(http)
    ws = await socket.accept(http)
    after = http.query.get("after", "0")
    outbox, queue, resumed = hub.attach(
        session.login,
        http.query.get("resume", ""),
        int(after) if after.isdecimal() else 0,
        socket.closer(ws),
    )
    client = PersonClient(services, hub, session, outbox)
    unwatch = guard.watch(session, socket.closer(ws, SIGNED_OUT))
    try:
        if not resumed:
            if http.query.get("resume"):
                outbox.event({"type": "resync"})
            outbox.event({"type": "hello", "resume": outbox.resume, "session": describe(session)})
        await socket.run(http, ws, outbox, queue, client.serve)
    finally:
        unwatch()
        hub.detach(outbox, queue)
    return ws


class PersonClient:
    """Serves the requests of one connection."""

    def __init__(self, services: Services, hub: Hub, session: Session, outbox: Outbox) -> None:
        self._services = services
        self._hub = hub
        self._login = session.login
        self._session = session
        self._outbox = outbox
        self._handlers = {
            "subscribe": self._subscribe,
            "media.offer": self._media_offer,
            "media.close": self._media_close,
            "media.ice": self._media_ice,
            **{kind: partial(self._desk_order, handler) for kind, handler in desk.HANDLERS.items()},
            **{kind: partial(self._supervising, handler) for kind, handler in supervising.HANDLERS.items()},
        }

    async def serve(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        kind = document["type"]
        if kind not in requests.PEOPLE:
            raise BadRequest(f"unknown type {kind!r}")
        model, roles = requests.PEOPLE[kind]
        agent = self._login in self._services.directory.current().agents
        if self._session.role not in roles and not (agent and Role.AGENT in roles):
            raise Forbidden(f"the role {self._session.role} may not send {kind}")
        handler: Any = self._handlers[kind]
        result: Mapping[str, Any] = await handler(model.model_validate(document))
        return result

    async def _subscribe(self, message: requests.Subscribe) -> Mapping[str, Any]:
        role = self._session.role
        for topic, permission in (("board", Permission.BOARD), ("calls", Permission.CALLS), ("rooms", Permission.BOARD)):
            if topic in message.topics and not may(role, permission):
                raise Forbidden(f"the topic {topic} is not for the role {role}")
        scope = self._hub.scope(self._login)
        self._outbox.topics |= set(message.topics)
        found: dict[str, Any] = {}
        if "agent" in message.topics:
            found |= self._desk()
        if "board" in message.topics:
            floor = self._services.floor
            found["agents"] = [shapes.agent(view).model_dump() for view in floor.agents() if scope.may_see_agent(view.login)]
            found["queues"] = [shapes.queue(view).model_dump() for view in floor.queues() if scope.may_see_queue(view.name)]
        if "calls" in message.topics:
            found["calls"] = [
                self._live(view) for view in self._services.calls.live() if scope.may_see_call(view.agent, view.queue)
            ]  # fmt: skip
        if "rooms" in message.topics:
            found["rooms"] = [room(view).model_dump() for view in self._services.part(Conferences).views()]
        return found

    def _live(self, view: Any) -> dict[str, Any]:
        return shapes.live_call(view, self._hub.names(), self._services.clock.utc()).model_dump()

    def _desk(self) -> dict[str, Any]:
        if self._login not in self._services.directory.current().agents:
            return {"agent": None, "offer": None, "call": None}
        agent = self._services.floor.agent(self._login)
        offer = self._services.floor.offer_of(self._login)
        call = self._services.calls.view(agent.call) if agent.call else None
        return {
            "agent": shapes.agent(agent).model_dump(),
            "offer": pop.offer(self._services, offer, self._login) if offer else None,
            "call": self._live(call) if call else None,
        }

    async def _media_offer(self, message: requests.MediaOffer) -> Mapping[str, Any]:
        answer = await self._services.browsers.offer(self._login, message.sdp, self._session.name)
        return {"sdp": answer}

    async def _media_close(self, _: requests.Message) -> Mapping[str, Any]:
        self._services.browsers.close(self._login)
        return {}

    async def _media_ice(self, _: requests.Message) -> Mapping[str, Any]:
        services = self._services
        return {"ice_servers": ice_servers(services.settings.media, self._login, services.clock.utc())}

    async def _desk_order(self, handler: desk.Handler, message: requests.Message) -> Mapping[str, Any]:
        return await handler(self._services, self._login, message)

    async def _supervising(self, handler: supervising.Handler, message: requests.Message) -> Mapping[str, Any]:
        return await handler(self._services, self._login, message)
