"""Ends a sub-flow; the flow that started it goes on. In a flow that nobody started, the flow ends."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import Example, Line, Verb, filled, names

RETURNED = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    result: str = "done"


async def run(node: Return, line: Line) -> Outcome:
    return Outcome(RETURNED, value=filled(node.result, names(line)))


VERB = Verb(
    schema=Return,
    run=run,
    next_node=lambda _node, _outcome: "",
    needs_caller=False,
    final=True,
    examples=(Example(Return(result="paid"), expect=Outcome(RETURNED, value="paid")),),
)
