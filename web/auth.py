"""Who is asking: a bearer token of a program or the cookie session of a person, looked up once per request.

Several people may be signed in at one browser, one a tab: each has a cookie of the own id, and a tab names the id it is (header
`X-Session`, or `session` in the query where no header can be set). Who names none is the one who signed in last.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from softswitch.directory.secrets import digest_of
from softswitch.directory.users import Principal, csrf_fits, csrf_of
from softswitch.model.states import Role
from softswitch.services import Services
from web.errors import WebError
from web.keys import SERVICES

COOKIE = "softswitch_session"
SESSION_HEADER = "X-Session"
SESSION_QUERY = "session"
CSRF_HEADER = "X-CSRF-Token"
SESSION_SECONDS = 12 * 3600
_ID = re.compile(r"[a-z0-9]{8}")


class Unauthorized(WebError):
    """Nobody is signed in, or the token is not known."""

    status = 401
    code = "unauthorized"


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
    def id(self) -> str:
        """Which of a browser's sessions this is; empty for programs."""
        return session_id(self.login) if self.cookie else ""

    @property
    def digest(self) -> str:
        """Of the cookie: its first signs are the session's id in lists."""
        return digest_of(self.cookie) if self.cookie else ""

    @property
    def csrf(self) -> str:
        return csrf_of(self.cookie) if self.cookie else ""

    def csrf_matches(self, given: str) -> bool:
        return not self.cookie or csrf_fits(self.cookie, given)


def session_id(login: str) -> str:
    """Names the cookie of a person; no secret."""
    return hashlib.sha256(login.encode()).hexdigest()[:8]


_SESSION = web.RequestKey("session", Session)


def describe(session: Session) -> dict[str, object]:
    """The Session shape of README.md."""
    who = session.principal
    return {
        "login": who.login, "name": who.name, "role": who.role.value, "language": who.language, "csrf": session.csrf,
        "agent": who.agent, "session": session.id, "duty": who.duty,
    }  # fmt: skip


async def find_session(http: web.Request, services: Services) -> Session | None:
    """The session of a request. Raises Unauthorized for a bearer token that is not known."""
    scheme, _, secret = http.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        principal = await services.users.token(secret.strip())
        if principal is None:
            raise Unauthorized("the bearer token is not known")
        return Session(principal)
    cookie = _cookie_of(http)
    principal = await services.users.session(cookie) if cookie else None
    return Session(principal, cookie) if principal else None


def _cookie_of(http: web.Request) -> str:
    """The cookie of the id that the tab names. Never another one: a tab must not become somebody else when its session ends."""
    wanted = http.headers.get(SESSION_HEADER) or http.query.get(SESSION_QUERY, "")
    if not wanted:
        return http.cookies.get(COOKIE, "")
    return http.cookies.get(f"{COOKIE}_{wanted}", "") if _ID.fullmatch(wanted) else ""


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


def set_cookies(response: web.Response, session: Session, *, secure: bool, seconds: float = SESSION_SECONDS) -> None:
    """The person's own cookie, and the one of who names no id. Not readable by scripts, never sent by other sites' pages."""
    for name in (f"{COOKIE}_{session.id}", COOKIE):
        response.set_cookie(
            name, session.cookie, max_age=int(seconds), httponly=True, samesite="Strict", secure=secure, path="/"
        )


def clear_cookies(http: web.Request, response: web.Response, session: Session) -> None:
    """Those of this session; another person's at the same browser stay."""
    for name in (f"{COOKIE}_{session.id}", COOKIE):
        if http.cookies.get(name) == session.cookie:
            response.del_cookie(name, path="/", httponly=True, samesite="Strict")
