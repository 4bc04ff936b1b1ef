"""Ends the call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Verb
from softswitch.model.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    cause: str = "normal"


async def run(node: Hangup, _line: Line) -> Outcome:
    return Outcome.ended(Ending("system", Cause.from_word(node.cause)))


def check(node: Hangup, _snapshot: Snapshot) -> Iterator[Fault]:
    try:
        Cause.from_word(node.cause)
    except KeyError:
        yield Fault("cause", f"expected one of {' '.join(cause.word for cause in Cause)}, got {node.cause!r}")


VERB = Verb(
    schema=Hangup,
    run=run,
    next_node=lambda _node, _outcome: "",
    check=check,
    final=True,
    examples=(
        Example(Hangup(), expect=Outcome.ended(Ending("system", Cause.NORMAL))),
        Example(Hangup(cause="busy"), expect=Outcome.ended(Ending("system", Cause.BUSY))),
    ),
)
