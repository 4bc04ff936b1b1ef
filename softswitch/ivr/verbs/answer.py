"""Answers the call. What plays before it is early media, which not every network lets through."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import Example, Line, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    next: Target


async def run(_node: Answer, line: Line) -> Outcome:
    await line.answer()
    return Outcome("done")


VERB = Verb(
    schema=Answer,
    run=run,
    next_node=lambda node, _outcome: node.next,
    examples=(Example(Answer(next="menu"), expect=Outcome("done"), next="menu"),),
)
