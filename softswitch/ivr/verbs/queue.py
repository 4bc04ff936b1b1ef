"""The caller waits for an agent and talks to one; that is the end of the flow unless nobody could be found in time.

`on_timeout`: the longest wait of the queue is over. `on_failed`: the queue was closed, full or gone, or a supervisor took the
caller out; `on_closed` and `on_full` take those two apart. `importance`, `needs`, `music` and `welcome` are for this stay only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import (
    Example,
    Fault,
    Line,
    Prompts,
    QueueOptions,
    Target,
    Verb,
    filled,
    filled_number,
    known,
    names,
    within,
)
from softswitch.ivr.verbs.need import PREFIX
from softswitch.model.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    queue: str
    importance: str = ""
    needs: Mapping[str, int] = field(default_factory=dict)
    music: str = ""
    welcome: Prompts = ()
    on_timeout: Target = ""
    on_closed: Target = ""
    on_full: Target = ""
    on_failed: Target = ""


async def run(node: Queue, line: Line) -> Outcome:
    return await line.queue(filled(node.queue, names(line)), options_of(node, line))


def options_of(node: Queue, line: Line) -> QueueOptions:
    """What the node says over what the flow said before (`importance`, `need`)."""
    said = node.importance or line.variables.get("importance", "")
    needs = {
        name.removeprefix(PREFIX): int(level)
        for name, level in line.variables.items()
        if name.startswith(PREFIX) and level.isdecimal()
    }
    return QueueOptions(
        importance=filled_number(said, line, 0, 100) if said else None,
        needs={**needs, **node.needs},
        music=filled(node.music, names(line)),
        welcome=node.welcome,
    )


def next_node(node: Queue, outcome: Outcome) -> str:
    if outcome.result == "timeout":
        return node.on_timeout or node.on_failed
    return {"closed": node.on_closed, "full": node.on_full}.get(outcome.value, "") or node.on_failed


def check(node: Queue, snapshot: Snapshot) -> Iterator[Fault]:
    yield from known("queue", "queue", node.queue, snapshot.queues)
    for skill, level in node.needs.items():
        yield from within(f"needs.{skill}", level, 1, 100)


_SPOKE = Outcome.ended(Ending("agent", Cause.NORMAL))
_CLOSED = Outcome("failed", Cause.UNREACHABLE, value="closed")
VERB = Verb(
    schema=Queue,
    run=run,
    next_node=next_node,
    check=check,
    final=True,
    listens=True,
    examples=(
        Example(Queue(queue="sales"), outcome=_SPOKE, expect=_SPOKE),
        Example(Queue(queue="sales", on_timeout="bye"), outcome=Outcome("timeout"), expect=Outcome("timeout"), next="bye"),
        Example(Queue(queue="sales", on_closed="hours", on_failed="bye"), outcome=_CLOSED, expect=_CLOSED, next="hours"),
    ),
)
