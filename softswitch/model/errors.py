"""Errors of the product. One table maps them to HTTP statuses (web/errors.py) and, through Cause, to SIP statuses.

Each has a `code` that pages translate: a `Refusal` where the case is named, else that of the class.

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

from enum import StrEnum

from softswitch.model.cause import Cause


class Refusal(StrEnum):
    """Cases of everyday work that pages have a sentence of their own for."""

    DEVICE_AWAY = "device_away"  # the agent's device cannot be reached
    OTHER_STATE = "other_state"  # not in the agent's present state
    STATION_TAKEN = "station_taken"
    OFFER_OVER = "offer_over"
    LEFT_QUEUE = "left_queue"
    WRAP_UP_FIXED = "wrap_up_fixed"  # ends by itself, not before
    WRAP_UP_NO_MORE = "wrap_up_no_more"  # extensions are used up
    WRAP_UP_NONE = "wrap_up_none"
    CODE_REQUIRED = "code_required"
    CALLBACK_OPEN = "callback_open"
    CALLBACK_DIALLING = "callback_dialling"
    NO_CALL = "no_call"
    NO_CONVERSATION = "no_conversation"
    CONSULTING = "consulting"  # complete or cancel that first
    NOT_CONSULTING = "not_consulting"
    NOT_ANSWERED = "not_answered"  # by the consulted party
    ALREADY_IN = "already_in"
    ALREADY_HELD = "already_held"
    NOT_HELD = "not_held"
    ANSWERED_ALREADY = "answered_already"
    TAKEN_ALREADY = "taken_already"  # somebody else has the call
    TOO_MANY_PARTIES = "too_many_parties"
    SLOTS_TAKEN = "slots_taken"
    NOT_RECORDED = "not_recorded"
    RECORDED_BY_RULE = "recorded_by_rule"
    OUT_OF_SCOPE = "out_of_scope"
    NO_OUTSIDE = "no_outside"  # no right to call outside numbers
    NO_PICK = "no_pick"
    OWN_ONLY = "own_only"  # own calls, own state, own figures
    NO_SOUND = "no_sound"  # the page has no microphone yet
    NO_SPEECH = "no_speech"  # no engine for this language
    SPEECH_LATE = "speech_late"  # not ready yet, or it has failed
    FULL = "full"  # the switch takes no more calls


class SwitchError(Exception):
    """Base of every error that this package raises on purpose. The text is safe to show to the person who asked."""

    code: str = "refused"

    def __init__(self, text: str = "", refusal: Refusal | None = None) -> None:
        super().__init__(text)
        if refusal is not None:
            self.code = refusal


class NotFound(SwitchError):
    code = "not_found"


class Conflict(SwitchError):
    code = "conflict"


class Forbidden(SwitchError):
    code = "forbidden"


class Invalid(SwitchError):
    code = "invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ForeignCursor(Invalid):
    code = "foreign_cursor"

    def __init__(self) -> None:
        super().__init__("cursor", "expected the `next` of an earlier page")


class Busy(SwitchError):
    code = "busy"


class Unreachable(SwitchError):
    code = "unreachable"

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.sentence)
        self.cause = cause
