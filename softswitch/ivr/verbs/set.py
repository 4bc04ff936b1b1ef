"""Sets the caller's language and variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Language, Line, Target, Verb, filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    next: Target
    language: Language = ""
    values: Mapping[str, str] = field(default_factory=dict)


async def run(node: Set, line: Line) -> Outcome:
    if node.language:
        line.language = node.language
    for name, value in node.values.items():
        line.variables[name] = filled(value, line.variables)
    return Outcome("done")


def check(node: Set, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.language and not node.values:
        yield Fault("language", "expected a language, or values")


VERB = Verb(
    schema=Set,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(Example(Set(next="menu", language="en"), expect=Outcome("done"), next="menu"),),
)
