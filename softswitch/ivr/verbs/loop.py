"""Goes to `body` so many times, then to `next`; the body leads back here. The counter is the variable `counter`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, variable_name, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    times: int
    body: Target
    next: Target = ""
    counter: str = "round"


async def run(node: Loop, line: Line) -> Outcome:
    done = line.variables.get(node.counter, "")
    rounds = int(done) if done.isdecimal() else 0
    if rounds >= node.times:
        line.variables.pop(node.counter, None)  # the loop may be entered again
        return Outcome("over")
    line.variables[node.counter] = str(rounds + 1)
    return Outcome("again")


def check(node: Loop, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("times", node.times, 1, 100)
    yield from variable_name("counter", node.counter)


VERB = Verb(
    schema=Loop,
    run=run,
    next_node=lambda node, outcome: node.body if outcome.result == "again" else node.next,
    check=check,
    needs_caller=False,
    examples=(
        Example(Loop(times=2, body="ask", next="bye"), expect=Outcome("again"), next="ask", sets={"round": "1"}),
        Example(Loop(times=2, body="ask", next="bye"), variables={"round": "2"}, expect=Outcome("over"), next="bye"),
    ),
)
