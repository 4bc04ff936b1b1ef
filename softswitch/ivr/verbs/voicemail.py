"""Takes a message for a mailbox after the greeting of this kind: normal, busy, absent or closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, known, names, one_of

GREETINGS = ("normal", "busy", "absent", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voicemail:
    mailbox: str
    greeting: str = "normal"
    next: Target = ""
    on_empty: Target = ""
    on_failed: Target = ""


async def run(node: Voicemail, line: Line) -> Outcome:
    return await line.voicemail(filled(node.mailbox, names(line)), filled(node.greeting, names(line)))


def next_node(node: Voicemail, outcome: Outcome) -> str:
    match outcome.result:
        case "recorded":
            return node.next
        case "empty":
            return node.on_empty or node.next
        case _:
            return node.on_failed or node.next


def check(node: Voicemail, snapshot: Snapshot) -> Iterator[Fault]:
    yield from known("mailbox", "mailbox", node.mailbox, snapshot.mailboxes)
    yield from one_of("greeting", node.greeting, *GREETINGS)


VERB = Verb(
    schema=Voicemail,
    run=run,
    next_node=next_node,
    check=check,
    final=True,
    listens=True,
    examples=(
        Example(
            Voicemail(mailbox="sales", greeting="closed", next="bye"),
            outcome=Outcome("recorded"),
            expect=Outcome("recorded"),
            next="bye",
        ),
        Example(Voicemail(mailbox="sales", on_empty="menu"), outcome=Outcome("empty"), expect=Outcome("empty"), next="menu"),
    ),
)
