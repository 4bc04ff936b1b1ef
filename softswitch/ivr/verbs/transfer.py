"""Sends the caller to any destination. If nobody can be reached the flow goes on at `on_failed`, or ends with that cause.

`seconds` is the longest ringing, 0 the usual. After the conversation the call is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, filled, is_variable, names, within
from softswitch.model.cause import Cause
from softswitch.model.destination import DECLARABLE, Destination, DestinationKind

_ALLOWED = (*DECLARABLE, DestinationKind.PARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    to: str
    prompts: Prompts = ()
    seconds: float = 0.0
    on_failed: Target = ""


async def run(node: Transfer, line: Line) -> Outcome:
    try:
        to = Destination.parse(filled(node.to, names(line)))
    except ValueError:  # only a variable can spoil it: the rest was checked
        return Outcome.failed(Cause.INVALID_NUMBER)
    if node.prompts:
        await line.play(node.prompts)
    return await line.transfer(to, seconds=node.seconds)


def next_node(node: Transfer, _outcome: Outcome) -> str:
    return node.on_failed


def check(node: Transfer, snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("seconds", node.seconds, 0, 180)
    if is_variable(node.to):
        return
    try:
        to = Destination.parse(node.to)
    except ValueError as error:
        yield Fault("to", str(error))
        return
    if to.kind not in _ALLOWED:
        yield Fault("to", f"expected one of {' '.join(_ALLOWED)}, got {node.to!r}")
    elif not snapshot.has(to):
        yield Fault("to", f'there is no {to.kind} "{to.name}"')


_SPOKE = Outcome.ended(Ending("callee", Cause.NORMAL))
_BUSY = Outcome.failed(Cause.BUSY)
VERB = Verb(
    schema=Transfer,
    run=run,
    next_node=next_node,
    check=check,
    final=True,
    listens=True,
    examples=(
        Example(Transfer(to="extension:1001"), outcome=_SPOKE, expect=_SPOKE),
        Example(Transfer(to="extension:1001", on_failed="bye"), outcome=_BUSY, expect=_BUSY, next="bye"),
    ),
)
