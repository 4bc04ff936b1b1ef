"""The files that phones fetch: by an address that holds a secret, over HTTPS alone (or from this machine)."""

from __future__ import annotations

import base64
import ipaddress

from aiohttp import web

from softswitch.model.errors import NotFound
from softswitch.registrar.provisioning import PATH, PinWantedError, Provisioning
from web.keys import SERVICES


def add_provisioning(app: web.Application) -> None:
    app.router.add_get(PATH + "/{token:[0-9a-f]{32}}/{file}", _file)


async def _file(http: web.Request) -> web.Response:
    """404 whatever is wrong: who guesses learns nothing. The address is in no log."""
    if not http.secure and not _is_local(http.remote or ""):
        raise NotFound("no such file")
    try:
        file = http.app[SERVICES].part(Provisioning).file(
            http.match_info["token"], http.match_info["file"], base=f"{http.scheme}://{http.host}",
            address=http.remote or "", agent=http.headers.get("User-Agent", "")[:200], pin=_pin(http),
        )  # fmt: skip
    except PinWantedError:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="phone"', "Cache-Control": "no-store"})
    return web.Response(text=file.content, content_type=file.content_type, headers={"Cache-Control": "no-store"})


def _pin(http: web.Request) -> str:
    """The password of HTTP Basic authentication (RFC 7617), whatever the name; "" without one that can be read."""
    scheme, _, value = http.headers.get("Authorization", "").partition(" ")
    try:
        told = base64.b64decode(value, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:  # no base64, no UTF-8
        return ""
    return told.partition(":")[2]


def _is_local(address: str) -> bool:
    """This machine: a proxy in front of us that speaks HTTPS to the world, or a test."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
