"""A skill that the agent must have, for every queue that follows. Level 0 takes the need back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, names, within

PREFIX = "need."
"""The variable of a need is `need.SKILL`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    skill: str
    level: int = 1
    next: Target = ""


async def run(node: Need, line: Line) -> Outcome:
    name = PREFIX + filled(node.skill, names(line))
    if node.level:
        line.variables[name] = str(node.level)
    else:
        line.variables.pop(name, None)
    return Outcome("done")


def check(node: Need, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("level", node.level, 0, 100)
    if not node.skill:
        yield Fault("skill", "expected the name of a skill")


VERB = Verb(
    schema=Need,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    needs_caller=False,
    examples=(
        Example(Need(skill="english", level=60, next="q"), expect=Outcome("done"), next="q", sets={"need.english": "60"}),
        Example(
            Need(skill="english", level=0),
            variables={"need.english": "60"},
            expect=Outcome("done"),
            sets={"need.english": ""},
        ),
    ),
)
