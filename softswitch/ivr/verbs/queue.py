"""The caller waits for an agent and talks to one; that is the end of the flow unless nobody could be found in time.

`on_timeout`: the longest wait of the queue is over. `on_failed`: the queue was closed, or a supervisor took the caller out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, is_variable
from softswitch.model.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    queue: str
    on_timeout: Target = ""
    on_failed: Target = ""


async def run(node: Queue, line: Line) -> Outcome:
    return await line.queue(filled(node.queue, line.variables))


def next_node(node: Queue, outcome: Outcome) -> str:
    if outcome.result == "timeout":
        return node.on_timeout or node.on_failed
    return node.on_failed


def check(node: Queue, snapshot: Snapshot) -> Iterator[Fault]:
    if not is_variable(node.queue) and node.queue not in snapshot.queues:
        yield Fault("queue", f'there is no queue "{node.queue}"')


_SPOKE = Outcome.ended(Ending("agent", Cause.NORMAL))
VERB = Verb(
    schema=Queue,
    run=run,
    next_node=next_node,
    check=check,
    examples=(
        Example(Queue(queue="sales"), outcome=_SPOKE, expect=_SPOKE),
        Example(Queue(queue="sales", on_timeout="bye"), outcome=Outcome("timeout"), expect=Outcome("timeout"), next="bye"),
    ),
)
