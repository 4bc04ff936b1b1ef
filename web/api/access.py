"""Users: their rights, invitations, locks and sessions. Nobody has a default password: a link lets people in first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from softswitch.access.rights import GRANTS, Permission
from softswitch.directory.faults import faults
from softswitch.directory.model import Kind, User
from softswitch.directory.users import INVITATION_SECONDS
from softswitch.mail.service import Mailer
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import AdminChanged
from softswitch.model.states import Role
from web import shapes
from web.api.auth import SessionList, session_item
from web.routing import EVERYBODY, Model, Request, Route

_LOGIN = r"^\w[\w.\-]{0,63}$"


class UserItem(shapes.Shape):
    login: str
    name: str
    role: str
    teams: list[str]
    queues: list[str]
    mail: str
    disabled: bool
    declared: bool
    agent: bool
    password: bool
    second_factor: bool
    locked_until: str | None


class UserList(shapes.Shape):
    items: list[UserItem]
    next: str | None = None


class Invitation(shapes.Shape):
    link: str
    expires: str | None
    mailed: bool


class NewUserReply(UserItem):
    invitation: Invitation


class NewUser(Model):
    login: str = Field(pattern=_LOGIN)
    name: str = Field("", max_length=128)
    role: Role = Role.AGENT
    teams: list[str] = Field(default_factory=list)
    queues: list[str] = Field(default_factory=list)
    mail: str = Field("", max_length=254)


class UserChange(Model):
    """What is not given stays."""

    name: str | None = Field(None, max_length=128)
    role: Role | None = None
    teams: list[str] | None = None
    queues: list[str] | None = None
    mail: str | None = Field(None, max_length=254)
    disabled: bool | None = None


async def _item(request: Request, user: User) -> UserItem:
    services = request.services
    standing = await services.users.credentials.standing(user.login)
    locked = standing.locked_until if standing.locked_until > services.clock.utc() else None
    return UserItem(
        login=user.login, name=user.name, role=user.role.value, teams=list(user.teams), queues=list(user.queues),
        mail=user.mail, disabled=user.disabled, declared=user.declared, agent=user.login in services.directory.current().agents,
        password=standing.password, second_factor=standing.second_factor, locked_until=shapes.time(locked),
    )  # fmt: skip


async def list_users(request: Request) -> UserList:
    return UserList(items=[await _item(request, user) for user in request.services.users.all()])


async def get_user(request: Request) -> UserItem:
    return await _item(request, request.services.users.user(request.path("login")))


async def add_user(request: Request) -> NewUserReply:
    body, services = request.body(NewUser), request.services
    user = User(login=body.login, name=body.name or body.login, role=_person(body.role), teams=tuple(body.teams),
                queues=tuple(body.queues), mail=body.mail, declared=False)  # fmt: skip
    prospect = services.directory.current().changed([(Kind.USER, user)])
    for fault in faults(Kind.USER, user, prospect, ()):
        raise Invalid(str(fault.path[0]), fault.text)
    await services.users.add(user.login, user.name, user.role, request.who.actor)
    await services.users.update(user, request.who.actor)
    item = await _item(request, user)
    return NewUserReply(**item.model_dump(), invitation=await _invitation(request, user.login))


def _person(role: Role) -> Role:
    if role is Role.API:
        raise Invalid("role", "api is the role of tokens")
    return role


async def change_user(request: Request) -> UserItem:
    users, body = request.services.users, request.body(UserChange)
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in body.model_dump(exclude_none=True).items()
    }
    if body.role is not None:
        given["role"] = _person(body.role)
    user = await users.update(replace(users.user(request.path("login")), **given), request.who.actor)
    return await _item(request, user)


async def remove_user(request: Request) -> None:
    await request.services.users.remove(request.path("login"), request.who.actor)


async def invite(request: Request) -> Invitation:
    login = request.path("login")
    invitation = await _invitation(request, login)
    await _audit(request, login, "invite")
    return invitation


async def _invitation(request: Request, login: str) -> Invitation:
    services = request.services
    code = await services.users.make_link(login, INVITATION_SECONDS)
    address = f"{request.http.scheme}://{request.http.host}/login#code={code}"
    mailer, mail = services.parts.get(Mailer), services.users.user(login).mail
    mailed = bool(mail and mailer is not None and mailer.configured)
    if mailed:
        text = f"请在24小时内用此链接登录(只能用一次)。\nSign in with this link within 24 hours; it works once.\n\n{address}\n"
        await services.part(Mailer).send([mail], "softswitch 登录 Sign in", text)
    return Invitation(link=address, expires=shapes.time(services.clock.utc() + INVITATION_SECONDS), mailed=mailed)


async def _audit(request: Request, login: str, action: str) -> None:
    at = request.services.clock.utc()
    event = AdminChanged(at=at, actor=request.who.actor, object=f"user:{login}", action=action)
    await request.services.directory.note([event])


async def unlock(request: Request) -> None:
    login = request.services.users.user(request.path("login")).login
    await request.services.users.credentials.unlock(login)
    await _audit(request, login, "unlock")


async def forget_second_factor(request: Request) -> None:
    login = request.services.users.user(request.path("login")).login
    await request.services.users.credentials.remove_second_factor(login)
    await _audit(request, login, "remove_second_factor")


async def user_sessions(request: Request) -> SessionList:
    views = await request.services.users.sessions(request.services.users.user(request.path("login")).login)
    return SessionList(items=[session_item(view) for view in views])


async def end_user_sessions(request: Request) -> None:
    login, users = request.services.users.user(request.path("login")).login, request.services.users
    await users.end_sessions(login)
    await _audit(request, login, "end_sessions")


async def end_user_session(request: Request) -> None:
    login, users = request.services.users.user(request.path("login")).login, request.services.users
    if not await users.end_sessions(login, request.path("session")):
        raise NotFound("There is no such session")
    await _audit(request, login, "end_session")


async def get_rights(request: Request) -> dict[str, list[str]]:
    """What each role may do, and which of it the asker may."""
    table = {role.value: [one.value for one in sorted(granted)] for role, granted in GRANTS.items()}
    return {**table, "mine": table[request.who.role.value]}


_USER = Permission.USER
ROUTES = (
    Route(method="GET", path="/rights", handler=get_rights, roles=EVERYBODY, summary="Role → permissions; `mine`: the asker's"),
    Route(method="GET", path="/users", handler=list_users, permission=_USER, reply=UserList, summary="All users"),
    Route(method="POST", path="/users", handler=add_user, permission=_USER, body=NewUser, reply=NewUserReply, status=201,
          summary="Make a user; the reply has the link that lets in"),
    Route(method="GET", path="/users/{login}", handler=get_user, permission=_USER, reply=UserItem, summary="One user"),
    Route(method="PUT", path="/users/{login}", handler=change_user, permission=_USER, body=UserChange, reply=UserItem,
          summary="Change a user; another role or disabling signs out everywhere"),
    Route(method="DELETE", path="/users/{login}", handler=remove_user, permission=_USER, status=204, summary="Remove a user"),
    Route(method="POST", path="/users/{login}/invite", handler=invite, permission=_USER, reply=Invitation,
          summary="A new sign-in link, which works once"),
    Route(method="POST", path="/users/{login}/unlock", handler=unlock, permission=_USER, status=204,
          summary="End the lock after wrong passwords"),
    Route(method="DELETE", path="/users/{login}/second-factor", handler=forget_second_factor, permission=_USER, status=204,
          summary="Remove a lost device"),
    Route(method="GET", path="/users/{login}/sessions", handler=user_sessions, permission=_USER, reply=SessionList,
          summary="Where the user is signed in"),
    Route(method="DELETE", path="/users/{login}/sessions", handler=end_user_sessions, permission=_USER, status=204,
          summary="Sign the user out everywhere"),
    Route(method="DELETE", path="/users/{login}/sessions/{session}", handler=end_user_session, permission=_USER, status=204,
          summary="End one session of the user"),
)  # fmt: skip
