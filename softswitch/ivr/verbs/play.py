"""Plays prompts. A key stops them and is kept for the next menu, unless `stop_on_key` is false. No `next` ends the flow."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import Example, Languages, Line, Prompts, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    prompts: Prompts
    languages: Languages = ()
    stop_on_key: bool = True
    next: Target = ""


async def run(node: Play, line: Line) -> Outcome:
    await line.play(node.prompts, languages=node.languages, stop_on_key=node.stop_on_key)
    return Outcome("done")


VERB = Verb(
    schema=Play,
    run=run,
    next_node=lambda node, _outcome: node.next,
    examples=(
        Example(Play(prompts=("welcome",), next="menu"), expect=Outcome("done"), next="menu", plays=("zh-CN/welcome",)),
        Example(
            Play(prompts=("welcome",), languages=("zh-CN", "en")),
            expect=Outcome("done"),
            plays=("zh-CN/welcome", "en/welcome"),
        ),
    ),
)
