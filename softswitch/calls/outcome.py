"""How a step of a call came out. A handler returns it to the call's dispatcher, a verb to the flow."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.model.cause import Cause


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ended a conversation and why. `who`: caller, agent, callee, supervisor, system."""

    who: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` is a plain word: ended, done, busy, no_answer, rejected, unreachable, failed, timeout, digits.

    `ending` is set when the call is over for the caller too; without it the caller may be sent elsewhere.
    """

    result: str
    cause: Cause = Cause.NORMAL
    value: str = ""
    ending: Ending | None = None

    @classmethod
    def ended(cls, ending: Ending) -> Outcome:
        return cls("ended", ending.cause, ending=ending)

    @classmethod
    def failed(cls, cause: Cause) -> Outcome:
        """The destination could not be reached, for this cause."""
        return cls(_WORD.get(cause, "failed"), cause)


_WORD = {
    Cause.BUSY: "busy", Cause.NO_ANSWER: "no_answer", Cause.NO_USER_RESPONSE: "no_answer", Cause.REJECTED: "rejected",
    Cause.DO_NOT_DISTURB: "unreachable", Cause.ANONYMOUS: "rejected",
    Cause.UNREACHABLE: "unreachable", Cause.UNALLOCATED: "unreachable", Cause.NO_ROUTE: "unreachable", Cause.TIMEOUT: "timeout",
}  # fmt: skip
