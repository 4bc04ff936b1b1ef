"""One to three questions with marks by key. A low mark may ask for the reason, which is recorded.

The marks become the event `survey.answered`; no answer at all is `survey.skipped`. `questions` maps a question's name to its
prompt. A caller who presses nothing at a question is asked `retries` times more and then left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompt, Prompts, Target, Verb, within
from softswitch.model.events import SurveyAnswered, SurveySkipped
from softswitch.voicemail.taking import Take


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    name: str
    questions: Mapping[str, Prompt] = field(default_factory=lambda: {"service": "survey-mark"})
    least: int = 1
    most: int = 5
    timeout: float = 6.0
    retries: int = 1
    low: int = 0
    reason_prompts: Prompts = ("survey-reason",)
    reason_seconds: float = 60.0
    next: Target = ""
    on_low: Target = ""
    on_skipped: Target = ""


async def run(node: Survey, line: Line) -> Outcome:
    marks: dict[str, int] = {}
    for question, prompt in node.questions.items():
        mark = await _mark(node, line, prompt)
        if mark is None:
            break
        marks[question] = mark
    if not marks:
        line.emit(SurveySkipped(survey=node.name, why="no_answer"))
        return Outcome("skipped")
    low = bool(node.low) and min(marks.values()) <= node.low
    reason = await _reason(node, line) if low else ""
    line.emit(SurveyAnswered(survey=node.name, marks=marks, reason=reason))
    line.variables.update({f"mark_{name}": str(mark) for name, mark in marks.items()})
    return Outcome("marks", value="low" if low else "")


async def _mark(node: Survey, line: Line, prompt: str) -> int | None:
    for attempt in range(node.retries + 1):
        if attempt:
            line.forget_digits()
        await line.play((prompt,))
        pressed = await line.collect(1, seconds=node.timeout, inter_digit=node.timeout)
        if pressed.isdecimal() and node.least <= int(pressed) <= node.most:
            return int(pressed)
        if pressed:
            await line.play(("invalid",))
    return None


async def _reason(node: Survey, line: Line) -> str:
    """The id of the recording in which the caller says why."""
    if not node.reason_seconds:
        return ""
    await line.play(node.reason_prompts, stop_on_key=False)
    return (await line.record(Take(node.reason_seconds))).recording


def next_node(node: Survey, outcome: Outcome) -> str:
    if outcome.result == "skipped":
        return node.on_skipped or node.next
    return (node.on_low if outcome.value == "low" else "") or node.next


def check(node: Survey, _snapshot: Snapshot) -> Iterator[Fault]:
    if not 1 <= len(node.questions) <= 3:
        yield Fault("questions", f"expected 1 to 3 questions, got {len(node.questions)}")
    if not 0 <= node.least < node.most <= 9:
        yield Fault("most", f"expected marks from 0 to 9, got {node.least} to {node.most}")
    yield from within("low", node.low, 0, 9)
    yield from within("timeout", node.timeout, 1, 60)


_TWO = {"service": "survey-mark", "answer": "survey-mark"}
VERB = Verb(
    schema=Survey,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    final=True,
    examples=(
        Example(Survey(name="after-call", next="thanks"), presses="5", expect=Outcome("marks"), next="thanks"),
        Example(
            Survey(name="after-call", questions=_TWO, next="thanks"),
            presses="54",
            expect=Outcome("marks"),
            next="thanks",
            sets={"mark_service": "5", "mark_answer": "4"},
        ),
        Example(
            Survey(name="after-call", low=2, next="thanks", on_low="sorry"),
            presses="1",
            expect=Outcome("marks", value="low"),
            next="sorry",
        ),
        Example(Survey(name="after-call", retries=0, next="thanks"), expect=Outcome("skipped"), next="thanks"),
    ),
)
