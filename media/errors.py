"""Errors of the media package.

MediaError
├─ NoCapacity       the engine is draining, full or overloaded
├─ BadDescription   an SDP body cannot be used; carries the offending line
├─ NoCommonCodec    offer and capabilities share no codec (SIP 488)
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


class NoCommonCodec(MediaError):
    """Nothing is left after intersecting an offer with our capabilities."""


class EngineClosed(MediaError):
    """The engine was closed or died."""
