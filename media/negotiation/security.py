"""Encryption of one m-line: which profile words mean what, SDES lines (RFC 4568), DTLS roles (RFC 5763 §5), ICE (RFC 8839)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

from media.commands import Ice, Sdes
from media.errors import BadDescription, NoCommonSecurity
from media.negotiation.values import Capabilities, Credentials, DtlsIdentity, SdesKey, Srtp
from media.sdp import Description, Line, Media, candidates, crypto, fingerprint, ice_credentials

PLAIN = frozenset(("RTP/AVP", "RTP/AVPF"))
SECURE = frozenset(("RTP/SAVP", "RTP/SAVPF"))
OVER_DTLS = frozenset(("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"))
PROFILES = PLAIN | SECURE | OVER_DTLS

SUITES: dict[str, int] = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
"""Crypto-suites (RFC 4568 §6.2, RFC 6188, RFC 7714) and the octets of master key and salt together."""


@dataclass(frozen=True, slots=True)
class Security:
    """The agreed encryption and the lines that tell the peer."""

    sdes: Sdes | None = None
    fingerprint: str = ""  # the peer's
    setup: str = ""  # ours
    lines: tuple[Line, ...] = ()


def answer_security(offer: Description, media: Media, srtp: Srtp, credentials: Credentials) -> Security:
    """Chooses what to do about the peer's wish; raises NoCommonSecurity when nothing fits.

    `RTP/AVP` with a fingerprint or crypto lines is an offer of optional encryption (`sip.md` §2.3) and is taken when we can.
    """
    theirs = fingerprint(offer, media)
    if theirs and credentials.dtls is not None and srtp in {Srtp.DTLS, Srtp.OPTIONAL}:
        setup = answering_role(offer.inherited(media, "setup"))
        return Security(None, theirs, setup, tuple(dtls_lines(credentials.dtls, setup)))
    if srtp in {Srtp.SDES, Srtp.OPTIONAL} and media.profile not in OVER_DTLS:
        keys = {entry.suite: entry for entry in credentials.sdes}
        for line in filter(None, map(crypto, media.attributes("crypto"))):
            if line.suite in keys and len(line.key) == SUITES.get(line.suite):
                ours = keys[line.suite]
                return Security(Sdes(line.suite, ours.key, line.key), lines=(_crypto_line(line.tag, ours),))
    if media.profile in PLAIN and srtp in {Srtp.OFF, Srtp.OPTIONAL}:
        return Security()
    raise NoCommonSecurity(f"{media.profile} with our srtp = {srtp}")


def offered_lines(capabilities: Capabilities, credentials: Credentials) -> tuple[str, list[Line]]:
    """Profile word and key lines of our own offer."""
    if capabilities.srtp is Srtp.DTLS:
        if credentials.dtls is None:
            raise NoCommonSecurity("srtp = dtls without a certificate")
        return "UDP/TLS/RTP/SAVPF", [*dtls_lines(credentials.dtls, "actpass")]
    if capabilities.srtp is Srtp.OFF:
        return "RTP/AVP", []
    if capabilities.srtp is Srtp.SDES and not credentials.sdes:
        raise NoCommonSecurity("srtp = sdes without keys")
    lines = [_crypto_line(tag, key) for tag, key in enumerate(credentials.sdes, 1)]
    return ("RTP/SAVP" if capabilities.srtp is Srtp.SDES else "RTP/AVP"), lines


def accepted_security(offer: Media, answer: Description, media: Media) -> Security:
    """Reads the answer to our own offer; our keys stand in the offer. Raises NoCommonSecurity or BadDescription."""
    if offer.has("fingerprint"):
        theirs = fingerprint(answer, media)
        if theirs is None:
            raise NoCommonSecurity("the answer has no fingerprint")
        setup = "active" if answer.inherited(media, "setup") == "passive" else "passive"
        return Security(None, theirs, setup)
    ours = {line.tag: line for line in filter(None, map(crypto, offer.attributes("crypto")))}
    for line in filter(None, map(crypto, media.attributes("crypto"))):
        mine = ours.get(line.tag)
        if mine is None or mine.suite != line.suite or len(mine.key) != len(line.key):
            raise BadDescription("a=crypto of the answer matches none of the offer")  # RFC 4568 §7.1.3
        return Security(Sdes(line.suite, mine.key, line.key))
    if offer.profile in SECURE:
        raise NoCommonSecurity("the answer has no crypto line")
    return Security()


def answering_role(offered: str | None) -> str:
    """Our side of `a=setup` (RFC 5763 §5): passive, unless the offer leaves only active."""
    return "active" if offered is not None and offered.strip() == "passive" else "passive"


def dtls_lines(identity: DtlsIdentity, setup: str) -> Iterator[Line]:
    """Fingerprint and role of a body of ours."""
    yield Line("a", f"fingerprint:{identity.fingerprint}")
    yield Line("a", f"setup:{setup}")


def _crypto_line(tag: int, key: SdesKey) -> Line:
    return Line("a", f"crypto:{tag} {key.suite} inline:{b64encode(key.key).decode()}")


def agreed_ice(theirs: Description, media: Media, credentials: Credentials) -> Ice | None:
    """ICE when both sides have credentials."""
    remote = ice_credentials(theirs, media)
    if remote is None or credentials.ice is None:
        return None
    return Ice(credentials.ice.ufrag, credentials.ice.pwd, remote[0], remote[1], candidates=candidates(media))


def ice_lines(capabilities: Capabilities, credentials: Credentials, *, rtcp_mux: bool) -> Iterator[Line]:
    """Credentials and host candidates of a lite agent (RFC 8839 §5.1, RFC 8445 §5.1.2.1), gathering finished."""
    if credentials.ice is None:
        return
    yield Line("a", f"ice-ufrag:{credentials.ice.ufrag}")
    yield Line("a", f"ice-pwd:{credentials.ice.pwd}")
    addresses = tuple(dict.fromkeys((capabilities.address, *capabilities.also_at)))
    for rank, address in enumerate(addresses):
        base = (126 << 24) + ((65535 - rank) << 8)
        yield Line("a", f"candidate:{rank + 1} 1 udp {base + 255} {address} {capabilities.rtp_port} typ host")
        if not rtcp_mux and capabilities.rtcp_port:
            yield Line("a", f"candidate:{rank + 1} 2 udp {base + 254} {address} {capabilities.rtcp_port} typ host")
    for rank, address in enumerate(addresses if rtcp_mux and capabilities.tcp_port else ()):
        # Passive: direction preference 4 (RFC 6544 §4.2), so that UDP is preferred wherever it works.
        priority = (126 << 24) + ((4 * 8192 + 8191 - rank) << 8) + 255
        where = f"{address} {capabilities.tcp_port}"
        yield Line("a", f"candidate:{len(addresses) + rank + 1} 1 tcp {priority} {where} typ host tcptype passive")
    yield Line("a", "end-of-candidates")
