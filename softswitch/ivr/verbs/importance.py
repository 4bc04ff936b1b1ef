"""How important the caller is, 0 to 100: its weight in every queue that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled_number, is_variable

MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    value: str
    next: Target = ""


async def run(node: Importance, line: Line) -> Outcome:
    line.variables["importance"] = str(filled_number(node.value, line, 0, MOST))
    return Outcome("done")


def check(node: Importance, _snapshot: Snapshot) -> Iterator[Fault]:
    if not is_variable(node.value) and not (node.value.isdecimal() and int(node.value) <= MOST):
        yield Fault("value", f'expected "0" to "{MOST}", got {node.value!r}')


VERB = Verb(
    schema=Importance,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    needs_caller=False,
    examples=(
        Example(Importance(value="80", next="sales"), expect=Outcome("done"), next="sales", sets={"importance": "80"}),
        Example(
            Importance(value="{{customer_importance}}"),
            variables={"customer_importance": "250"},
            expect=Outcome("done"),
            sets={"importance": "100"},
        ),
    ),
)
