"""Tokens of the click-to-call widget: signed, two minutes long, good for one call to one destination from one web site.

The key is made anew by each process, so that a restart voids every token: what was spent is known as long as any is valid.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden

TOKEN_SECONDS = 120.0
MAX_DURATION = 1800.0
"""Seconds that the call of a token may last."""
PREFIXES = {4: 24, 6: 56}
"""The part of a customer's address that a token is bound to: telephone networks change the rest."""
_MINUTE = 60.0
_MOST_ADDRESSES = 10_000
_HEADER = {"alg": "EdDSA", "typ": "JWT"}

Captcha = Callable[[str, str], Awaitable[bool]]
"""Asked with what the page sent and the address: whether a person is there."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token says. `network`: where its customer may be, "" anywhere."""

    id: str
    to: Destination
    origin: str
    expires: float
    network: str = ""
    max_duration: float = MAX_DURATION


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickRules:
    """`per_minute`: calls of one address, `calls`: of all pages at one time; 0: any number."""

    per_minute: int = 3
    calls: int = 0


class Clicks:
    """Issues, checks and spends tokens: JSON Web Tokens signed with Ed25519 (RFC 8037). Owned by the loop."""

    def __init__(self, clock: Clock, token: Callable[[], str], key: bytes | None = None) -> None:
        """`token` makes their ids; `key` is an Ed25519 seed of 32 octets, None: a new one."""
        self._key = Ed25519PrivateKey.generate() if key is None else Ed25519PrivateKey.from_private_bytes(key)
        self._public = self._key.public_key()
        self._clock = clock
        self._token = token
        self.rules = ClickRules()
        self.live: Callable[[], int] = lambda: 0
        """How many calls of pages are up."""
        self.captcha: Captcha | None = None
        """The hook that asks whether a person is there; None: nobody is asked."""
        self._spent: dict[str, Ticket] = {}
        self._calls: dict[str, deque[float]] = {}

    def issue(
        self,
        to: Destination,
        origin: str,
        address: str = "",
        max_duration: float = MAX_DURATION,
        seconds: float = TOKEN_SECONDS,
    ) -> tuple[str, float]:
        """A token for pages of `origin` ("https://shop.example") and when it ends (UTC epoch seconds).

        `address`: the customer's, whose network alone may use it. Raises ValueError for one that is none.
        """
        expires = self._clock.utc() + min(seconds, TOKEN_SECONDS)
        claims = {
            "jti": self._token(), "dest": str(to), "origin": _plain(origin), "exp": expires, "net": network_of(address),
            "max_duration": min(max_duration, MAX_DURATION),
        }  # fmt: skip
        body = f"{_encode(_json(_HEADER))}.{_encode(_json(claims))}"
        return f"{body}.{_encode(self._key.sign(body.encode()))}", expires

    def verify(self, token: str, origin: str, address: str = "") -> Ticket:
        """What the bearer may do. Raises Forbidden for a forged, old or spent token, or one for somebody else."""
        ticket = self._read(token)
        if ticket.expires < self._clock.utc():
            raise Forbidden("the token has expired")
        if ticket.origin != _plain(origin):
            raise Forbidden("the token is for another web site")
        if ticket.network and network_of(address) != ticket.network:
            raise Forbidden("the token is for another network")
        if ticket.id in self._spent:
            raise Forbidden("the token has been used")
        return ticket

    def redeem(self, token: str, origin: str, address: str, wanted: str = "") -> Ticket:
        """Spends it for one call. `wanted`: whom the page asks for, which must be whom the token names; "" is that one.

        Raises Forbidden; also when this address calls too often, or too many pages do.
        """
        ticket = self.verify(token, origin, address)
        if wanted not in ("", str(ticket.to), ticket.to.name):
            raise Forbidden("the token is for another destination")
        now = self._clock.utc()
        recent = self._recent(address, now)
        if self.rules.per_minute and len(recent) >= self.rules.per_minute:
            raise Forbidden("too many calls from this address")
        if self.rules.calls and self.live() >= self.rules.calls:
            raise Forbidden("too many calls from web pages")
        recent.append(now)
        self._spent = {identity: one for identity, one in self._spent.items() if one.expires >= now}
        self._spent[ticket.id] = ticket
        return ticket

    def spent(self, identity: str) -> Ticket | None:
        """The ticket of a call that has begun, for as long as it could have been used again."""
        return self._spent.get(identity)

    async def check_person(self, said: str, address: str) -> None:
        """Raises Forbidden when the hook says that nobody is there."""
        if self.captcha is not None and not await self.captcha(said, address):
            raise Forbidden("the captcha was not solved")

    def _recent(self, address: str, now: float) -> deque[float]:
        """When this address has called within a minute."""
        if len(self._calls) > _MOST_ADDRESSES:
            self._calls = {known: calls for known, calls in self._calls.items() if calls and calls[-1] > now - _MINUTE}
        calls = self._calls.setdefault(address, deque())
        while calls and calls[0] <= now - _MINUTE:
            calls.popleft()
        return calls

    def _read(self, token: str) -> Ticket:
        """What a genuine token says. Raises Forbidden for any other."""
        body, _, signature = token.rpartition(".")
        try:
            self._public.verify(_decode(signature), body.encode())
            claims: Mapping[str, Any] = json.loads(_decode(body.partition(".")[2]))
        except (binascii.Error, ValueError, InvalidSignature) as fault:
            raise Forbidden("the token is not one of ours") from fault
        return Ticket(
            claims["jti"], Destination.parse(claims["dest"]), claims["origin"], claims["exp"], claims["net"],
            claims["max_duration"],
        )  # fmt: skip


def network_of(address: str) -> str:
    """The network that an address stands for, "" for none. Raises ValueError for what is no address."""
    if not address:
        return ""
    found = ip_address(address)
    return str(ip_network(f"{found}/{PREFIXES[found.version]}", strict=False))


def _plain(origin: str) -> str:
    return origin.strip().rstrip("/").lower()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
