"""Goes on at another node: what several branches share is written once."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import Example, Line, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Goto:
    next: Target


async def run(_node: Goto, _line: Line) -> Outcome:
    return Outcome("done")


VERB = Verb(
    schema=Goto,
    run=run,
    next_node=lambda node, _outcome: node.next,
    needs_caller=False,
    examples=(Example(Goto(next="menu"), expect=Outcome("done"), next="menu"),),
)
