"""Sets the caller's language and variables: `values` are texts with `{{name}}`, `compute` are expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import expressions
from softswitch.ivr.verbs.base import Example, Expressions, Fault, Language, Line, Target, Verb, filled, names, variable_name
from softswitch.model.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    next: Target = ""
    language: Language = ""
    values: Mapping[str, str] = field(default_factory=dict)
    compute: Expressions = field(default_factory=dict)


async def run(node: Set, line: Line) -> Outcome:
    if node.language:
        line.language = node.language
    for name, value in node.values.items():
        line.variables[name] = filled(value, names(line))
    for name, expression in node.compute.items():
        try:
            line.variables[name] = expressions.as_text(expressions.evaluate(expression, names(line)))
        except expressions.BadExpression as error:
            raise Invalid(f"compute.{name}", str(error)) from error
    return Outcome("done")


def check(node: Set, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.language and not node.values and not node.compute:
        yield Fault("language", "expected a language, or values")
    for name in node.values:
        yield from variable_name(f"values.{name}", name)
    for name in node.compute:
        yield from variable_name(f"compute.{name}", name)


VERB = Verb(
    schema=Set,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    needs_caller=False,
    examples=(
        Example(Set(next="menu", language="en"), expect=Outcome("done"), next="menu"),
        Example(
            Set(next="menu", values={"greeting": "{{name}}!"}, compute={"left": "3 - tries"}),
            variables={"name": "wang", "tries": "1"},
            expect=Outcome("done"),
            next="menu",
            sets={"greeting": "wang!", "left": "2"},
        ),
    ),
)
