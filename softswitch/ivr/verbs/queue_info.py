"""How a queue stands, as variables.

`queue_waiting`, `queue_ewt` (seconds, -1 unknown), `queue_signed_in`, `queue_ready`, `queue_open`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk, QueueInfo
from softswitch.ivr.verbs.base import Example, Fault, Line, Target, Verb, filled, known, names


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfoNode:
    queue: str
    next: Target


async def run(node: QueueInfoNode, line: Line) -> Outcome:
    info = line.desk.queues.info(filled(node.queue, names(line)))
    line.variables.update(
        queue_waiting=str(info.waiting),
        queue_ewt=str(info.ewt),
        queue_signed_in=str(info.signed_in),
        queue_ready=str(info.ready),
        queue_open="true" if info.open else "false",
    )
    return Outcome("done")


def check(node: QueueInfoNode, snapshot: Snapshot) -> Iterator[Fault]:
    yield from known("queue", "queue", node.queue, snapshot.queues)


class _Queues:
    def info(self, name: str) -> QueueInfo:
        return QueueInfo(waiting=3, ewt=90, signed_in=2)

    def leave(self, call: str) -> bool:
        return False


VERB = Verb(
    schema=QueueInfoNode,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    needs_caller=False,
    examples=(
        Example(
            QueueInfoNode(queue="sales", next="tell"),
            desk=Desk(queues=_Queues()),
            expect=Outcome("done"),
            next="tell",
            sets={"queue_waiting": "3", "queue_ewt": "90", "queue_open": "true"},
        ),
    ),
)
