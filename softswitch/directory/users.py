"""People and programs: users, one-time sign-in links, passwords, sessions, API tokens.

Of every random secret (256 bits) only the SHA-256 is stored, so a stolen database signs nobody in; passwords are argon2id,
computed in a thread. Links work once, for 15 minutes. Nothing here has a default password.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, insert, select, update

from softswitch.directory.model import Kind, Token, User
from softswitch.directory.secrets import digest_of, new_token
from softswitch.directory.service import Directory
from softswitch.directory.store import Action, Change, forget_sign_ins, table_of
from softswitch.directory.tables import CredentialRow, LinkRow, ObjectRow, SessionRow
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.model.states import Role

LINK_SECONDS = 15 * 60
SESSION_SECONDS = 12 * 3600
SHORTEST_PASSWORD = 10

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
    duty: Literal["", "password", "second_factor"] = ""
    """What has to be done before anything else is allowed."""

    @property
    def actor(self) -> str:
        """How timelines and audit name it."""
        return f"token:{self.login}" if self.program else self.login


class Users:
    """Stateless over store and directory; every method may be called from any task."""

    def __init__(self, directory: Directory, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._directory = directory
        self._store = directory.store
        self._clock = clock
        self._hasher = hasher or PasswordHasher()

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

    # signing in

    async def make_link(self, login: str) -> str:
        """The code of a new one-time link, for `/login#code=…`. Raises NotFound, Forbidden for a disabled user."""
        if self.user(login).disabled:
            raise Forbidden(f"The user {login} is disabled")
        code = new_token()
        row = {"digest": digest_of(code), "login": login, "expires_at": self._clock.utc() + LINK_SECONDS}

        def write(connection: Connection) -> None:
            connection.execute(delete(_links).where(_links.c.expires_at <= self._clock.utc()))
            connection.execute(insert(_links).values(row))

        await self._store.write(write)
        return code

    async def redeem_link(self, code: str) -> str:
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
        return await self._open_session(login)

    async def sign_in(self, login: str, password: str) -> str:
        """Returns the cookie of the new session. Raises Forbidden; takes the same time for every wrong pair."""
        query = select(_credentials.c.password).where(_credentials.c.login == login)
        stored = await self._store.read(lambda c: c.execute(query).scalar())
        fits = await asyncio.to_thread(self._verify, stored or "", password)
        if not fits:
            raise Forbidden("Login or password is wrong")
        return await self._open_session(login)

    async def set_password(self, login: str, password: str) -> None:
        """Raises NotFound, Invalid. An empty password removes it: the user signs in by links only. Ends all sessions."""
        self.user(login)
        if password and len(password) < SHORTEST_PASSWORD:
            raise Invalid("password", f"expected at least {SHORTEST_PASSWORD} signs, got {len(password)}")
        hashed = await asyncio.to_thread(self._hasher.hash, password) if password else ""

        def write(connection: Connection) -> None:
            values = {"password": hashed, "changed_at": self._clock.utc()}
            if not connection.execute(update(_credentials).where(_credentials.c.login == login).values(values)).rowcount:
                connection.execute(insert(_credentials), [{"login": login, **values}])
            forget_sign_ins(connection, login)

        await self._store.write(write)

    def _verify(self, stored: str, password: str) -> bool:
        """Argon2 in constant time; without a stored hash it works as long on nothing."""
        if not stored:
            self._hasher.hash(password)
            return False
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    # sessions

    async def _open_session(self, login: str) -> str:
        if self.user(login).disabled:
            raise Forbidden(f"The user {login} is disabled")
        cookie, now = new_token(), self._clock.utc()
        row = {"digest": digest_of(cookie), "login": login, "created_at": now, "expires_at": now + SESSION_SECONDS}

        def write(connection: Connection) -> None:
            connection.execute(delete(_sessions).where(_sessions.c.expires_at <= now))
            connection.execute(insert(_sessions).values(row))

        await self._store.write(write)
        return cookie

    async def session(self, cookie: str) -> Principal | None:
        """Who the cookie belongs to; None when it is unknown, too old, or its user is gone or disabled."""
        query = select(_sessions.c.login).where(
            _sessions.c.digest == digest_of(cookie), _sessions.c.expires_at > self._clock.utc()
        )
        login = await self._store.read(lambda c: c.execute(query).scalar())
        return self._principal(login) if login else None

    async def roles_of(self, cookies: Sequence[str]) -> dict[str, Role]:
        """The roles behind cookies; those that sign nobody in (any more) are missing."""
        digests = {digest_of(cookie): cookie for cookie in cookies}
        query = select(_sessions.c.digest, _sessions.c.login).where(
            _sessions.c.digest.in_(digests), _sessions.c.expires_at > self._clock.utc()
        )
        rows = await self._store.read(lambda c: c.execute(query).all())
        found = ((digests[row.digest], self._principal(row.login)) for row in rows)
        return {cookie: principal.role for cookie, principal in found if principal is not None}

    async def end_session(self, cookie: str) -> None:
        await self._store.write(lambda c: c.execute(delete(_sessions).where(_sessions.c.digest == digest_of(cookie))))

    def _principal(self, login: str) -> Principal | None:
        snapshot = self._directory.current()
        user, agent = snapshot.users.get(login), snapshot.agents.get(login)
        if user is None or user.disabled:
            return None
        return Principal(login, user.name, user.role, agent.language if agent else "zh-CN", agent is not None)

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


def csrf_of(cookie: str) -> str:
    """The CSRF token of a session: follows from the cookie, which other sites cannot read, so nothing has to be stored."""
    return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()


def csrf_fits(cookie: str, given: str) -> bool:
    return hmac.compare_digest(csrf_of(cookie).encode(), given.encode("utf-8", "surrogateescape"))
