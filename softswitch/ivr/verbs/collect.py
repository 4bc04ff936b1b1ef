"""Plays prompts and collects digits; ends on `finish_on`, `max_digits` or silence. They become the variable `variable`.

`check` is luhn (card numbers) or nothing, `pattern` a regular expression of the whole input. With `mask` the digits are in no
event, no record and on no screen: they can be used only by look-ups and conditions of this call's flow, and keys pressed ahead
are dropped because they were written down already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import patterns
from softswitch.ivr.verbs.base import (
    BARGE_IN,
    Example,
    Fault,
    Languages,
    Line,
    Prompts,
    Target,
    Verb,
    one_of,
    variable_name,
    within,
)


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
    check: str = ""
    pattern: str = ""
    mask: bool = False
    barge_in: str = ""
    no_input: Target = ""
    no_match: Target = ""
    no_match_prompts: Prompts = ()


async def run(node: Collect, line: Line) -> Outcome:
    outcome = Outcome("no_input")
    if node.mask:
        line.forget_digits()
        line.conceal(hidden=True)
    try:
        for attempt in range(node.retries + 1):
            if attempt and outcome.result == "no_match":
                await line.play(node.no_match_prompts, languages=node.languages)
            await line.play(node.prompts, languages=node.languages, stop_on_voice=node.barge_in == "voice")
            pressed = await line.collect(
                node.max_digits, seconds=node.timeout, inter_digit=node.inter_digit, finish_on=node.finish_on
            )
            if accepted(node, pressed):
                kept = line.secrets if node.mask else line.variables
                kept[node.variable] = pressed
                return Outcome("digits", value="" if node.mask else pressed)
            shown = "" if node.mask else pressed
            outcome = Outcome("no_match", value=shown) if pressed else Outcome("no_input")
    finally:
        if node.mask:
            line.conceal(hidden=False)
    return outcome


def accepted(node: Collect, pressed: str) -> bool:
    """Long enough, and in the form that was asked for."""
    if len(pressed) < node.min_digits or not pressed:
        return False
    if node.check == "luhn" and not patterns.luhn(pressed):
        return False
    return not node.pattern or re.fullmatch(node.pattern, pressed) is not None


def next_node(node: Collect, outcome: Outcome) -> str:
    match outcome.result:
        case "digits":
            return node.next
        case "no_match":
            return node.no_match or node.no_input
        case _:
            return node.no_input or node.no_match


def check(node: Collect, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("max_digits", node.max_digits, 1, 64)
    if not 1 <= node.min_digits <= max(node.max_digits, 1):
        yield Fault("min_digits", f"expected 1 to max_digits, got {node.min_digits}")
    yield from within("inter_digit", node.inter_digit, 0.5, 60)
    if node.timeout <= 0:
        yield Fault("timeout", f"expected more than 0 seconds, got {node.timeout}")
    if node.retries < 0:
        yield Fault("retries", f"expected 0 or more, got {node.retries}")
    yield from variable_name("variable", node.variable)
    yield from one_of("check", node.check, "", "luhn")
    yield from one_of("barge_in", node.barge_in, *BARGE_IN)
    if node.pattern and (mistake := patterns.mistake(node.pattern)):
        yield Fault("pattern", mistake)


VERB = Verb(
    schema=Collect,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
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
        Example(
            Collect(next="found", max_digits=16, check="luhn", variable="card"),
            presses="4111111111111111",
            expect=Outcome("digits", value="4111111111111111"),
            next="found",
            sets={"card": "4111111111111111"},
        ),
        Example(
            Collect(next="found", max_digits=11, pattern="1[3-9][0-9]{9}", no_match="again"),
            presses="12345678901",
            expect=Outcome("no_match", value="12345678901"),
            next="again",
        ),
        Example(
            Collect(next="found", max_digits=3, mask=True, variable="code"),
            later=("123",),
            expect=Outcome("digits"),
            next="found",
            sets={"code": ""},  # masked: not among the variables
        ),
    ),
)
