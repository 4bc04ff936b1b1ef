"""Encryption of one m-line: which profile words mean what, SDES lines (RFC 4568), DTLS roles (RFC 5763 §5), ICE (RFC 8839)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from media.commands import Ice, Sdes
from media.errors import BadDescription, NoCommonSecurity
from media.negotiation.values import Capabilities, Credentials, DtlsIdentity, SdesKey, Srtp
from media.sdp import Crypto, Description, Line, Media, candidates, crypto, fingerprint, ice_credentials

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


_WEAK = frozenset({"AES_CM_128_HMAC_SHA1_32"})
"""Taken only when nothing else is offered."""

_TAKES_DTLS = frozenset({Srtp.DTLS, Srtp.OPTIONAL, Srtp.REQUIRED, Srtp.KEYLESS})
_TAKES_SDES = frozenset({Srtp.SDES, Srtp.OPTIONAL, Srtp.REQUIRED})
_TAKES_PLAIN = frozenset({Srtp.OFF, Srtp.OPTIONAL, Srtp.KEYLESS})


class Before(NamedTuple):
    """What is in force when an offer comes again."""

    secured: str = ""
    fingerprint: str = ""
    setup: str = ""


NOTHING = Before()


def answer_security(
    offer: Description, media: Media, srtp: Srtp, credentials: Credentials, before: Before = NOTHING
) -> Security:
    """Chooses what to do about the peer's wish; raises NoCommonSecurity when nothing fits.

    `RTP/AVP` with a fingerprint or crypto lines is an offer of optional encryption (RFC 8643) and is taken when we can. What is
    encrypted stays so: a later offer without is refused.
    """
    theirs = fingerprint(offer, media)
    if theirs and credentials.dtls is not None and srtp in _TAKES_DTLS:
        setup = answering_role(offer.inherited(media, "setup"), before.setup if theirs == before.fingerprint else "")
        return Security(None, theirs, setup, tuple(dtls_lines(credentials.dtls, setup)))
    lines = [line for line in map(crypto, media.attributes("crypto")) if line is not None]
    if srtp in _TAKES_SDES and media.profile not in OVER_DTLS:
        keys = {entry.suite: entry for entry in credentials.sdes}
        for line in sorted(lines, key=lambda line: line.suite in _WEAK):
            if line.suite in keys and len(line.key) == SUITES.get(line.suite) and not line.unusable:
                ours = keys[line.suite]
                return Security(Sdes(line.suite, ours.key, line.key), lines=(_crypto_line(line.tag, ours),))
    if media.profile in PLAIN and srtp in _TAKES_PLAIN and not before.secured:
        return Security()
    raise NoCommonSecurity(_refusal(media, srtp, lines, before))


def _refusal(media: Media, srtp: Srtp, lines: Sequence[Crypto], before: Before) -> str:
    """In words, without anybody's key."""
    if media.profile in PLAIN and before.secured and not lines:
        return f"{before.secured} was agreed on, the new offer is not encrypted"
    if lines and srtp is Srtp.KEYLESS:
        return "SDES keys came over a transport that is not encrypted (srtp = sdes-on-tls)"
    faults = ", ".join(f"{line.suite}: {line.unusable or 'not known here'}" for line in lines)
    return f"{media.profile} with our srtp = {srtp}" + (f"; {faults}" if faults and srtp in _TAKES_SDES else "")


def offered_lines(capabilities: Capabilities, credentials: Credentials) -> tuple[str, list[Line]]:
    """Profile word and key lines of our own offer. Phones get SAVP, who does ICE speaks the feedback profile too."""
    srtp = capabilities.srtp
    fingerprint_lines = [*dtls_lines(credentials.dtls, "actpass")] if credentials.dtls is not None else []
    if srtp is Srtp.DTLS:
        if not fingerprint_lines:
            raise NoCommonSecurity("srtp = dtls without a certificate")
        return "UDP/TLS/RTP/SAVPF" if credentials.ice is not None else "UDP/TLS/RTP/SAVP", fingerprint_lines
    if srtp in {Srtp.OFF, Srtp.KEYLESS}:
        return "RTP/AVP", []
    if srtp is not Srtp.OPTIONAL and not credentials.sdes:
        raise NoCommonSecurity(f"srtp = {srtp} without keys")
    offered = [key for key in credentials.sdes if key.suite in OFFERED]
    lines = [_crypto_line(tag, key) for tag, key in enumerate(offered, 1)]
    return ("RTP/AVP", [*lines, *fingerprint_lines]) if srtp is Srtp.OPTIONAL else ("RTP/SAVP", lines)


OFFERED = frozenset({"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"})
"""Suites of our own offers; the others are taken when a peer offers them."""


def accepted_security(offer: Media, answer: Description, media: Media) -> Security:
    """Reads the answer to our own offer; our keys stand in the offer. Raises NoCommonSecurity or BadDescription."""
    theirs = fingerprint(answer, media) if offer.has("fingerprint") else None
    if theirs is not None:
        setup = "active" if answer.inherited(media, "setup") == "passive" else "passive"
        return Security(None, theirs, setup)
    if offer.profile in OVER_DTLS:
        raise NoCommonSecurity("the answer has no fingerprint")
    ours = {line.tag: line for line in filter(None, map(crypto, offer.attributes("crypto")))}
    for line in filter(None, map(crypto, media.attributes("crypto"))):
        mine = ours.get(line.tag)
        if mine is None or mine.suite != line.suite or len(mine.key) != len(line.key):
            raise BadDescription("a=crypto of the answer matches none of the offer")  # RFC 4568 §7.1.3
        if line.unusable:
            raise NoCommonSecurity(f"the answer wants {line.unusable}")
        return Security(Sdes(line.suite, mine.key, line.key))
    if offer.profile in SECURE:
        raise NoCommonSecurity("the answer has no crypto line")
    return Security()


def answering_role(offered: str | None, now: str = "") -> str:
    """Our side of `a=setup` (RFC 5763 §5): what it is `now`, else passive, unless the offer leaves only one."""
    word = (offered or "").strip()
    if word == "actpass" and now:
        return now  # RFC 8842 §5.4: another role would be a new association
    return "active" if word == "passive" else "passive"


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
