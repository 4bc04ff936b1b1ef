"""The aiohttp application: middlewares, REST table, WebSocket, pages, health and metrics."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from softswitch.services import Services
from web import pages
from web.api import ROUTES
from web.auth import Unauthorized, session_middleware, session_of
from web.errors import errors_middleware
from web.keys import SERVICES
from web.limits import rate_limit
from web.openapi import document
from web.provision import add_provisioning
from web.routing import API, add_routes
from web.ws.guard import Guard
from web.ws.hub import Hub
from web.ws.people import serve_person
from web.ws.socket import SOCKETS, close_all
from web.ws.widget import Widgets, serve_widget

HUB = web.AppKey("hub", Hub)
GUARD = web.AppKey("guard", Guard)
WIDGETS = web.AppKey("widgets", Widgets)
MAX_BODY = 2 << 20  # octets


def create_app(services: Services) -> web.Application:
    """Everything of the API role. The caller binds and serves it."""
    app = web.Application(middlewares=[errors_middleware, rate_limit(), session_middleware], client_max_size=MAX_BODY)
    app[SERVICES] = services
    app[HUB] = Hub(services)
    app[GUARD] = Guard(services)
    app[WIDGETS] = Widgets()
    app[SOCKETS] = set()
    add_routes(app, ROUTES)
    description = json.dumps(document(ROUTES, services.version), ensure_ascii=False)

    async def openapi(_: web.Request) -> web.Response:
        return web.Response(text=description, content_type="application/json")

    app.router.add_get(f"{API}/openapi.json", openapi)
    app.router.add_get(f"{API}/ws", _websocket)
    app.router.add_get("/sip", _sip)
    if not services.settings.metrics.listen:
        add_health(app, services)
    add_provisioning(app)
    pages.add_pages(app)
    app.cleanup_ctx.append(_run_hub)
    app.on_shutdown.append(close_all)
    return app


def create_metrics_app(services: Services) -> web.Application:
    """Health and metrics alone, for an address of their own."""
    app = web.Application(middlewares=[errors_middleware])
    app[SERVICES] = services
    add_health(app, services)
    return app


def add_health(app: web.Application, services: Services) -> None:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        ready = services.readiness.ready
        conditions = [{"name": c.name, "ok": c.ok, "text": c.text} for c in services.readiness.report()]
        document = {"status": "ready" if ready else "not ready", "conditions": conditions}
        return web.json_response(document, status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=services.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


async def _websocket(http: web.Request) -> web.StreamResponse:
    services = http.app[SERVICES]
    if "token" in http.query:
        return await serve_widget(http, services, http.app[WIDGETS])
    session = session_of(http)
    if session is None:
        raise Unauthorized("sign in first")
    return await serve_person(http, services, http.app[HUB], http.app[GUARD], session)


async def _sip(http: web.Request) -> web.StreamResponse:
    """SIP over WebSocket (RFC 7118): who connects signs in by SIP, not by a session; `sip.ws_origins` says which pages may."""
    serve = http.app[SERVICES].sip_socket
    if serve is None:
        raise web.HTTPNotFound
    answer: web.StreamResponse = await serve(http)
    return answer


async def _run_hub(app: web.Application):  # type: ignore[no-untyped-def]  # aiohttp's cleanup contexts are async generators
    app[HUB].start()
    guarding = asyncio.get_running_loop().create_task(app[GUARD].run())
    yield
    guarding.cancel()
    app[WIDGETS].close()
    await app[HUB].stop()
