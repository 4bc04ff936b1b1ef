"""Where a call may be sent: flow, queue, extension, outside number, conference, agent, echo, hangup, in the written form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from softswitch.model.cause import Cause


class DestinationKind(StrEnum):
    FLOW = "flow"  # flow:NAME, or flow:NAME/NODE: into a node (speed lines)
    QUEUE = "queue"
    EXTENSION = "extension"
    OUTSIDE = "outside"
    CONFERENCE = "conference"
    AGENT = "agent"  # used by originate and transfers; not in apply files
    VOICEMAIL = "voicemail"
    CALLBACK = "callback"  # the caller hangs up and keeps the place in the queue
    APPLICATION = "application"
    GROUP = "group"  # a ring group
    PAGE = "page"  # a group of loudspeakers
    PARK = "park"
    FEATURE = "feature"  # a feature code that a phone has dialled, "feature:*52"
    ECHO = "echo"
    HANGUP = "hangup"


_INSIDE = (DestinationKind.AGENT, DestinationKind.PARK, DestinationKind.FEATURE)
DECLARABLE = tuple(kind for kind in DestinationKind if kind not in _INSIDE)


@dataclass(frozen=True, slots=True)
class Destination:
    kind: DestinationKind
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Reads the written form. Raises ValueError with a sentence that says what was expected."""
        word, colon, name = text.partition(":")
        try:
            kind = DestinationKind(word)
        except ValueError:
            raise ValueError(f"expected a destination ({' '.join(_FORMS)}), got {text!r}") from None
        if kind is DestinationKind.ECHO:
            if colon:
                raise ValueError(f'expected "echo", got {text!r}')
            return cls(kind)
        if not name:
            raise ValueError(f'expected "{_FORM[kind]}", got {text!r}')
        if kind is DestinationKind.HANGUP:
            try:
                Cause.from_word(name)
            except KeyError:
                raise ValueError(f"expected hangup:CAUSE with one of {' '.join(c.word for c in Cause)}, got {text!r}") from None
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.kind is not DestinationKind.ECHO else "echo"


_FORM = {
    DestinationKind.FLOW: "flow:NAME", DestinationKind.QUEUE: "queue:NAME", DestinationKind.EXTENSION: "extension:NUMBER",
    DestinationKind.OUTSIDE: "outside:NUMBER", DestinationKind.CONFERENCE: "conference:NAME", DestinationKind.ECHO: "echo",
    DestinationKind.AGENT: "agent:LOGIN", DestinationKind.HANGUP: "hangup:CAUSE",
    DestinationKind.VOICEMAIL: "voicemail:MAILBOX", DestinationKind.CALLBACK: "callback:QUEUE",
    DestinationKind.GROUP: "group:NAME", DestinationKind.PAGE: "page:NAME",
    DestinationKind.APPLICATION: "application:NAME", DestinationKind.PARK: "park:SLOT",
    DestinationKind.FEATURE: "feature:CODE",
}  # fmt: skip
_FORMS = tuple(_FORM[kind] for kind in DECLARABLE)
