"""SIP, SIPS and TEL URIs (RFC 3261 §19.1, RFC 3966, RFC 5954). Values keep the spelling of the wire; decoding is asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote

from signalling.errors import RemoteProtocolError

MAX_URI = 2048
REMEMBERED = 256  # longer texts are parsed each time: a stranger must not fill the memory of the caches
_FORBIDDEN = re.compile(r'[\x00-\x20<>"\x7f]')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*\Z")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.])?\Z")
_USER_SAFE = "-_.!~*'()&=+$,;?/"  # unreserved and user-unreserved of RFC 3261 §25.1


class Uri(NamedTuple):
    """A URI in its parts; `user` and `params` as written, `host` in lower case without brackets, `port` 0 when absent."""

    scheme: str
    user: str
    host: str
    port: int
    params: tuple[tuple[str, str], ...]
    headers: str  # raw text behind "?", never applied
    text: str

    @property
    def username(self) -> str:
        """The user part decoded exactly once, without a password."""
        return unescape(self.user.partition(":")[0]) if self.user else ""

    @property
    def is_sip(self) -> bool:
        return self.scheme in {"sip", "sips"}

    def param(self, name: str) -> str | None:
        """Value of a URI parameter, "" when it has none, None when it is absent."""
        for key, value in self.params:
            if key == name:
                return value
        return None


def unescape(text: str) -> str:
    """Resolve %HEX once (never recursively); octets that are no UTF-8 stay as surrogates."""
    return unquote(text, errors="surrogateescape") if "%" in text else text


def escape_user(user: str) -> str:
    """Write a user part so that any parser reads the same one back ('#' and '@' become %HEX)."""
    if user.isalnum() and user.isascii():
        return user
    return quote(user.encode("utf-8", "surrogateescape"), safe=_USER_SAFE)


@lru_cache(maxsize=1024)
def parse_host_port(text: str) -> tuple[str, int]:
    """Split 'host[:port]'; the port is 0 when absent. Raises RemoteProtocolError(400)."""
    if text.startswith("["):
        literal, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise RemoteProtocolError(400, "Bad IPv6 Reference")
        host, port_text, has_port = _ipv6(literal), rest[1:], bool(rest)
    else:
        host, colon, port_text = text.partition(":")
        has_port = bool(colon)
        if not _HOST.match(host):
            raise RemoteProtocolError(400, "Bad Host")
        host = host.lower()
    if not has_port:
        return host, 0
    return host, _port(port_text)


def format_host(host: str) -> str:
    """The host as it is written in a URI or Via: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def parse_uri(text: str) -> Uri:
    """Parse any absolute URI; sip, sips and tel are taken apart. Raises RemoteProtocolError(400)."""
    return _usual_uri(text) if len(text) <= REMEMBERED else _parsed(text)


def _parsed(text: str) -> Uri:
    if len(text) > MAX_URI:
        raise RemoteProtocolError(400, "URI Too Long")
    if _FORBIDDEN.search(text):
        raise RemoteProtocolError(400, "Bad URI")
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or not _SCHEME.match(scheme):
        raise RemoteProtocolError(400, "Bad URI")
    scheme = scheme.lower()
    if scheme == "tel":
        number, _, tail = rest.partition(";")
        return Uri(scheme, number, "", 0, _params(tail), "", text)
    if scheme not in {"sip", "sips"}:
        return Uri(scheme, "", "", 0, (), "", text)
    user, at, tail = rest.partition("@")
    if not at:
        user, tail = "", rest
    elif not user:
        raise RemoteProtocolError(400, "Empty User")
    tail, _, headers = tail.partition("?")
    authority, _, tail = tail.partition(";")
    host, port = parse_host_port(authority)
    return Uri(scheme, user, host, port, _params(tail), headers, text)


_usual_uri = lru_cache(maxsize=4096)(_parsed)


def same_uri(one: Uri, other: Uri) -> bool:
    """Equality of RFC 3261 §19.1.4: escapes equal, host and names without case, some parameters only when both have them."""
    if one.text == other.text:
        return True
    if one.scheme != other.scheme or unescape(one.user) != unescape(other.user) or one.host != other.host:
        return False
    if one.port != other.port or one.headers != other.headers or not one.is_sip:
        return False
    mine, theirs = dict(one.params), dict(other.params)
    for name in mine.keys() | theirs.keys():
        if name in mine and name in theirs:
            if unescape(mine[name]).lower() != unescape(theirs[name]).lower():
                return False
        elif name in {"user", "ttl", "method", "maddr", "transport"}:
            return False
    return True


def _params(text: str) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    pairs = []
    for item in text.split(";"):
        name, _, value = item.partition("=")
        if name:
            pairs.append((unescape(name).lower(), value))
    return tuple(pairs)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise RemoteProtocolError(400, "Bad Port")
    return int(text)


def _ipv6(literal: str) -> str:
    # RFC 5954: the grammar of RFC 3261 produced three colons; they mean two.
    try:
        address = IPv6Address(literal.replace(":::", "::"))
    except AddressValueError:
        raise RemoteProtocolError(400, "Bad IPv6 Address") from None
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else str(address)
