"""The dice of media: the node's certificate, ICE credentials, SDES keys, session ids. Negotiation itself stays pure."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from media.negotiation import SUITES, DtlsIdentity, IceCredentials, SdesKey, SdpSession

DEFAULT_SUITES = (
    "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
)  # fmt: skip
"""All that are known, in the order of our offers; which of them we offer is `negotiation.security.OFFERED`."""


def node_identity(days: int = 30) -> DtlsIdentity:
    """Makes the DTLS certificate of this node: P-256, self-signed (RFC 8827 §6.5), nothing in it tells who we are."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "softswitch")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # peers with a slow clock
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return DtlsIdentity(
        fingerprint=f"sha-256 {certificate.fingerprint(hashes.SHA256()).hex(':').upper()}",
        certificate=certificate.public_bytes(serialization.Encoding.DER),
        private_key=key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def ice_credentials() -> IceCredentials:
    """Fresh credentials: 48 bits of user fragment, 144 of password (RFC 8445 §5.3 wants at least 24 and 128)."""
    return IceCredentials(secrets.token_hex(6), secrets.token_hex(18))


def sdes_keys(suites: Iterable[str] = DEFAULT_SUITES) -> tuple[SdesKey, ...]:
    """A fresh master key and salt per suite; keep them for the life of the leg."""
    return tuple(SdesKey(suite, secrets.token_bytes(SUITES[suite])) for suite in suites)


_sessions: list[int] = []


def sdp_session() -> SdpSession:
    """A new `o=` id for a leg: 62 random bits, so it also fits peers that read it as a signed number."""
    if not _sessions:  # the kernel is asked for many at once
        _sessions.extend(number >> 2 for number in struct.unpack("=256Q", secrets.token_bytes(8 * 256)))
    return SdpSession(_sessions.pop())
