"""Digest authentication in both roles (RFC 3261 §22, RFC 7616, RFC 8760): MD5, SHA-256 and SHA-512-256, qop=auth.

The clock and the random source are arguments; what is kept between calls is bounded.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import ip_address

from signalling.commands import Login
from signalling.errors import RemoteProtocolError
from signalling.message.headers import split_list
from signalling.message.uri import parse_uri

ALGORITHMS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}  # strongest first
OFFERED = ("SHA-256", "MD5")
NONCE_LIFE = 300.0
WINDOW = 64
MAX_NONCES = 100_000
_MAC_LENGTH = 24
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def digest(algorithm: str, text: str) -> str:
    """Lower-case hex digest. Raises KeyError for an algorithm that is not in ALGORITHMS."""
    return hashlib.new(ALGORITHMS[algorithm], text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """What a server stores instead of the password (RFC 7616 §3.4.2)."""
    return digest(algorithm, f"{username}:{realm}:{password}")


def response_value(algorithm: str, secret: str, method: str, uri: str, *, nonce: str, nc: str, cnonce: str) -> str:
    """The response of RFC 7616 §3.4.1 with qop=auth; `secret` is the HA1."""
    return digest(algorithm, f"{secret}:{nonce}:{nc}:{cnonce}:auth:{digest(algorithm, f'{method}:{uri}')}")


def parse_credentials(value: str) -> tuple[str, dict[str, str]]:
    """Split 'Scheme name=value, ...' into the lower-case scheme and its parameters. Raises RemoteProtocolError(400)."""
    words = value.split(None, 1)
    scheme, tail = words if len(words) == 2 else (value.strip(), "")
    params: dict[str, str] = {}
    for item in split_list(tail):
        name, equals, text = item.partition("=")
        if not equals:
            continue
        text = text.strip()
        if text.startswith('"') and text.endswith('"') and len(text) > 1:
            text = _ESCAPED.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]
        params.setdefault(name.strip().lower(), text)
    return scheme.lower(), params


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    MISSING = "missing"  # no credentials for our realm
    STALE = "stale"  # right kind of nonce, but too old or from another source
    REPLAYED = "replayed"  # all is right, but this count was used with the nonce before
    FORGED = "forged"  # a nonce that we never made
    WRONG = "wrong"  # unknown account, wrong password, wrong uri


class Verifier:
    """Checks Authorization headers of one realm. Nonces prove themselves by HMAC; only their counts are stored."""

    def __init__(self, realm: str, key: bytes, token: Callable[[], str], offered: tuple[str, ...] = OFFERED) -> None:
        self.realm = realm
        self._offered = offered
        self._key = key
        self._token = token
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()  # nonce -> highest nc, bits of the 64 before it
        self._dummy = {name: ha1(name, "-", realm, key.hex()) for name in ALGORITHMS}

    def challenge(self, source: str, now: float, *, stale: bool = False) -> list[str]:
        """Header values, one per algorithm in order of preference; the same for every name."""
        nonce = self._nonce(source, now)
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{tail}'
            for algorithm in self._offered
        ]

    def claimed(self, values: list[str]) -> str:
        """The name that somebody claims, unproven; "" without credentials of our realm."""
        params = self._ours(values) if values else None
        return params.get("username", "") if params is not None else ""

    def check(
        self,
        values: list[str],
        method: str,
        request_uri: str,
        source: str,
        now: float,
        secrets_of: Callable[[str], Mapping[str, str] | None],
    ) -> tuple[Outcome, str]:
        """Judge the Authorization values of a request; returns the outcome and the claimed username.

        `secrets_of(username)` gives HA1 by algorithm or None; an unknown name does the same work as a known one.
        """
        params = self._ours(values)
        if params is None:
            return Outcome.MISSING, ""
        username, nonce = params.get("username", ""), params.get("nonce", "")
        fresh = self._judge_nonce(nonce, source, now)
        if fresh is not Outcome.ACCEPTED:
            return fresh, username
        if not self._proves(params, method, request_uri, secrets_of(username)):
            return Outcome.WRONG, username
        if not self._count(nonce, params["nc"]):
            return Outcome.REPLAYED, username
        return Outcome.ACCEPTED, username

    def _ours(self, values: list[str]) -> dict[str, str] | None:
        for value in values:
            try:
                scheme, params = parse_credentials(value)
            except RemoteProtocolError:
                continue
            if scheme == "digest" and params.get("realm") == self.realm:
                return params
        return None

    def _proves(self, params: dict[str, str], method: str, request_uri: str, secrets: Mapping[str, str] | None) -> bool:
        """Whether the response fits. A missing account is compared with a secret that nobody knows, to take as long."""
        algorithm = params.get("algorithm", "MD5").upper()
        if algorithm not in self._offered or params.get("qop") != "auth" or not _is_count(params.get("nc", "")):
            return False
        secret = (secrets or {}).get(algorithm, self._dummy[algorithm])
        expected = response_value(
            algorithm,
            secret,
            method,
            params.get("uri", ""),
            nonce=params["nonce"],
            nc=params["nc"],
            cnonce=params.get("cnonce", ""),
        )
        given = params.get("response", "").lower().encode("utf-8", "surrogateescape")
        matches = hmac.compare_digest(expected.encode(), given)
        return matches and secrets is not None and algorithm in secrets and _same_target(params.get("uri", ""), request_uri)

    def _nonce(self, source: str, now: float) -> str:
        stamp = f"{int(now * 1000):012x}{self._token()[:16]}"
        return stamp + self._mac(stamp, source)

    def _mac(self, stamp: str, source: str) -> str:
        text = f"{stamp}:{self.realm}:{_network(source)}"
        octets = text.encode("utf-8", "surrogateescape")  # a nonce that a peer made up may be anything
        return hmac.new(self._key, octets, "sha256").hexdigest()[:_MAC_LENGTH]

    def _judge_nonce(self, nonce: str, source: str, now: float) -> Outcome:
        stamp, mac = nonce[:-_MAC_LENGTH], nonce[-_MAC_LENGTH:]
        genuine = hmac.compare_digest(self._mac(stamp, source).encode(), mac.encode("utf-8", "surrogateescape"))
        if not genuine:
            # An old nonce of ours after a restart, or one from another network, deserves a new try; anything else is made up.
            return Outcome.STALE if len(nonce) > _MAC_LENGTH + 12 else Outcome.FORGED
        age = now - int(stamp[:12], 16) / 1000
        return Outcome.ACCEPTED if -1.0 <= age <= NONCE_LIFE else Outcome.STALE

    def _count(self, nonce: str, nc: str) -> bool:
        """Accept each nonce count once, within a window of 64 below the highest seen."""
        number = int(nc, 16)
        highest, seen = self._counts.pop(nonce, (0, 0))
        if number > highest:
            seen = ((seen << (number - highest)) | 1) & ((1 << WINDOW) - 1) if number - highest < WINDOW else 1
            fresh, highest = True, number
        else:
            bit = 1 << (highest - number) if highest - number < WINDOW else 0
            fresh = bool(bit) and not seen & bit
            seen |= bit
        self._counts[nonce] = (highest, seen)
        if len(self._counts) > MAX_NONCES:
            self._counts.popitem(last=False)
        return fresh


class DigestClient:
    """Answers challenges for one peer: at most twice per request, never twice for the same nonce unless it was stale."""

    def __init__(self, login: Login, token: Callable[[], str]) -> None:
        self._login = login
        self._token = token
        self._realm = login.realm
        self._nonce = ""
        self._count = 0

    def answer(self, challenges: list[str], method: str, uri: str) -> str | None:
        """The Authorization value, or None when the challenge cannot or must not be answered.

        The realm is that of the first challenge: credentials are never used for a second one (digest leak).
        """
        chosen: dict[str, str] | None = None
        rank = len(ALGORITHMS)
        for value in challenges:
            try:
                scheme, params = parse_credentials(value)
            except RemoteProtocolError:
                continue
            names = list(ALGORITHMS)
            algorithm = params.get("algorithm", "MD5").upper()
            if self._login.digest and algorithm not in self._login.digest:
                continue
            if scheme == "digest" and algorithm in names and names.index(algorithm) < rank:
                rank, chosen = names.index(algorithm), params
        if chosen is None or not chosen.get("nonce"):
            return None
        realm = chosen.get("realm", "")
        if self._realm and realm != self._realm:
            return None
        if chosen["nonce"] == self._nonce and chosen.get("stale", "").lower() != "true":
            return None
        self._realm = realm
        return self._credentials(chosen, method, uri)

    def _credentials(self, params: dict[str, str], method: str, uri: str) -> str:
        nonce, algorithm = params["nonce"], params.get("algorithm", "MD5").upper()
        self._count = self._count + 1 if nonce == self._nonce else 1
        self._nonce = nonce
        secret = ha1(algorithm, self._login.username, self._realm, self._login.password)
        parts = [
            f'Digest username="{_escape(self._login.username)}"',
            f'realm="{_escape(self._realm)}"',
            f'nonce="{_escape(nonce)}"',
            f'uri="{uri}"',
            f"algorithm={algorithm}",
        ]
        if "auth" in {item.strip().lower() for item in params.get("qop", "").split(",")}:
            nc, cnonce = f"{self._count:08x}", self._token()[:16]
            value = response_value(algorithm, secret, method, uri, nonce=nonce, nc=nc, cnonce=cnonce)
            parts += [f'response="{value}"', "qop=auth", f"nc={nc}", f'cnonce="{cnonce}"']
        else:  # RFC 2069 servers
            value = digest(algorithm, f"{secret}:{nonce}:{digest(algorithm, f'{method}:{uri}')}")
            parts.append(f'response="{value}"')
        if params.get("opaque"):
            parts.append(f'opaque="{_escape(params["opaque"])}"')
        return ", ".join(parts)


def _is_count(text: str) -> bool:
    return len(text) == 8 and all(char in "0123456789abcdefABCDEF" for char in text)


def _same_target(claimed: str, request_uri: str) -> bool:
    """Whether the digest `uri` is the Request-URI.

    Deviation (RFC 7616 §3.4.6): port and parameters make no difference, and a `uri` without a user fits any user of its host;
    SIPp and some gateways write the registrar's address into every request.
    """
    if claimed == request_uri:
        return True
    try:
        one, other = parse_uri(claimed), parse_uri(request_uri)
    except RemoteProtocolError:
        return False
    return one.host == other.host and one.username in {other.username, ""}


def _network(source: str) -> str:
    """The part of an address that a client keeps when its carrier moves it: /24 of IPv4, /56 of IPv6."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    packed = address.packed
    return packed[:3].hex() if address.version == 4 else packed[:7].hex()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
