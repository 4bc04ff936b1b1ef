"""Reads a value out: prompts, the value in the caller's language, prompts. The value is put together from recorded words.

`kind`: number, digits, money (yuan and cents), date (YYYY-MM-DD), time (HH:MM), duration (seconds). What cannot be read as its
kind is read digit by digit. `text` is spoken before the value by the speech engine (`speech.engine`) unless it was recorded;
without an engine the words of it that were recorded are said.
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
from softswitch.prompts.words import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    text: str = ""
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
    text = filled(node.text, names(line)).strip()
    for language in node.languages or (line.language,):
        said = spoken(text, language) if text else ()
        words = [*node.prompts, *said, *values.spoken(node.kind, value, language), *node.after]
        await line.play(words, languages=(language,), stop_on_key=node.stop_on_key, stop_on_voice=node.barge_in == "voice")
    return Outcome("done")


def check(node: Say, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from one_of("kind", node.kind, *values.KINDS)
    yield from one_of("barge_in", node.barge_in, *BARGE_IN)
    if not node.value and not node.prompts and not node.text:
        yield Fault("value", "expected a value, a text, or prompts")


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
        Example(
            Say(text="您的包裹{{place}}已到。"),
            variables={"place": "A7"},
            expect=Outcome("done"),
            plays=("zh-CN/text:您的包裹A7已到。",),
        ),
        Example(Say(value="307", kind="digits"), expect=Outcome("done"), plays=("zh-CN/3", "zh-CN/0", "zh-CN/7")),
    ),
)
