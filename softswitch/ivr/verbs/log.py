"""Writes a line into the switch's log; `{{name}}` is filled in, masked input never is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, names, one_of

logger = structlog.get_logger("flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    text: str
    level: str = "info"
    next: Target = ""


async def run(node: Log, line: Line) -> Outcome:
    write = logger.warning if node.level == "warning" else logger.info
    write(f"= {filled(node.text, names(line))}", call=line.call)
    return Outcome("done")


def check(node: Log, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from one_of("level", node.level, "info", "warning")


VERB = Verb(
    schema=Log,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    needs_caller=False,
    examples=(Example(Log(text="chose {{digits}}", next="menu"), expect=Outcome("done"), next="menu"),),
)
