"""Signing in with an account of LDAP or Active Directory: find the person, bind as the person, take the groups.

ldap3 works in threads; extra `[ldap]`. An empty password is refused before anything is asked: servers take it for an
anonymous bind that succeeds (RFC 4513 §5.1.2).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog

from softswitch.access.outside import Away, Person, check_mapping, login_of, role_of
from softswitch.config.settings import LdapSettings
from softswitch.model.errors import Forbidden

log = structlog.get_logger("ldap")
SECONDS = 5
Connect = Callable[[str, str], Any]
"""`(user, password)` → a bound `ldap3.Connection`, or None when the server refuses the pair. `("", "")`: anonymous."""


class LdapDirectory:
    """Stateless; every question makes its own connection."""

    def __init__(self, settings: LdapSettings, connect: Connect | None = None) -> None:
        """Raises ValueError for settings that cannot work, ImportError without the extra."""
        check_mapping(settings.roles)
        parsed = urlsplit(settings.url)
        if parsed.scheme not in ("ldap", "ldaps") or not parsed.hostname:
            raise ValueError(f'ldap.url: expected "ldaps://HOST" or "ldap://HOST", got "{settings.url}"')
        if "{login}" not in settings.filter:
            raise ValueError(f'ldap.filter: expected a filter with {{login}}, got "{settings.filter}"')
        self._settings = settings
        self._connect = connect or _connector(settings)

    async def check(self, login: str, password: str) -> Person:
        """Raises Forbidden for a wrong pair or without a role, Away when the server cannot be asked."""
        if not login or not password:
            raise Forbidden("Login or password is wrong")
        return await asyncio.to_thread(self._check, login, password)

    def _check(self, login: str, password: str) -> Person:
        from ldap3.core.exceptions import LDAPException  # noqa: PLC0415 - an extra

        try:
            found = self._find(login)
            if found is None:
                raise Forbidden("Login or password is wrong")
            name, attributes = found
            bound = self._connect(name, password)
            if bound is None:
                raise Forbidden("Login or password is wrong")
            bound.unbind()
        except (LDAPException, OSError) as error:
            log.warning("! ldap", error=type(error).__name__)
            raise Away("The directory of people cannot be asked now") from error
        person = _first(attributes.get(self._settings.name)) or login
        mail = _first(attributes.get("mail"))
        return Person(
            login_of(login), person, role_of(_texts(attributes.get(self._settings.groups)), self._settings.roles), mail
        )

    def _find(self, login: str) -> tuple[str, dict[str, Any]] | None:
        """The one entry of this login: its name and attributes."""
        from ldap3.utils.conv import escape_filter_chars  # noqa: PLC0415 - an extra

        settings = self._settings
        connection = self._connect(settings.user, settings.password)
        if connection is None:
            log.error("! ldap refuses the account that looks for people", user=settings.user)
            raise Away("The directory of people cannot be asked now")
        try:
            wanted = settings.filter.replace("{login}", escape_filter_chars(login))
            connection.search(settings.base, wanted, attributes=[settings.name, settings.groups, "mail"], size_limit=2)
            entries = [entry for entry in connection.response or () if entry.get("type", "searchResEntry") == "searchResEntry"]
        finally:
            connection.unbind()
        return (entries[0]["dn"], dict(entries[0]["raw_attributes"])) if len(entries) == 1 else None


def _connector(settings: LdapSettings) -> Connect:
    import ldap3  # noqa: PLC0415 - an extra

    parsed = urlsplit(settings.url)
    encrypted = parsed.scheme == "ldaps"
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca or None)
    server = ldap3.Server(
        parsed.hostname or "", port=parsed.port, use_ssl=encrypted, tls=tls, connect_timeout=SECONDS, get_info=ldap3.NONE
    )

    def connect(user: str, password: str) -> Any:
        connection = ldap3.Connection(
            server, user=user or None, password=password or None, receive_timeout=SECONDS, check_names=False,
            authentication=ldap3.SIMPLE if user else ldap3.ANONYMOUS,
        )  # fmt: skip
        connection.open()
        if not encrypted and not settings.plain and not connection.start_tls():
            raise OSError("the server speaks no StartTLS")
        return connection if connection.bind() else None

    return connect


def _texts(value: Any) -> list[str]:
    """Values as the server sent them: octets, whatever is known of its schema."""
    return [entry.decode("utf-8", "replace") for entry in value or ()]


def _first(value: Any) -> str:
    return next(iter(_texts(value)), "")
