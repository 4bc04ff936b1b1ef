"""Records the caller alone; the recording belongs to the call and its id becomes the variable `variable`.

Ends at a key of `finish_on`, at `silence` seconds without a voice, or after `max_seconds`. With `review` the caller may hear it
(2), record again (3) or keep it (1). Less than `least` seconds is `empty`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, variable_name, within
from softswitch.voicemail.taking import Take, Taken

ROUNDS = 5
"""So often may a caller record again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    prompts: Prompts = ()
    max_seconds: float = 180.0
    silence: float = 4.0
    least: float = 1.0
    finish_on: str = "#"
    beep: bool = True
    review: bool = False
    review_prompts: Prompts = ("message-review",)
    variable: str = "recording"
    next: Target = ""
    on_empty: Target = ""
    on_failed: Target = ""


async def run(node: Record, line: Line) -> Outcome:
    taken = Taken()
    for _ in range(ROUNDS):
        await line.play(node.prompts)
        line.forget_digits()
        taken = await line.record(Take(node.max_seconds, node.silence, node.finish_on, node.beep))
        if taken.why == "failed":
            return Outcome("failed")
        if taken.duration_ms < node.least * 1000:
            return Outcome("empty")
        if not node.review or await _is_kept(node, line, taken):
            break
    line.variables[node.variable] = taken.recording
    return Outcome("recorded", value=taken.recording)


async def _is_kept(node: Record, line: Line, taken: Taken) -> bool:
    """False: the caller wants to record again. Silence keeps it."""
    while True:
        await line.play(node.review_prompts)
        pressed = await line.collect(1, seconds=5.0, inter_digit=5.0)
        if pressed == "2":
            await line.replay(taken)
            continue
        return pressed != "3"


def next_node(node: Record, outcome: Outcome) -> str:
    match outcome.result:
        case "recorded":
            return node.next
        case "empty":
            return node.on_empty or node.next
        case _:
            return node.on_failed or node.on_empty or node.next


def check(node: Record, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("max_seconds", node.max_seconds, 1, 3600)
    yield from within("silence", node.silence, 0, 60)
    yield from within("least", node.least, 0, 60)
    yield from variable_name("variable", node.variable)


VERB = Verb(
    schema=Record,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    examples=(
        Example(Record(next="thanks"), expect=Outcome("recorded", value="r1"), next="thanks", sets={"recording": "r1"}),
        Example(Record(review=True, next="thanks"), later=("2", "1"), expect=Outcome("recorded", value="r1"), next="thanks"),
        Example(Record(review=True, next="thanks"), later=("3", "1"), expect=Outcome("recorded", value="r2"), next="thanks"),
    ),
)
