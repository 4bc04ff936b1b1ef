"""Signing in by link, password, LDAP or OpenID Connect; who I am; my password, second factor and sessions; signing out."""

from __future__ import annotations

import structlog
from aiohttp import web
from pydantic import Field

from softswitch.access.entrance import Entrance
from softswitch.directory.credentials import CodeNeeded, Locked
from softswitch.directory.users import Origin, SessionView
from softswitch.model.errors import Busy, Forbidden, NotFound, SwitchError
from softswitch.model.states import Role
from web import shapes
from web.auth import Session, Unauthorized, clear_cookies, describe, set_cookies
from web.errors import problem, problem_of, respond
from web.routing import EVERYBODY, Model, Request, Route

log = structlog.get_logger("http")
BEGUN_COOKIE = "softswitch_oidc"
PEOPLE = EVERYBODY - {Role.API}
ISSUER = "softswitch"
_CALLBACK = "/api/v1/auth/oidc/callback"
_ON = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={}"><title>softswitch</title>'
"""A page of ours that goes on: a redirect that began at the provider would not carry our cookie, SameSite=Strict."""


class LinkCode(Model):
    code: str = Field(max_length=128)


class Credentials(Model):
    login: str = Field(max_length=128)
    password: str = Field(max_length=1024)
    code: str = Field("", max_length=32, description="of the second factor, when there is one")


class Password(Model):
    old: str = Field("", max_length=1024)
    new: str = Field(min_length=1, max_length=1024)


class Code(Model):
    code: str = Field(max_length=32)


class Methods(shapes.Shape):
    password: bool
    link: bool
    ldap: bool
    oidc: dict[str, str] | None


class Device(shapes.Shape):
    secret: str
    uri: str


class RecoveryCodes(shapes.Shape):
    recovery: list[str]


class SessionItem(shapes.Shape):
    id: str
    created: str | None
    used: str | None
    expires: str | None
    address: str
    client: str
    how: str
    current: bool


class SessionList(shapes.Shape):
    items: list[SessionItem]
    next: str | None = None


def origin(request: Request) -> Origin:
    return Origin(request.http.remote or "", request.http.headers.get("User-Agent", ""))


def session_item(view: SessionView, current: str = "") -> SessionItem:
    return SessionItem(
        id=view.id, created=shapes.time(view.created_at), used=shapes.time(view.used_at), expires=shapes.time(view.expires_at),
        address=view.address, client=view.client, how=view.how, current=view.id == current,
    )  # fmt: skip


async def redeem_link(request: Request) -> web.Response:
    return await _signed_in(request, await request.services.users.redeem_link(request.body(LinkCode).code, origin(request)))


async def sign_in(request: Request) -> web.StreamResponse:
    body = request.body(Credentials)
    try:
        cookie = await request.services.part(Entrance).sign_in(body.login, body.password, body.code, origin(request))
    except CodeNeeded as error:
        return respond({**problem_of(error), "second_factor": True})
    except Locked as error:
        return respond(problem(429, str(error), code=error.code), {"Retry-After": str(max(1, round(error.seconds)))})
    return await _signed_in(request, cookie)


async def _signed_in(request: Request, cookie: str) -> web.Response:
    session = await _session(request, cookie)
    response = web.json_response(describe(session))
    set_cookies(response, session, secure=request.http.secure, seconds=request.services.users.rules.session_seconds)
    return response


async def _session(request: Request, cookie: str) -> Session:
    principal = await request.services.users.session(cookie)
    if principal is None:
        raise Unauthorized("the user may not sign in")
    return Session(principal, cookie)


async def get_methods(request: Request) -> Methods:
    return Methods.model_validate(request.services.part(Entrance).methods())


def _on(target: str, status: int = 200) -> web.Response:
    return web.Response(text=_ON.format(target), status=status, content_type="text/html", headers={"Cache-Control": "no-store"})


def _refused(error: SwitchError | Unauthorized) -> web.Response:
    """Back to the sign-in page, which says it in words: whoever comes here is a browser, not a program."""
    log.info("no sign-in by OpenID Connect", error=str(error))
    return _on(f"/login?refused={'provider' if isinstance(error, Busy) else 'person'}", problem_of(error)["status"])


async def begin_oidc(request: Request) -> web.Response:
    provider = request.services.part(Entrance).oidc
    base = provider.settings.address.rstrip("/") or f"{request.http.scheme}://{request.http.host}"
    try:
        address, sealed = await provider.begin(base + _CALLBACK)
    except SwitchError as error:
        return _refused(error)
    response = web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
    secure = base.startswith("https:")
    response.set_cookie(BEGUN_COOKIE, sealed, max_age=600, httponly=True, samesite="Lax", secure=secure, path=_CALLBACK)
    return response


async def finish_oidc(request: Request) -> web.Response:
    http = request.http
    sealed, code, state = http.cookies.get(BEGUN_COOKIE, ""), http.query.get("code", ""), http.query.get("state", "")
    try:
        if "error" in http.query:
            raise Forbidden("The provider did not sign you in")
        cookie = await request.services.part(Entrance).finish_oidc(sealed, code, state, origin(request))
        session = await _session(request, cookie)
    except (SwitchError, Unauthorized) as error:
        return _refused(error)
    response = _on("/")
    set_cookies(response, session, secure=http.secure, seconds=request.services.users.rules.session_seconds)
    response.del_cookie(BEGUN_COOKIE, path=_CALLBACK)
    return response


async def get_session(request: Request) -> dict[str, object]:
    return describe(request.who)


async def sign_out(request: Request) -> web.Response:
    response = web.Response(status=204)
    if request.who.cookie:
        await request.services.users.end_session(request.who.cookie)
        clear_cookies(request.http, response, request.who)
    return response


async def change_password(request: Request) -> web.Response:
    """Ends all sessions of the user; this one goes on under a new cookie."""
    users, who, body = request.services.users, request.who, request.body(Password)
    await users.change_password(who.login, body.old, body.new)
    return await _signed_in(request, await users.open_session(who.login, "password", origin(request)))


async def enrol(request: Request) -> Device:
    credentials, login = request.services.users.credentials, request.who.login
    if (await credentials.standing(login)).second_factor:
        raise Forbidden("There is a second factor; remove it first")
    secret, uri = await credentials.enrol(login, ISSUER)
    return Device(secret=secret, uri=uri)


async def confirm(request: Request) -> RecoveryCodes:
    credentials = request.services.users.credentials
    return RecoveryCodes(recovery=await credentials.confirm(request.who.login, request.body(Code).code))


async def remove_second_factor(request: Request) -> None:
    credentials = request.services.users.credentials
    await credentials.check_code(request.who.login, request.body(Code).code)
    await credentials.remove_second_factor(request.who.login)


async def list_sessions(request: Request) -> SessionList:
    views = await request.services.users.sessions(request.who.login)
    return SessionList(items=[session_item(view, request.who.digest[:16]) for view in views])


async def end_session(request: Request) -> None:
    if not await request.services.users.end_sessions(request.who.login, request.path("session")):
        raise NotFound("There is no such session")


async def end_others(request: Request) -> None:
    await request.services.users.end_sessions(request.who.login, but=request.who.cookie)


ROUTES = (
    Route(method="GET", path="/auth/methods", handler=get_methods, reply=Methods, summary="The ways to sign in"),
    Route(method="POST", path="/auth/link", handler=redeem_link, body=LinkCode, reply=shapes.SessionShape,
          summary="Sign in with a one-time link"),
    Route(method="POST", path="/auth/session", handler=sign_in, body=Credentials, reply=shapes.SessionShape,
          summary="Sign in with login and password; 403 with second_factor=true asks for a code"),
    Route(method="GET", path="/auth/oidc", handler=begin_oidc, status=302, reply_type="text/html",
          summary="To the OpenID provider"),
    Route(method="GET", path="/auth/oidc/callback", handler=finish_oidc, reply_type="text/html",
          summary="Back from the OpenID provider"),
    Route(method="GET", path="/auth/session", handler=get_session, roles=EVERYBODY, reply=shapes.SessionShape,
          unfinished=True, summary="Who is signed in"),
    Route(method="DELETE", path="/auth/session", handler=sign_out, roles=EVERYBODY, status=204, unfinished=True,
          summary="Sign out"),
    Route(method="PUT", path="/auth/password", handler=change_password, roles=PEOPLE, body=Password, unfinished=True,
          reply=shapes.SessionShape, summary="Change the own password; all other sessions end"),
    Route(method="POST", path="/auth/second-factor", handler=enrol, roles=PEOPLE, reply=Device, unfinished=True,
          summary="Set up a device; `uri` is what its camera reads"),
    Route(method="POST", path="/auth/second-factor/confirm", handler=confirm, roles=PEOPLE, body=Code, unfinished=True,
          reply=RecoveryCodes, summary="The first code of the device; returns recovery codes, shown once"),
    Route(method="DELETE", path="/auth/second-factor", handler=remove_second_factor, roles=PEOPLE, body=Code, status=204,
          summary="Remove the device, with one of its codes"),
    Route(method="GET", path="/auth/sessions", handler=list_sessions, roles=PEOPLE, reply=SessionList,
          summary="Where I am signed in"),
    Route(method="DELETE", path="/auth/sessions", handler=end_others, roles=PEOPLE, status=204,
          summary="End all my sessions but this one"),
    Route(method="DELETE", path="/auth/sessions/{session}", handler=end_session, roles=PEOPLE, status=204,
          summary="End one of my sessions"),
)  # fmt: skip
