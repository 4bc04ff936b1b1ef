"""Runs another flow inside this one: at its `return`, or at its end, this flow goes on.

The word of `return` chooses among `results`; anything else goes to `next`. `values` become variables before the other flow
starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, known, names

CALLED = "subflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subflow:
    flow: str
    next: Target = ""
    results: Mapping[str, Target] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


async def run(node: Subflow, line: Line) -> Outcome:
    """The engine takes it from here: it runs the flow whose name is the value."""
    for name, value in node.values.items():
        line.variables[name] = filled(value, names(line))
    return Outcome(CALLED, value=filled(node.flow, names(line)))


def next_node(node: Subflow, outcome: Outcome) -> str:
    return node.results.get(outcome.value, node.next)


def check(node: Subflow, snapshot: Snapshot) -> Iterator[Fault]:
    name, _, entry = node.flow.partition("/")
    yield from known("flow", "flow", name, snapshot.flows)
    if entry and name in snapshot.flows and entry not in snapshot.flows[name].nodes:
        yield Fault("flow", f'flow {name} has no node "{entry}"')


VERB = Verb(
    schema=Subflow,
    run=run,
    next_node=next_node,
    check=check,
    examples=(
        Example(Subflow(flow="main", next="menu"), expect=Outcome(CALLED, value="main"), next="menu"),
        Example(
            Subflow(flow="main", results={"paid": "thanks"}, values={"amount": "{{due}}"}),
            variables={"due": "12.50"},
            expect=Outcome(CALLED, value="main"),
            sets={"amount": "12.50"},
        ),
    ),
)
