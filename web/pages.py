"""The built pages: one document for all page paths, hashed assets, the widget; with the headers that browsers need."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
PAGES = (
    "/", "/login", "/demo", "/agent", "/supervisor", "/wallboard", "/history", "/callbacks", "/voicemail", "/customers",
    "/conferences", "/reports", "/reports/{report}", "/admin", "/account",
)  # fmt: skip
_YEAR = 31_536_000
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)


async def page(_: web.Request) -> web.StreamResponse:
    document = STATIC / "index.html"
    if not document.is_file():
        return web.Response(status=503, text="The web pages are not built: run script/setup.\n")
    return web.FileResponse(document, headers={"Cache-Control": "no-cache"})


async def widget(_: web.Request) -> web.StreamResponse:
    """Loaded by any web site, so it may be read across origins; it holds no secret."""
    script = STATIC / "widget.js"
    if not script.is_file():
        return web.Response(status=503, text="The web pages are not built: run script/setup.\n")
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "max-age=300",
    }
    return web.FileResponse(script, headers=headers)


async def favicon(_: web.Request) -> web.StreamResponse:
    icon = STATIC / "favicon.svg"
    return web.FileResponse(icon) if icon.is_file() else web.Response(status=204)


async def secure_headers(http: web.Request, response: web.StreamResponse) -> None:
    """Added to everything that leaves (on_response_prepare)."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Content-Security-Policy", _POLICY)
    headers.setdefault("Permissions-Policy", "microphone=(self)")
    headers.popall("Server", None)
    if http.path.startswith("/assets/"):
        headers["Cache-Control"] = f"max-age={_YEAR}, immutable"
    elif http.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")


def add_pages(app: web.Application) -> None:
    for path in PAGES:
        app.router.add_get(path, page)
    app.router.add_get("/widget.js", widget)
    app.router.add_get("/favicon.ico", favicon)
    if (STATIC / "assets").is_dir():
        app.router.add_static("/assets/", STATIC / "assets")
    app.on_response_prepare.append(secure_headers)
