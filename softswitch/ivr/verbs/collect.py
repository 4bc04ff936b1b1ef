"""Plays prompts and collects digits; ends on `finish_on`, `max_digits` or silence. They become the variable `variable`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Languages, Line, Prompts, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    next: Target
    prompts: Prompts = ()
    languages: Languages = ()
    min_digits: int = 1
    max_digits: int = 1
    timeout: float = 5.0
    inter_digit: float = 3.0
    finish_on: str = "#"
    retries: int = 0
    variable: str = "digits"
    no_input: Target = ""
    no_match: Target = ""


async def run(node: Collect, line: Line) -> Outcome:
    outcome = Outcome("no_input")
    for _ in range(node.retries + 1):
        await line.play(node.prompts, languages=node.languages)
        pressed = await line.collect(
            node.max_digits, seconds=node.timeout, inter_digit=node.inter_digit, finish_on=node.finish_on
        )
        if len(pressed) >= node.min_digits:
            line.variables[node.variable] = pressed
            return Outcome("digits", value=pressed)
        outcome = Outcome("no_match", value=pressed) if pressed else Outcome("no_input")
    return outcome


def next_node(node: Collect, outcome: Outcome) -> str:
    match outcome.result:
        case "digits":
            return node.next
        case "no_match":
            return node.no_match or node.no_input
        case _:
            return node.no_input or node.no_match


def check(node: Collect, _snapshot: Snapshot) -> Iterator[Fault]:
    if not 1 <= node.max_digits <= 64:
        yield Fault("max_digits", f"expected 1 to 64, got {node.max_digits}")
    if not 1 <= node.min_digits <= max(node.max_digits, 1):
        yield Fault("min_digits", f"expected 1 to max_digits, got {node.min_digits}")
    if node.timeout <= 0:
        yield Fault("timeout", f"expected more than 0 seconds, got {node.timeout}")
    if node.retries < 0:
        yield Fault("retries", f"expected 0 or more, got {node.retries}")


VERB = Verb(
    schema=Collect,
    run=run,
    next_node=next_node,
    check=check,
    examples=(
        Example(Collect(next="found", max_digits=2), presses="42", expect=Outcome("digits", value="42"), next="found"),
        Example(Collect(next="found", max_digits=8), presses="123#", expect=Outcome("digits", value="123"), next="found"),
        Example(Collect(next="found", no_input="bye"), expect=Outcome("no_input"), next="bye"),
        Example(
            Collect(next="found", min_digits=4, max_digits=4, no_match="again"),
            presses="12",
            expect=Outcome("no_match", value="12"),
            next="again",
        ),
    ),
)
