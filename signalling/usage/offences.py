"""What counts as an offence of a source, what each costs it, and when it is shut out (sip.md §9). Data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

POINTS: Mapping[str, int] = {
    "auth_failed": 2, "forged_nonce": 3, "unknown_account": 2, "scanner": 5, "not_sip": 3, "malformed": 1, "replay": 2,
}  # fmt: skip
"""What each event costs its source. An unknown account as much as a wrong password: the ban must not tell which names exist."""


@dataclass(frozen=True, slots=True)
class BanRules:
    """When a source is shut out, and for how long; seconds. `limit` 0: nobody is."""

    limit: int = 10
    window: float = 600.0
    first: float = 3600.0
    longest: float = 86400.0
    never: tuple[IPv4Network | IPv6Network, ...] = ()
    table: int = 100_000
