"""The thin route layer: a route is a row with roles, body, query and reply models; checks and OpenAPI come from the row.

A handler gets a `Request` whose body and query are already validated and whose session is already allowed, and returns a
model, a mapping or an aiohttp response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from softswitch.access.rights import Permission, may, roles_with
from softswitch.access.scope import Scope, Scopes
from softswitch.model.errors import Forbidden, NotFound
from softswitch.model.states import Role
from softswitch.services import Services
from softswitch.store.calls import call_record
from web.auth import CSRF_HEADER, SESSION_QUERY, Session, Unauthorized, session_of
from web.errors import BadRequest, FieldFault
from web.keys import SERVICES

API = "/api/v1"

EVERYBODY = frozenset(Role)
STAFF = frozenset({Role.AGENT, Role.TEAM_LEADER, Role.QUALITY, Role.SUPERVISOR, Role.ADMINISTRATOR})
LEADERS = frozenset({Role.TEAM_LEADER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.API})
OPERATORS = frozenset({Role.ADMINISTRATOR, Role.API})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SCOPES = Scopes()


class Model(BaseModel):
    """Base of every body and query model: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler sees."""

    http: web.Request
    services: Services
    session: Session | None
    _body: BaseModel | None
    _query: BaseModel | None

    def body(self, model: type[M]) -> M:
        assert isinstance(self._body, model)
        return self._body

    def query(self, model: type[M]) -> M:
        assert isinstance(self._query, model)
        return self._query

    @property
    def who(self) -> Session:
        """The session of a route that has roles."""
        assert self.session is not None
        return self.session

    @property
    def scope(self) -> Scope:
        """Which agents, queues and calls the asker may see."""
        return scope_of_session(self.services, self.who)

    def may(self, permission: Permission) -> bool:
        return may(self.who.role, permission)

    def path(self, name: str) -> str:
        return self.http.match_info[name]


Handler = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who may: those with the `permission`, or the `roles`; both None: no login needed.

    `raw_body`: the content type of a body that the handler reads itself. A path with an agent's `{login}`, a queue's `{name}`
    or a call's `{id}` is checked against the asker's scope before the handler runs.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    roles: frozenset[Role] | None = None
    permission: Permission | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    status: int = 200
    raw_body: str = ""
    reply_type: str = "application/json"
    files: tuple[str, ...] = ()
    """Content types of files that the same route gives when asked for."""
    unfinished: bool = False
    """Also for a session that must first change its password or set up its second factor."""

    def __post_init__(self) -> None:
        if self.permission is not None:
            object.__setattr__(self, "roles", roles_with(self.permission))


NUL = rb"\u0000"
NO_NUL = "texts cannot contain the character U+0000"
"""PostgreSQL stores no such text; what one database takes, every one has to take."""


def _check_address(http: web.Request) -> None:
    """Raises BadRequest for U+0000 in path or query."""
    if "\0" in http.path or any("\0" in part for pair in http.query.items() for part in pair):
        raise BadRequest(NO_NUL)


async def _read_body(http: web.Request, model: type[BaseModel]) -> BaseModel:
    if http.content_type != "application/json":
        raise BadRequest("expected a body of type application/json", status=415)
    octets = await http.read()  # not `text`: JSON is UTF-8 (RFC 8259), whatever a charset parameter says
    if NUL in octets:
        raise BadRequest("the body is not valid", faults=[FieldFault("body", NO_NUL)])
    try:
        return model.model_validate_json(octets)
    except ValidationError as error:
        raise BadRequest("the body is not valid", faults=_faults(error)) from error


def _read_query(http: web.Request, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate({key: value for key, value in http.query.items() if key != SESSION_QUERY})
    except ValidationError as error:
        raise BadRequest("the query is not valid", faults=_faults(error)) from error


def _faults(error: ValidationError) -> list[FieldFault]:
    return [FieldFault(".".join(str(part) for part in item["loc"]) or "body", item["msg"]) for item in error.errors()]


def _check_access(http: web.Request, route: Route, session: Session | None) -> None:
    """Raises Unauthorized (401) or Forbidden (403)."""
    if route.roles is None:
        return
    if session is None:
        raise Unauthorized("sign in or send a bearer token")
    if session.role not in route.roles:
        raise Forbidden(f"the role {session.role} may not do this")
    if session.principal.duty and not route.unfinished:
        raise Forbidden(DUTIES[session.principal.duty])
    if session.csrf and http.method not in _SAFE and not session.csrf_matches(http.headers.get(CSRF_HEADER, "")):
        raise Forbidden(f"the header {CSRF_HEADER} is missing or wrong")


DUTIES = {
    "password": "the password is too old: set a new one first (PUT /auth/password)",
    "second_factor": "set up the second factor first (POST /auth/second-factor)",
}


def scope_of_session(services: Services, session: Session) -> Scope:
    return _SCOPES.of(session.principal, services.directory.current())


async def _check_scope(request: Request, route: Route) -> None:
    """Agents, queues and calls outside the asker's scope are not there. Raises NotFound or Forbidden."""
    session = request.session
    if session is None or route.roles is None:
        return
    scope = request.scope
    if scope.everything:
        return
    if route.path.startswith("/agents/{login}"):
        if not scope.may_see_agent(request.path("login")):
            raise Forbidden(f"the agent {request.path('login')} is not in your scope")
    elif route.path.startswith("/queues/{name}"):
        if not scope.may_see_queue(request.path("name")):
            raise Forbidden(f"the queue {request.path('name')} is not in your scope")
    elif route.path.startswith("/calls/{id}") and session.role is not Role.AGENT:  # an agent's own calls: the handlers know
        await _check_call(request, scope)


async def _check_call(request: Request, scope: Scope) -> None:
    identity, services = request.path("id"), request.services
    view = services.calls.view(identity)
    place = (view.agent, view.queue) if view else None
    if place is None:
        row = await services.store.read(lambda db: call_record(db, identity))
        place = (row.agent, row.queue) if row else None
    if place is not None and not scope.may_see_call(*place):
        raise NotFound(f"there is no call {identity}")


def _to_response(route: Route, value: Any) -> web.StreamResponse:
    if isinstance(value, web.StreamResponse):
        return value
    if value is None:
        return web.Response(status=204)
    if isinstance(value, BaseModel):
        return web.Response(text=value.model_dump_json(by_alias=True), content_type="application/json", status=route.status)
    assert isinstance(value, Mapping)
    return web.json_response(value, status=route.status)


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a row."""

    async def handle(http: web.Request) -> web.StreamResponse:
        session = session_of(http)
        _check_access(http, route, session)
        _check_address(http)
        query = _read_query(http, route.query) if route.query else None
        body = await _read_body(http, route.body) if route.body else None
        request = Request(http, http.app[SERVICES], session, body, query)
        await _check_scope(request, route)
        return _to_response(route, await route.handler(request))

    return handle


def add_routes(app: web.Application, routes: tuple[Route, ...]) -> None:
    for route in routes:
        app.router.add_route(route.method, API + route.path, endpoint(route))
