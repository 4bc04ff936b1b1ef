"""Recording of this call: `on` and `off` decide for the conversations that follow, `pause` and `resume` for what runs now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, one_of

ACTIONS = ("on", "off", "pause", "resume")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordControl:
    action: str
    next: Target = ""


async def run(node: RecordControl, line: Line) -> Outcome:
    line.control_recording(node.action)
    return Outcome("done")


def check(node: RecordControl, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from one_of("action", node.action, *ACTIONS)


VERB = Verb(
    schema=RecordControl,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(Example(RecordControl(action="off", next="sales"), expect=Outcome("done"), next="sales"),),
)
