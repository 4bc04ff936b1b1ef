"""Sockets end with the right to have one: signed out, session over, disabled, password changed, other role, token revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.model.states import Role
from softswitch.services import Services
from web.auth import Session

log = structlog.get_logger("ws")
LOOK_SECONDS = 2.0
SIGNED_OUT = 4401
"""Close code: the page must sign in again, resuming is of no use."""


class Guard:
    """Knows the open sockets of people. One per process; asks the database once for all of them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open: dict[int, tuple[Session, Callable[[], None]]] = {}
        self._number = 0

    def watch(self, session: Session, close: Callable[[], None]) -> Callable[[], None]:
        """Calls `close` when the session may no longer have a socket. Returns the function that ends the watch."""
        self._number += 1
        number = self._number
        self._open[number] = (session, close)

        def end() -> None:
            self._open.pop(number, None)

        return end

    async def run(self) -> None:
        """Task: looks every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("! sessions not readable", error=str(error))

    async def look(self) -> None:
        """Closes what has to be closed now, and the media of whoever has no socket left."""
        watched = dict(self._open)
        roles = await self._services.users.roles_of([session.cookie for session, _ in watched.values() if session.cookie])
        gone = {number: session for number, (session, _) in watched.items() if self._role(session, roles) is not session.role}
        for number, session in gone.items():
            log.info("x session over", login=session.login)
            self._open.pop(number, None)
            watched[number][1]()
        staying = {session.login for session, _ in self._open.values()}
        for login in {session.login for session in gone.values()} - staying:
            self._services.browsers.close(login)

    def _role(self, session: Session, roles: dict[str, Role]) -> Role | None:
        if session.cookie:
            return roles.get(session.cookie)
        token = self._services.directory.current().tokens.get(session.login)
        return token.role if token is not None else None
