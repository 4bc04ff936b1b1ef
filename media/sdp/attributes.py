"""Typed readers of the lines that negotiation looks at. Each is called when needed and judges only its own line."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from media.errors import BadDescription
from media.sdp.model import Description, Media
from media.sdp.parser import is_number

_DIRECTIONS = ("inactive", "recvonly", "sendonly", "sendrecv")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16})[ \t]+((?:[0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{2})\s*")
_DIGEST_OCTETS = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/=_.-]{1,256}")


class Connection(NamedTuple):
    """A `c=` line. `family` is 4, 6 or 0 (a host name, which is never resolved here)."""

    family: int
    address: str


class RtpMap(NamedTuple):
    """An `a=rtpmap` line (RFC 8866 §6.6)."""

    payload_type: int
    name: str
    clock: int
    channels: int


class Crypto(NamedTuple):
    """An `a=crypto` line (RFC 4568 §9.1); `key` is master key and salt. `unusable` says why the line cannot be taken."""

    tag: int
    suite: str
    key: bytes
    lifetime: int = 0  # packets that the key may protect, 0 when not told
    unusable: str = ""


def connection(description: Description, media: Media) -> Connection | None:
    """Where the peer wants media: the c-line of `media`, else of the session; None when there is none.

    An IPv4-mapped IPv6 address is read as IPv4 (RFC 5118 §4.10). Raises BadDescription for an address that is none.
    """
    value = media.value("c")
    if value is None:
        value = description.value("c")
    if value is None:
        return None
    words = value.split()
    if len(words) < 3 or words[0] != "IN" or words[1] not in {"IP4", "IP6"}:
        raise BadDescription("c= line is not 'IN IP4|IP6 <address>'")
    return address(words[2].partition("/")[0])


@lru_cache(maxsize=1024)  # the same few gateways call all day
def address(text: str) -> Connection:
    """Classifies an address word; anything that is no IP literal counts as a host name, checked for its characters."""
    try:
        parsed = ip_address(text.strip("[]"))
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", text):
            raise BadDescription("address is neither IP literal nor host name") from None
        return Connection(0, text)
    if parsed.is_multicast or text == "255.255.255.255":
        raise BadDescription("media to a multicast or broadcast address")  # it would multiply our packets
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            raise BadDescription("address with a scope")
        mapped = parsed.ipv4_mapped
        return Connection(6, str(parsed)) if mapped is None else Connection(4, str(mapped))
    return Connection(4, str(parsed))


def is_unspecified(where: Connection) -> bool:
    """Whether the address is the hold signal of RFC 2543 and RFC 3264 §8.4 (`0.0.0.0`, also `::`)."""
    return where.address in {"0.0.0.0", "::"}  # noqa: S104 -- compared, not bound


def direction(description: Description, media: Media) -> str:
    """The direction as written by the peer; the media's word beats the session's (RFC 8866 §6.7).

    `sendrecv` without one; of several contradicting words in one section the order of `_DIRECTIONS` decides.
    """
    for section in (media, description):
        for word in _DIRECTIONS:
            if section.has(word):
                return word
    return "sendrecv"


@lru_cache(maxsize=1024)  # a dozen texts make nearly all of the traffic
def rtpmap(value: str) -> RtpMap | None:
    """Reads the value of an `a=rtpmap`; None when it makes no sense, which leaves that payload type unused."""
    number, _, encoding = value.strip().partition(" ")
    parts = encoding.strip().split("/")
    if not is_number(number, 127) or len(parts) not in {2, 3} or not is_number(parts[1], 10_000_000):
        return None
    channels = 1
    if len(parts) == 3 and parts[2]:
        if not is_number(parts[2], 255):
            return None
        channels = int(parts[2])
    return RtpMap(int(number), parts[0], int(parts[1]), channels)


def packet_time(value: str | None) -> int | None:
    """`a=ptime` or `a=maxptime` in whole ms; None for nothing or nonsense (`0.125` was seen in the wild)."""
    if value is None:
        return None
    whole = value.strip().partition(".")[0]
    return int(whole) if is_number(whole, 1000) and int(whole) > 0 else None


def rtcp_address(description: Description, media: Media) -> tuple[int, Connection | None] | None:
    """`a=rtcp:<port> [IN IP4|IP6 <address>]` (RFC 3605); None for nothing or nonsense. The address may be missing."""
    value = media.attribute("rtcp")
    if value is None:
        return None
    words = value.split()
    if not words or not is_number(words[0], 65535) or words[0] == "0":
        return None
    if len(words) < 4 or words[2] not in {"IP4", "IP6"}:
        return int(words[0]), None
    try:
        return int(words[0]), address(words[3])
    except BadDescription:
        return None


def crypto(value: str) -> Crypto | None:
    """Reads the value of an `a=crypto`; None when it is not one inline key, which leaves that line unused.

    RFC 4568 §9.1: `tag suite inline:<base64>[|lifetime][|MKI:length] [session parameters]`. What would change the packets
    (MKI, several keys, most session parameters) or ask for new keys within a call (a short lifetime) is not done here: such a
    line is `unusable` and another one may be taken, or the offer is declined (§6.3.6).
    """
    words = value.split()
    if len(words) < 3 or not is_number(words[0], 999_999_999) or not words[2].lower().startswith("inline:"):
        return None
    inline, _, further = words[2][7:].partition(";")
    key, *extras = inline.split("|")
    try:
        octets = b64decode(key + "=" * (-len(key) % 4), validate=True)
    except (Base64Error, ValueError):
        return None
    lifetime = _lifetime(extras[0]) if extras and ":" not in extras[0] else 0
    unusable = ""
    if further or any(":" in extra for extra in extras):
        unusable = "a key identifier (MKI)" if not further else "several keys"
    elif lifetime is None or 0 < lifetime < LEAST_LIFETIME:
        unusable = "a key that does not last for a call"
    elif unknown := [word for word in words[3:] if not _IGNORABLE.fullmatch(word)]:
        unusable = f"session parameter {unknown[0].partition('=')[0]}"
    return Crypto(int(words[0]), words[1].upper(), octets, lifetime or 0, unusable)


LEAST_LIFETIME = 1 << 20
"""Packets; at 50 in a second nearly six hours, more than the longest call."""
_IGNORABLE = re.compile(r"-.*|WSH=\d+|KDR=0")
"""Session parameters that change no packet: optional ones by their sign, a hint, a default (RFC 4568 §6.3)."""


def _lifetime(text: str) -> int | None:
    """`2^20` or a number of packets; None for nonsense."""
    base, power, exponent = text.strip().partition("^")
    if power:
        return 1 << int(exponent) if base == "2" and is_number(exponent, 63) else None
    return int(base) if is_number(base, 1 << 48) else None


def fingerprint(description: Description, media: Media) -> str | None:
    """The certificate fingerprint as `sha-256 AA:BB:…` (RFC 8122 §5); SHA-256 is preferred when several stand there.

    Raises BadDescription for one that cannot be right: a wrong one must not be taken as "no encryption".
    """
    values = media.attributes("fingerprint") or description.attributes("fingerprint")
    found = ""
    for value in values:
        match = _FINGERPRINT.fullmatch(value.strip())
        digest = match[1].lower() if match else ""
        if match is None or (len(match[2]) + 1) // 3 != _DIGEST_OCTETS.get(digest, -1):
            raise BadDescription("a=fingerprint is not a known hash with as many octets as it has")
        if not found or digest == "sha-256":
            found = f"{digest} {match[2].upper()}"
    return found or None


def ice_credentials(description: Description, media: Media) -> tuple[str, str] | None:
    """User fragment and password (RFC 8839 §5.4), None without both. Raises BadDescription for characters that cannot be."""
    ufrag, pwd = description.inherited(media, "ice-ufrag"), description.inherited(media, "ice-pwd")
    if ufrag is None or pwd is None:
        return None
    if not _ICE_CHARS.fullmatch(ufrag) or not _ICE_CHARS.fullmatch(pwd):
        raise BadDescription("a=ice-ufrag or a=ice-pwd has characters outside ice-char")
    return ufrag, pwd


def candidates(media: Media) -> tuple[str, ...]:
    """The candidates as `candidate:…` lines, at most 64."""
    return tuple(f"candidate:{value}" for value in media.attributes("candidate")[:64])
