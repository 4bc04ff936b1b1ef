"""Music for a while. Keys are kept; with `stop_on_key` a key ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Moh:
    seconds: float
    music: str = "default"
    stop_on_key: bool = False
    next: Target = ""


async def run(node: Moh, line: Line) -> Outcome:
    await line.music(node.music, node.seconds, stop_on_key=node.stop_on_key)
    return Outcome("done")


def check(node: Moh, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("seconds", node.seconds, 1, 3600)


VERB = Verb(
    schema=Moh,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(Example(Moh(seconds=30, next="menu"), expect=Outcome("done"), next="menu", plays=("music/default",)),),
)
