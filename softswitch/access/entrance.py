"""How people come in: by password here or by LDAP, by OpenID Connect, by link. Built by the composition root."""

from __future__ import annotations

from softswitch.access.ldap import LdapDirectory
from softswitch.access.oidc import OidcProvider
from softswitch.access.outside import Person
from softswitch.directory.users import NOWHERE, Origin, Users
from softswitch.model.errors import NotFound


class Entrance:
    """Stateless. A login that has a password here uses it; all others ask LDAP, when there is one."""

    def __init__(self, users: Users, ldap: LdapDirectory | None = None, oidc: OidcProvider | None = None) -> None:
        self._users = users
        self._ldap = ldap
        self._oidc = oidc

    @property
    def oidc(self) -> OidcProvider:
        """Raises NotFound when none is set up."""
        if self._oidc is None:
            raise NotFound("There is no sign-in by OpenID Connect")
        return self._oidc

    def methods(self) -> dict[str, object]:
        """For the sign-in page."""
        return {
            "password": True, "link": True, "ldap": self._ldap is not None,
            "oidc": {"title": self._oidc.settings.title} if self._oidc else None,
        }  # fmt: skip

    async def sign_in(self, login: str, password: str, code: str = "", origin: Origin = NOWHERE) -> str:
        """The cookie of the new session. Raises Forbidden, Locked, CodeNeeded, Away."""
        users = self._users
        if self._ldap is None or (await users.credentials.standing(login)).password:
            return await users.sign_in(login, password, code, origin)
        person = await self._ldap.check(login, password)
        await users.credentials.check_code(person.login, code)
        return await self._enter(person, "ldap", origin)

    async def finish_oidc(self, sealed: str, code: str, state: str, origin: Origin = NOWHERE) -> str:
        """The cookie of the new session. Raises NotFound, Forbidden, Away."""
        return await self._enter(await self.oidc.finish(sealed, code=code, state=state), "oidc", origin)

    async def _enter(self, person: Person, how: str, origin: Origin) -> str:
        await self._users.take_in(person.login, person.name, person.role, how, mail=person.mail)
        return await self._users.open_session(person.login, how, origin)
