"""Fields for the agent's page: they are shown with the offer and stay with the call's record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, names
from softswitch.model.events import CallData

LONGEST = 500
"""Signs of one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    values: Mapping[str, str]
    next: Target = ""


async def run(node: Context, line: Line) -> Outcome:
    values = {name: filled(text, names(line))[:LONGEST] for name, text in node.values.items()}
    line.variables.update(values)
    line.emit(CallData(values=values))
    return Outcome("done")


def check(node: Context, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.values:
        yield Fault("values", "expected at least one field")


VERB = Verb(
    schema=Context,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    needs_caller=False,
    examples=(
        Example(
            Context(values={"reason": "bill of {{month}}"}, next="q"),
            variables={"month": "May"},
            expect=Outcome("done"),
            next="q",
            sets={"reason": "bill of May"},
        ),
    ),
)
