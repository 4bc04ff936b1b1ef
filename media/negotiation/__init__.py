"""Offer and answer, pure: descriptions and capabilities in, a body and an `Agreement` in the engine's words out."""

from media.negotiation.exchange import accept_answer, agreed, answer, meet, offer, turned
from media.negotiation.fax import Fax
from media.negotiation.security import SUITES
from media.negotiation.values import (
    Agreement,
    Capabilities,
    Credentials,
    DtlsIdentity,
    IceCredentials,
    SdesKey,
    SdpSession,
    Srtp,
)

__all__ = [
    "SUITES",
    "Agreement",
    "Capabilities",
    "Credentials",
    "DtlsIdentity",
    "Fax",
    "IceCredentials",
    "SdesKey",
    "SdpSession",
    "Srtp",
    "accept_answer",
    "agreed",
    "answer",
    "meet",
    "offer",
    "turned",
]
