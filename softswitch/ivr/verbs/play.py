"""Plays prompts. A key stops them and is kept for the next menu, unless `stop_on_key` is false. No `next` ends the flow.

`volume` is dB, `start` seconds into the first prompt. `barge_in = "voice"`: the caller's voice stops them too. `back`,
`forward` and `pause` are keys that go `step` seconds back or on, or pause and go on, instead of stopping them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.calls.sound import Steering
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import (
    BARGE_IN,
    DIGITS,
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
    within,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    prompts: Prompts
    languages: Languages = ()
    stop_on_key: bool = True
    volume: float = 0.0
    start: float = 0.0
    barge_in: str = ""
    back: str = ""
    forward: str = ""
    pause: str = ""
    step: float = 5.0
    next: Target = ""


async def run(node: Play, line: Line) -> Outcome:
    prompts = [filled(prompt, names(line)) for prompt in node.prompts]
    await line.play(
        prompts, languages=node.languages, stop_on_key=node.stop_on_key, volume=node.volume, start=node.start,
        stop_on_voice=node.barge_in == "voice", steering=Steering(node.back, node.forward, node.pause, node.step),
    )  # fmt: skip
    return Outcome("done")


def check(node: Play, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("volume", node.volume, -30, 12)
    yield from within("start", node.start, 0, 3600)
    yield from within("step", node.step, 1, 600)
    yield from one_of("barge_in", node.barge_in, *BARGE_IN)
    pressed: set[str] = set()
    for name in ("back", "forward", "pause"):
        key = getattr(node, name)
        if key and (key not in DIGITS or key in pressed):
            yield Fault(name, f'expected a key that nothing else uses, got "{key}"')
        pressed.add(key)


VERB = Verb(
    schema=Play,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(
        Example(Play(prompts=("welcome",), next="menu"), expect=Outcome("done"), next="menu", plays=("zh-CN/welcome",)),
        Example(
            Play(prompts=("welcome",), languages=("zh-CN", "en")),
            expect=Outcome("done"),
            plays=("zh-CN/welcome", "en/welcome"),
        ),
        Example(
            Play(prompts=("news-{{place}}",)),
            variables={"place": "north"},
            expect=Outcome("done"),
            plays=("zh-CN/news-north",),
        ),
    ),
)
