"""Errors of the media package.

MediaError
├─ NoCapacity       the engine is draining, full or overloaded
├─ BadDescription   an SDP body cannot be used; carries the offending line
├─ NotAcceptable    a well-formed offer or answer that we cannot meet (SIP 488)
│  ├─ NoCommonCodec    no shared codec
│  ├─ NoCommonFamily   the peer speaks IPv6 only and we IPv4, or the other way round
│  └─ NoCommonSecurity plain RTP where SRTP is required, or keys we cannot use
├─ CommandRefused   the engine answered a command with `CommandFailed`; carries the reason word
├─ PortLost         the port failed or was closed while somebody waited for it
└─ EngineClosed     the engine is gone; programming error or shutdown race
"""

from __future__ import annotations


class MediaError(Exception):
    """Base of every error that this package raises on purpose."""


class NoCapacity(MediaError):
    """The engine refuses new ports: draining, full or overloaded."""


class BadDescription(MediaError):
    """A session description cannot be parsed or used; `line` is 1-based, 0 when it is about the whole."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


class NotAcceptable(MediaError):
    """A session description is well formed, but we cannot meet it; maps to SIP 488."""


class NoCommonCodec(NotAcceptable):
    """Nothing is left after intersecting an offer with our capabilities."""


class NoCommonFamily(NotAcceptable):
    """The peer's media address is of a family that this port does not have."""


class NoCommonSecurity(NotAcceptable):
    """Media encryption cannot be agreed: required and not offered, or offered in no form we have keys for."""


class CommandRefused(MediaError):
    """The engine refused a command; `reason` is a word of `CommandFailed`, `target` the id it was about."""

    def __init__(self, command: str, reason: str, target: int = 0) -> None:
        super().__init__(f"{command} of {target}: {reason}")
        self.command = command
        self.reason = reason
        self.target = target


class PortLost(MediaError):
    """The port failed or was closed while somebody waited for it; `reason` is the engine's word."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(f"port {port}: {reason}")
        self.port = port
        self.reason = reason


class EngineClosed(MediaError):
    """The engine was closed or died."""
