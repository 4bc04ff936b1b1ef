"""Signing in, with LDAP and OpenID Connect where the settings name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.access.entrance import Entrance
from softswitch.access.ldap import LdapDirectory
from softswitch.access.oidc import OidcProvider

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Entrance:
    """Raises ValueError for settings that cannot work."""
    settings = node.settings
    try:
        ldap = LdapDirectory(settings.ldap) if settings.ldap.url else None
        oidc = OidcProvider(settings.oidc, node.directory.cipher, node.clock) if settings.oidc.issuer else None
    except ImportError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'softswitch[ldap,oidc]'") from error
    return Entrance(node.users, ldap, oidc)
