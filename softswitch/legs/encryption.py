"""Which encryption of media a leg may and must have: the policy of its peer and the transport of its signalling (sip.md §9)."""

from __future__ import annotations

from media.credentials import sdes_keys
from media.negotiation import Credentials, DtlsIdentity, Srtp

POLICIES = ("sdes-on-tls", "off", "optional", "sdes", "dtls")
"""off: plain RTP. optional: as the peer likes, offered as RTP/AVP with key lines (RFC 8643). sdes, dtls: nothing else.
sdes-on-tls: required where signalling is encrypted (SDES or DTLS); elsewhere plain RTP or DTLS, and never keys in SDP."""

USUAL = "sdes-on-tls"
_ENCRYPTED = frozenset({"tls", "wss"})
_WORDS = {"off": Srtp.OFF, "optional": Srtp.OPTIONAL, "sdes": Srtp.SDES, "dtls": Srtp.DTLS}


def required(policy: str, transport: str) -> Srtp:
    """What the policy means for a leg whose signalling comes by `transport`."""
    return _WORDS.get(policy) or (Srtp.REQUIRED if transport in _ENCRYPTED else Srtp.KEYLESS)


def credentials(srtp: Srtp, identity: DtlsIdentity) -> Credentials:
    """The secrets of one leg, fresh SDES keys among them; they stay for its life, so hold and refresh keep them."""
    by_keys = srtp in (Srtp.OPTIONAL, Srtp.SDES, Srtp.REQUIRED)
    return Credentials(sdes=sdes_keys() if by_keys else (), dtls=None if srtp in (Srtp.OFF, Srtp.SDES) else identity)
