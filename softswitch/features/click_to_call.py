"""Tokens of the click-to-call widget: short-lived, bound to one destination and one web origin, checked without a store."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden

TOKEN_SECONDS = 300.0


class Clicks:
    """Issues and checks tokens: `BASE64(JSON).BASE64(HMAC-SHA-256)`. The key lives as long as the process."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def issue(self, to: Destination, origin: str) -> tuple[str, float]:
        """A token for pages of `origin` ("https://shop.example") and when it ends (UTC epoch seconds)."""
        expires = self._clock.utc() + TOKEN_SECONDS
        claims = json.dumps({"to": str(to), "origin": _plain(origin), "exp": expires}, separators=(",", ":")).encode()
        return f"{_encode(claims)}.{_encode(self._sign(claims))}", expires

    def verify(self, token: str, origin: str) -> Destination:
        """Where the bearer may call. Raises Forbidden for a forged or old token, or one for another origin."""
        body, _, signature = token.partition(".")
        try:
            claims = _decode(body)
            genuine = hmac.compare_digest(_decode(signature), self._sign(claims))
        except (binascii.Error, ValueError) as fault:
            raise Forbidden("the token is not one of ours") from fault
        if not genuine:
            raise Forbidden("the token is not one of ours")
        fields = json.loads(claims)
        if fields["exp"] < self._clock.utc():
            raise Forbidden("the token has expired")
        if fields["origin"] != _plain(origin):
            raise Forbidden("the token is for another web site")
        return Destination.parse(fields["to"])

    def _sign(self, claims: bytes) -> bytes:
        return hmac.new(self._key, claims, hashlib.sha256).digest()


def _plain(origin: str) -> str:
    return origin.strip().rstrip("/").lower()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
