"""Marks a place: speed lines may enter here though nothing in the flow leads to it, and reports count it.

With `goal` the caller has got what it called for without an agent.
"""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import Example, Line, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    name: str
    goal: bool = False
    next: Target = ""


async def run(node: Label, _line: Line) -> Outcome:
    return Outcome("goal" if node.goal else "done", value=node.name)


VERB = Verb(
    schema=Label,
    run=run,
    next_node=lambda node, _outcome: node.next,
    needs_caller=False,
    examples=(
        Example(Label(name="balance", goal=True, next="more"), expect=Outcome("goal", value="balance"), next="more"),
        Example(Label(name="here", next="more"), expect=Outcome("done", value="here"), next="more"),
    ),
)
