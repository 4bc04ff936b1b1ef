"""Who is asking: a bearer token of a program or the cookie session of a person, looked up once per request."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from softswitch.directory.users import Principal, csrf_fits, csrf_of
from softswitch.model.states import Role
from softswitch.services import Services
from web.errors import WebError
from web.keys import SERVICES

COOKIE = "softswitch_session"
CSRF_HEADER = "X-CSRF-Token"
SESSION_SECONDS = 12 * 3600


class Unauthorized(WebError):
    """Nobody is signed in, or the token is not known."""

    status = 401


@dataclass(frozen=True, slots=True)
class Session:
    """`cookie` is empty for programs, whose requests need no CSRF token: a browser never adds their header by itself."""

    principal: Principal
    cookie: str = ""

    @property
    def login(self) -> str:
        return self.principal.login

    @property
    def name(self) -> str:
        return self.principal.name

    @property
    def role(self) -> Role:
        return self.principal.role

    @property
    def actor(self) -> str:
        """How timeline and audit name it."""
        return self.principal.actor

    @property
    def csrf(self) -> str:
        return csrf_of(self.cookie) if self.cookie else ""

    def csrf_matches(self, given: str) -> bool:
        return not self.cookie or csrf_fits(self.cookie, given)


_SESSION = web.RequestKey("session", Session)


def describe(session: Session) -> dict[str, object]:
    """The Session shape of README.md."""
    who = session.principal
    return {
        "login": who.login, "name": who.name, "role": who.role.value, "language": who.language, "csrf": session.csrf,
        "agent": who.agent,
    }  # fmt: skip


async def find_session(http: web.Request, services: Services) -> Session | None:
    """The session of a request. Raises Unauthorized for a bearer token that is not known."""
    scheme, _, secret = http.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        principal = await services.users.token(secret.strip())
        if principal is None:
            raise Unauthorized("the bearer token is not known")
        return Session(principal)
    cookie = http.cookies.get(COOKIE, "")
    principal = await services.users.session(cookie) if cookie else None
    return Session(principal, cookie) if principal else None


@web.middleware
async def session_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only the API asks who it is; pages and assets are the same for everybody."""
    if request.path.startswith("/api/") and "token" not in request.query:
        session = await find_session(request, request.app[SERVICES])
        if session is not None:
            request[_SESSION] = session
    return await handler(request)


def session_of(http: web.Request) -> Session | None:
    return http.get(_SESSION)


def set_cookie(response: web.Response, cookie: str, *, secure: bool) -> None:
    """Not readable by scripts, never sent by other sites' pages."""
    response.set_cookie(COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="Strict", secure=secure, path="/")


def clear_cookie(response: web.Response) -> None:
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
