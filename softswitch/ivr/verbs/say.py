"""Reads a value out: prompts, the value in the caller's language, prompts. The value is put together from recorded words.

`kind`: number, digits, money (yuan and cents), date (YYYY-MM-DD), time (HH:MM), duration (seconds). What cannot be read as its
kind is read digit by digit. A text of one's own is a prompt: record it, or render it with `script/prompts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import (
    BARGE_IN,
    Example,
    Fault,
    Languages,
    Line,
    Prompts,
    Target,
    Verb,
    filled,
    names,
    one_of,
)
from softswitch.prompts import values


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    value: str = ""
    kind: str = "number"
    prompts: Prompts = ()
    after: Prompts = ()
    languages: Languages = ()
    stop_on_key: bool = True
    barge_in: str = ""
    next: Target = ""


async def run(node: Say, line: Line) -> Outcome:
    value = filled(node.value, names(line))
    for language in node.languages or (line.language,):
        words = [*node.prompts, *values.spoken(node.kind, value, language), *node.after]
        await line.play(words, languages=(language,), stop_on_key=node.stop_on_key, stop_on_voice=node.barge_in == "voice")
    return Outcome("done")


def check(node: Say, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from one_of("kind", node.kind, *values.KINDS)
    yield from one_of("barge_in", node.barge_in, *BARGE_IN)
    if not node.value and not node.prompts:
        yield Fault("value", "expected a value, or prompts")


VERB = Verb(
    schema=Say,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(
        Example(
            Say(prompts=("position",), value="{{place}}", next="menu"),
            variables={"place": "42"},
            expect=Outcome("done"),
            next="menu",
            plays=("zh-CN/position", "zh-CN/40", "zh-CN/2"),
        ),
        Example(Say(value="307", kind="digits"), expect=Outcome("done"), plays=("zh-CN/3", "zh-CN/0", "zh-CN/7")),
    ),
)
