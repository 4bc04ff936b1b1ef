"""Signing in by one-time link or password, who I am, signing out."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from web import shapes
from web.auth import Session, Unauthorized, clear_cookies, describe, set_cookies
from web.routing import EVERYBODY, Model, Request, Route


class LinkCode(Model):
    code: str = Field(max_length=128)


class Credentials(Model):
    login: str = Field(max_length=128)
    password: str = Field(max_length=1024)


async def redeem_link(request: Request) -> web.Response:
    return await _signed_in(request, await request.services.users.redeem_link(request.body(LinkCode).code))


async def sign_in(request: Request) -> web.Response:
    body = request.body(Credentials)
    return await _signed_in(request, await request.services.users.sign_in(body.login, body.password))


async def _signed_in(request: Request, cookie: str) -> web.Response:
    principal = await request.services.users.session(cookie)
    if principal is None:
        raise Unauthorized("the user may not sign in")
    session = Session(principal, cookie)
    response = web.json_response(describe(session))
    set_cookies(response, session, secure=request.http.secure)
    return response


async def get_session(request: Request) -> dict[str, object]:
    return describe(request.who)


async def sign_out(request: Request) -> web.Response:
    response = web.Response(status=204)
    if request.who.cookie:
        await request.services.users.end_session(request.who.cookie)
        clear_cookies(request.http, response, request.who)
    return response


ROUTES = (
    Route(method="POST", path="/auth/link", handler=redeem_link, roles=None, body=LinkCode, reply=shapes.SessionShape,
          summary="Sign in with a one-time link"),
    Route(method="POST", path="/auth/session", handler=sign_in, roles=None, body=Credentials, reply=shapes.SessionShape,
          summary="Sign in with login and password"),
    Route(method="GET", path="/auth/session", handler=get_session, roles=EVERYBODY, reply=shapes.SessionShape,
          summary="Who is signed in"),
    Route(method="DELETE", path="/auth/session", handler=sign_out, roles=EVERYBODY, status=204, summary="Sign out"),
)  # fmt: skip
