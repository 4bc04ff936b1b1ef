"""Errors of the signalling package.

SipError
├─ LocalProtocolError            our own code misused the core; a bug
├─ RemoteProtocolError(status)   the peer broke the protocol; `status` is what it is told
└─ TransportError                a flow cannot carry the message
"""

from __future__ import annotations


class SipError(Exception):
    """Base of every error that this package raises on purpose."""


class LocalProtocolError(SipError):
    """The core was asked for something that its state forbids."""


class RemoteProtocolError(SipError):
    """The peer sent something unusable; `status` is the answer it deserves, 0 means silence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class TransportError(SipError):
    """A flow is gone or cannot carry the message."""
