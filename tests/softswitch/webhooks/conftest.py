"""A journal, an outbox and endpoints that answer as they are told; real time, short pauses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.directory.centre import Webhook
from softswitch.directory.model import Kind
from softswitch.directory.snapshot import Snapshot
from softswitch.model.events import CallCreated, CallEnded
from softswitch.observe.alarms import Alarms
from softswitch.observe.clock import SystemClock
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from softswitch.webhooks import envelope
from softswitch.webhooks.service import Webhooks
from softswitch.webhooks.tables import SCHEMA
from softswitch.webhooks.wire import Wire

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def fine(_: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


@dataclass
class Endpoint:
    """Keeps what it was sent; `answering` says how it answers."""

    answering: Answering = fine
    got: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    server: TestServer | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self.server = TestServer(app)
        await self.server.start_server()

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/hook"))

    async def _take(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.got.append(({**request.headers, "text": text}, json.loads(text)))
        return await self.answering(request)

    def calls(self) -> list[str]:
        return [body["event"]["call"] for _, body in self.got]


@dataclass
class Post:
    """The node's side. `hook` declares one, `call` journals a call of two events."""

    store: Store
    journal: Journal
    alarms: Alarms
    hooks: Webhooks
    snapshot: list[Snapshot]
    endpoints: list[Endpoint] = field(default_factory=list)

    async def endpoint(self, answering: Answering = fine) -> Endpoint:
        found = Endpoint(answering)
        await found.start()
        self.endpoints.append(found)
        return found

    def declare(self, *hooks: Webhook) -> None:
        self.snapshot[0] = Snapshot.of([(Kind.WEBHOOK, hook) for hook in hooks], version=1)
        self.hooks.configure()

    async def ready(self) -> None:
        """The hooks of the directory have begun to listen to the journal."""
        async with asyncio.timeout(5):
            while not self.hooks._begun:
                await asyncio.sleep(0.01)

    def call(self, name: str) -> None:
        at = self.hooks.clock.utc()
        self.journal.append(CallCreated(call=name, seq=1, at=at, direction="in", caller="138", called="400", source="sip"))
        self.journal.append(CallEnded(call=name, seq=2, at=at, who="caller", cause="normal", q850=16, sip_status=200))

    async def until(self, met: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not met():
                await asyncio.sleep(0.01)


@pytest.fixture
async def post(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(envelope, "BACKOFF", (0.05, 0.1))
    clock, bus = SystemClock(), Bus()
    store = await Store.open(url, (SCHEMA,))
    journal = Journal(store, bus.publish, clock, fold)
    journal.start()
    alarms = Alarms(journal.append, clock)
    snapshot = [Snapshot.of([], version=1)]
    hooks = Webhooks(store, clock, lambda: snapshot[0], alarms.raise_, alarms.clear, Wire(clock, "0", seconds=0.5))
    bus.subscribe(lambda _: hooks.note())
    await hooks.start()
    made = Post(store, journal, alarms, hooks, snapshot)
    yield made
    await hooks.close()
    await journal.close()
    for endpoint in made.endpoints:
        if endpoint.server is not None:
            await endpoint.server.close()
    await store.close()
