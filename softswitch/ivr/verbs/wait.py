"""Waits in silence. Keys pressed meanwhile are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    seconds: float
    next: Target = ""


async def run(node: Wait, line: Line) -> Outcome:
    await line.wait(node.seconds)
    return Outcome("done")


def check(node: Wait, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("seconds", node.seconds, 0.1, 300)


VERB = Verb(
    schema=Wait,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(Example(Wait(seconds=2, next="menu"), expect=Outcome("done"), next="menu"),),
)
