"""Errors of the product. One table maps them to HTTP statuses (web/errors.py) and, through Cause, to SIP statuses.

SwitchError
├─ NotFound              404
├─ Conflict              409   the state forbids it now
├─ Forbidden             403   this actor may not
├─ Invalid(field)        422   a value is wrong; says which and why
│  └─ ForeignCursor      400   of a list, not the `next` of an earlier page
├─ Busy                  503   limits, draining
└─ Unreachable(cause)          a party cannot be called
"""

from __future__ import annotations

from softswitch.model.cause import Cause


class SwitchError(Exception):
    """Base of every error that this package raises on purpose. The text is safe to show to the person who asked."""


class NotFound(SwitchError):
    pass


class Conflict(SwitchError):
    pass


class Forbidden(SwitchError):
    pass


class Invalid(SwitchError):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ForeignCursor(Invalid):
    def __init__(self) -> None:
        super().__init__("cursor", "expected the `next` of an earlier page")


class Busy(SwitchError):
    pass


class Unreachable(SwitchError):
    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.sentence)
        self.cause = cause
