"""People whom another directory vouches for (LDAP, OpenID Connect): what we take from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from softswitch.model.errors import Busy, Forbidden
from softswitch.model.states import Role

LOGIN = re.compile(r"\w[\w.\-]{0,63}")


class Away(Busy):
    """The other directory cannot be asked now."""

    code = "directory_away"


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    name: str
    role: Role
    mail: str = ""


def role_of(groups: Iterable[str], mapping: Sequence[str]) -> Role:
    """The role of the first `ROLE=GROUP` whose group the person is in (whole name, or the CN of it). Raises Forbidden."""
    mine = {form for group in groups for form in (group.casefold(), _common_name(group))}
    for entry in mapping:
        role, _, group = entry.partition("=")
        if group.casefold() in mine:
            return Role(role)
    raise Forbidden("Signed in there, but no group of yours may use this switch")


def check_mapping(mapping: Sequence[str]) -> None:
    """Raises ValueError for an entry that is no `ROLE=GROUP`."""
    roles = [role for role in Role if role is not Role.API]
    for entry in mapping:
        role, equals, group = entry.partition("=")
        if role not in roles or not equals or not group:
            raise ValueError(f'expected "ROLE=GROUP" with a role of {" ".join(roles)}, got "{entry}"')


def login_of(text: str) -> str:
    """A login as this switch writes it: without the domain. Raises Forbidden for one that cannot be."""
    login = text.rpartition("\\")[2].partition("@")[0].casefold()
    if not LOGIN.fullmatch(login):
        raise Forbidden("The other directory gave a login that cannot be used here")
    return login


def _common_name(group: str) -> str:
    first = group.partition(",")[0]
    return first[3:].casefold() if first[:3].casefold() == "cn=" else first.casefold()
