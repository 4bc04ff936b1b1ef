"""Goes to `then` when the expression is true, else to `else`. Masked input may be used in it."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr import expressions
from softswitch.ivr.verbs.base import Example, Expression, Line, Target, Verb, all_names
from softswitch.model.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class If:
    test: Expression
    then: Target
    else_: Target


async def run(node: If, line: Line) -> Outcome:
    try:
        return Outcome("true" if expressions.is_true(node.test, all_names(line)) else "false")
    except expressions.BadExpression as error:
        raise Invalid("test", str(error)) from error


VERB = Verb(
    schema=If,
    run=run,
    next_node=lambda node, outcome: node.then if outcome.result == "true" else node.else_,
    needs_caller=False,
    examples=(
        Example(If(test="age >= 18", then="in", else_="out"), variables={"age": "20"}, expect=Outcome("true"), next="in"),
        Example(If(test="empty(customer)", then="ask", else_="known"), expect=Outcome("true"), next="ask"),
        Example(If(test='caller in ["110", "119"]', then="in", else_="out"), expect=Outcome("false"), next="out"),
    ),
)
