"""People and programs: users, one-time sign-in links, passwords, sessions, API tokens.

Of every random secret (256 bits) only the SHA-256 is stored, so a stolen database signs nobody in; passwords are argon2id,
computed in a thread. Links work once, for 15 minutes. Nothing here has a default password.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from argon2 import PasswordHasher
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from softswitch.directory.credentials import Credentials
from softswitch.directory.faults import faults, users_of
from softswitch.directory.model import Kind, Token, User
from softswitch.directory.passwords import PasswordPolicy
from softswitch.directory.secrets import digest_of, new_token
from softswitch.directory.service import Directory
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.store import Action, Change, forget_sign_ins, table_of
from softswitch.directory.tables import CredentialRow, LinkRow, ObjectRow, SessionRow
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.model.states import Role

LINK_SECONDS = 15 * 60
INVITATION_SECONDS = 24 * 3600
SESSION_SECONDS = 12 * 3600
TOUCH_SECONDS = 60.0
"""How exactly the last use of a session is known."""
Duty = Literal["", "password", "second_factor"]

_links, _sessions, _credentials, _objects = (table_of(row) for row in (LinkRow, SessionRow, CredentialRow, ObjectRow))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `login` is a user's login or a token's name; `agent` says that the login is also an agent."""

    login: str
    name: str
    role: Role
    language: str = "zh-CN"
    agent: bool = False
    program: bool = False  # came with an API token
    duty: Duty = ""
    """What has to be done before anything else is allowed."""

    @property
    def actor(self) -> str:
        """How timelines and audit name it."""
        return f"token:{self.login}" if self.program else self.login


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRules:
    session_seconds: float = SESSION_SECONDS
    idle_seconds: float = 0.0
    """A session that is not used for so long ends; 0: never before its time."""
    second_factor: Literal["optional", "administrators", "everybody"] = "optional"
    passwords: PasswordPolicy = field(default_factory=PasswordPolicy)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from, for the list of sessions."""

    address: str = ""
    client: str = ""


NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as people see it. Times are UTC epoch seconds; `id` is no secret."""

    id: str
    login: str
    created_at: float
    used_at: float
    expires_at: float
    address: str
    client: str
    how: str


class Users:
    """Stateless over store and directory; every method may be called from any task."""

    def __init__(
        self, directory: Directory, clock: Clock, hasher: PasswordHasher | None = None, rules: SignInRules | None = None
    ) -> None:
        self.rules = rules or SignInRules()
        self.credentials = Credentials(directory.store, clock, directory.cipher, self.rules.passwords, hasher)
        self._directory = directory
        self._store = directory.store
        self._clock = clock

    # users

    def all(self) -> list[User]:
        return sorted(self._directory.current().users.values(), key=lambda user: user.login)

    def user(self, login: str) -> User:
        """Raises NotFound."""
        if (found := self._directory.current().users.get(login)) is None:
            raise NotFound(f"There is no user {login}")
        return found

    async def add(self, login: str, name: str, role: Role, actor: str) -> User:
        """Raises Conflict when the login is taken. Such users are not touched by `apply --prune`."""
        if login in self._directory.current().users:
            raise Conflict(f"There is a user {login} already")
        user = User(login=login, name=name, role=role, declared=False)
        await self._directory.change([Change(Action.CREATE, Kind.USER, login, user)], actor)
        return user

    async def disable(self, login: str, actor: str, *, disabled: bool = True) -> None:
        """Signs the user out everywhere and lets nobody in by that login. Raises NotFound."""
        user = replace(self.user(login), disabled=disabled)
        await self._directory.change([Change(Action.UPDATE, Kind.USER, login, user, ("disabled",))], actor)
        await self._store.write(lambda c: forget_sign_ins(c, login))

    async def update(self, user: User, actor: str) -> User:
        """Raises NotFound, Invalid for a team or queue that is not there, Conflict for the last administrator."""
        base, old = self._directory.current(), self.user(user.login)
        prospect = base.changed([(Kind.USER, user)])
        for fault in faults(Kind.USER, user, prospect, ()):
            raise Invalid(str(fault.path[0]), fault.text)
        _keep_an_administrator(base, prospect)
        if changed := tuple(entry.name for entry in fields(user) if getattr(user, entry.name) != getattr(old, entry.name)):
            await self._directory.change([Change(Action.UPDATE, Kind.USER, user.login, user, changed, old)], actor)
        if user.disabled or user.role is not old.role:
            await self._store.write(lambda c: forget_sign_ins(c, user.login))
        return user

    async def remove(self, login: str, actor: str) -> None:
        """Raises NotFound, Conflict while something names the user, and for the last administrator."""
        base = self._directory.current()
        self.user(login)
        if users := users_of(Kind.USER, login, base):
            raise Conflict(f"The user {login} is still used by {', '.join(f'{kind} {name}' for kind, name in users[:5])}")
        _keep_an_administrator(base, base.changed(without=[(Kind.USER, login)]))
        await self._directory.change([Change(Action.DELETE, Kind.USER, login)], actor)

    async def take_in(self, login: str, name: str, role: Role, actor: str, *, mail: str = "") -> User:
        """Somebody whom another directory vouches for: made or brought up to date. The role of a declared user stays."""
        old = self._directory.current().users.get(login)
        if old is None:
            user = User(login=login, name=name, role=role, mail=mail, declared=False)
            await self._directory.change([Change(Action.CREATE, Kind.USER, login, user)], actor)
            return user
        return await self.update(replace(old, name=name or old.name, role=old.role if old.declared else role), actor)

    # signing in

    async def make_link(self, login: str, seconds: float = LINK_SECONDS) -> str:
        """The code of a new one-time link, for `/login#code=…`. Raises NotFound, Forbidden for a disabled user."""
        if self.user(login).disabled:
            raise Forbidden(f"The user {login} is disabled")
        code = new_token()
        row = {"digest": digest_of(code), "login": login, "expires_at": self._clock.utc() + seconds}

        def write(connection: Connection) -> None:
            connection.execute(delete(_links).where(_links.c.expires_at <= self._clock.utc()))
            connection.execute(insert(_links).values(row))

        await self._store.write(write)
        return code

    async def redeem_link(self, code: str, origin: Origin = NOWHERE) -> str:
        """Uses up a link; returns the cookie of the new session. Raises Forbidden for a code that is unknown, used or late."""
        now = self._clock.utc()
        digest = digest_of(code)

        def take(connection: Connection) -> str | None:
            login = connection.execute(
                select(_links.c.login).where(_links.c.digest == digest, _links.c.expires_at > now)
            ).scalar()
            # The row decides: of two requests with the same code only one deletes it.
            taken = connection.execute(delete(_links).where(_links.c.digest == digest)).rowcount
            return login if taken else None

        login = await self._store.write(take)
        if login is None:
            raise Forbidden("The sign-in link is used or too old")
        return await self.open_session(login, "link", origin)

    async def sign_in(self, login: str, password: str, code: str = "", origin: Origin = NOWHERE) -> str:
        """Returns the cookie of the new session. Raises Forbidden (the same for every wrong pair), Locked, CodeNeeded."""
        await self.credentials.check(login, password)
        await self.credentials.check_code(login, code)
        await self.credentials.succeeded(login)
        return await self.open_session(login, "password", origin)

    async def set_password(self, login: str, password: str) -> None:
        """Raises NotFound, Invalid. An empty password removes it: the user signs in by links only. Ends all sessions."""
        await self.credentials.set_password(login, password, self.user(login).name)

    async def change_password(self, login: str, old: str, new: str) -> None:
        """By the user himself, who proves the old one if there is one. Raises Forbidden, Locked, Invalid. Ends all sessions."""
        if (await self.credentials.standing(login)).password:
            await self.credentials.check(login, old)
        if not new:
            raise Invalid("password", "expected a password, got nothing")
        await self.set_password(login, new)

    # sessions

    async def open_session(self, login: str, how: str, origin: Origin = NOWHERE) -> str:
        """For who has proved to be this user; `how`: link, password, ldap, oidc. Raises NotFound, Forbidden when disabled."""
        if self.user(login).disabled:
            raise Forbidden(f"The user {login} is disabled")
        cookie, now = new_token(), self._clock.utc()
        row = {
            "digest": digest_of(cookie), "login": login, "created_at": now, "expires_at": now + self.rules.session_seconds,
            "used_at": now, "address": origin.address[:64], "client": origin.client[:256], "how": how,
        }  # fmt: skip

        def write(connection: Connection) -> None:
            connection.execute(delete(_sessions).where(_sessions.c.expires_at <= now))
            connection.execute(insert(_sessions).values(row))

        await self._store.write(write)
        return cookie

    async def session(self, cookie: str) -> Principal | None:
        """Who the cookie belongs to; None when it is unknown, too old, unused for too long, or its user is gone or disabled."""
        query = select(_sessions, _credentials.c.changed_at, _credentials.c.totp).select_from(
            _sessions.outerjoin(_credentials, _credentials.c.login == _sessions.c.login)
        )
        digest, now = digest_of(cookie), self._clock.utc()
        row = await self._store.read(lambda c: c.execute(query.where(*self._alive(now), _sessions.c.digest == digest)).first())
        if row is None:
            return None
        if now - row.used_at > TOUCH_SECONDS:
            await self._touch([digest])
        return self._principal(row.login, row)

    def _alive(self, now: float) -> list[ColumnElement[bool]]:
        alive = [_sessions.c.expires_at > now]
        return [*alive, _sessions.c.used_at > now - self.rules.idle_seconds] if self.rules.idle_seconds else alive

    async def _touch(self, digests: Sequence[str]) -> None:
        now = self._clock.utc()
        await self._store.write(
            lambda c: c.execute(update(_sessions).where(_sessions.c.digest.in_(digests)).values(used_at=now))
        )

    async def roles_of(self, cookies: Sequence[str]) -> dict[str, Role]:
        """The roles behind the cookies of open pages; those that sign nobody in (any more) are missing.

        A page that is open counts as use.
        """
        digests, now = {digest_of(cookie): cookie for cookie in cookies}, self._clock.utc()
        columns = select(_sessions.c.digest, _sessions.c.login, _sessions.c.used_at)
        query = columns.where(_sessions.c.digest.in_(digests), *self._alive(now))
        rows = await self._store.read(lambda c: c.execute(query).all())
        if due := [row.digest for row in rows if now - row.used_at > TOUCH_SECONDS]:
            await self._touch(due)
        found = ((digests[row.digest], self._principal(row.login)) for row in rows)
        return {cookie: principal.role for cookie, principal in found if principal is not None}

    async def sessions(self, login: str) -> list[SessionView]:
        """Those that are alive, newest first."""
        query = select(_sessions).where(_sessions.c.login == login, *self._alive(self._clock.utc()))
        rows = await self._store.read(lambda c: c.execute(query.order_by(_sessions.c.created_at.desc())).all())
        return [
            SessionView(
                row.digest[:16], row.login, row.created_at, row.used_at, row.expires_at, row.address, row.client, row.how
            )
            for row in rows
        ]

    async def end_sessions(self, login: str, identity: str = "", *, but: str = "") -> int:
        """Ends one session by its id, or all; the one with the cookie `but` stays. Returns how many ended."""
        here = [_sessions.c.login == login]
        if identity:
            here.append(_sessions.c.digest.startswith(identity, autoescape=True))
        if but:
            here.append(_sessions.c.digest != digest_of(but))
        return (await self._store.write(lambda c: c.execute(delete(_sessions).where(*here)))).rowcount

    async def end_session(self, cookie: str) -> None:
        await self._store.write(lambda c: c.execute(delete(_sessions).where(_sessions.c.digest == digest_of(cookie))))

    def _principal(self, login: str, row: Row[Any] | None = None) -> Principal | None:
        snapshot = self._directory.current()
        user, agent = snapshot.users.get(login), snapshot.agents.get(login)
        if user is None or user.disabled:
            return None
        duty = self._duty(user, row) if row is not None else ""
        return Principal(login, user.name, user.role, agent.language if agent else "zh-CN", agent is not None, duty=duty)

    def _duty(self, user: User, row: Row[Any]) -> Duty:
        """What a session must do first. Who comes from the company's own sign-in has done it there."""
        if row.how == "password" and self.credentials.policy.too_old(row.changed_at or 0.0, self._clock.utc()):
            return "password"
        wanted = self.rules.second_factor
        if (
            row.how != "oidc"
            and not row.totp
            and (wanted == "everybody" or (wanted == "administrators" and user.role is Role.ADMINISTRATOR))
        ):
            return "second_factor"
        return ""

    # API tokens

    async def add_token(self, name: str, role: Role, actor: str) -> str:
        """Returns the token, which is shown once. Raises Conflict when the name is taken."""
        if name in self._directory.current().tokens:
            raise Conflict(f"There is a token {name} already")
        secret = new_token()
        token = Token(name=name, role=role, digest=digest_of(secret), declared=False)
        await self._directory.change([Change(Action.CREATE, Kind.TOKEN, name, token)], actor)
        return secret

    def tokens(self) -> list[Token]:
        return sorted(self._directory.current().tokens.values(), key=lambda token: token.name)

    async def revoke_token(self, name: str, actor: str) -> None:
        """Raises NotFound."""
        if name not in self._directory.current().tokens:
            raise NotFound(f"There is no token {name}")
        await self._directory.change([Change(Action.DELETE, Kind.TOKEN, name)], actor)

    async def token(self, secret: str) -> Principal | None:
        """Who a bearer token belongs to. Asks the database, so that a revoked token ends at once."""
        digest = digest_of(secret)
        query = select(_objects.c.identity, _objects.c.data, _objects.c.digest).where(
            _objects.c.kind == Kind.TOKEN.value, _objects.c.digest == digest
        )
        row = await self._store.read(lambda c: c.execute(query).first())
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        return Principal(row.identity, row.identity, Role(row.data["role"]), program=True)


def _keep_an_administrator(base: Snapshot, prospect: Snapshot) -> None:
    """Somebody must be able to let people in. Raises Conflict."""
    if _has_administrator(base) and not _has_administrator(prospect):
        raise Conflict("There must be one administrator who may sign in")


def _has_administrator(snapshot: Snapshot) -> bool:
    return any(user.role is Role.ADMINISTRATOR and not user.disabled for user in snapshot.users.values())


def csrf_of(cookie: str) -> str:
    """The CSRF token of a session: follows from the cookie, which other sites cannot read, so nothing has to be stored."""
    return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()


def csrf_fits(cookie: str, given: str) -> bool:
    return hmac.compare_digest(csrf_of(cookie).encode(), given.encode("utf-8", "surrogateescape"))
