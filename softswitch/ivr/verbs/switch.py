"""Goes where the value says: `cases` by value, anything else to `default`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import expressions
from softswitch.ivr.verbs.base import Example, Expression, Fault, Line, Target, Verb, all_names
from softswitch.model.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    value: Expression
    cases: Mapping[str, Target]
    default: Target


async def run(node: Switch, line: Line) -> Outcome:
    try:
        found = expressions.as_text(expressions.evaluate(node.value, all_names(line)))
    except expressions.BadExpression as error:
        raise Invalid("value", str(error)) from error
    return Outcome("case", value=found) if found in node.cases else Outcome("default")


def check(node: Switch, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.cases:
        yield Fault("cases", "expected at least one case")


VERB = Verb(
    schema=Switch,
    run=run,
    next_node=lambda node, outcome: node.cases[outcome.value] if outcome.result == "case" else node.default,
    check=check,
    needs_caller=False,
    examples=(
        Example(
            Switch(value="called", cases={"4008001000": "sales"}, default="main"),
            expect=Outcome("case", value="4008001000"),
            next="sales",
        ),
        Example(Switch(value="level", cases={"gold": "vip"}, default="main"), expect=Outcome("default"), next="main"),
    ),
)
