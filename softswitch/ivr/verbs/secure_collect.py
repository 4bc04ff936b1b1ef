"""A card number: masked everywhere, the recording silent meanwhile, checked by Luhn; only look-ups of this flow can use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs import collect
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, variable_name


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureCollect:
    next: Target
    prompts: Prompts = ()
    min_digits: int = 12
    max_digits: int = 19
    luhn: bool = True
    timeout: float = 8.0
    inter_digit: float = 5.0
    retries: int = 2
    variable: str = "card"
    no_match_prompts: Prompts = ("invalid",)
    on_failed: Target = ""


def _collect(node: SecureCollect) -> collect.Collect:
    return collect.Collect(
        next=node.next, prompts=node.prompts, min_digits=node.min_digits, max_digits=node.max_digits, timeout=node.timeout,
        inter_digit=node.inter_digit, retries=node.retries, variable=node.variable, check="luhn" if node.luhn else "",
        mask=True, no_input=node.on_failed, no_match=node.on_failed, no_match_prompts=node.no_match_prompts,
    )  # fmt: skip


async def run(node: SecureCollect, line: Line) -> Outcome:
    return await collect.run(_collect(node), line)


def next_node(node: SecureCollect, outcome: Outcome) -> str:
    return node.next if outcome.result == "digits" else node.on_failed


def check(node: SecureCollect, snapshot: Snapshot) -> Iterator[Fault]:
    yield from variable_name("variable", node.variable)
    yield from collect.check(_collect(node), snapshot)


VERB = Verb(
    schema=SecureCollect,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    examples=(
        Example(SecureCollect(next="pay"), later=("4111111111111111#",), expect=Outcome("digits"), next="pay"),
        Example(
            SecureCollect(next="pay", retries=0, on_failed="agent"),
            later=("4111111111111112#",),
            expect=Outcome("no_match"),
            next="agent",
        ),
    ),
)
