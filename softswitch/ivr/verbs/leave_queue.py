"""Gives up the place that the call keeps in a queue (after an exit key, or for a call back); `none` when it keeps none."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.desk import Desk, QueueInfo
from softswitch.ivr.verbs.base import Example, Line, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveQueue:
    next: Target = ""


async def run(_node: LeaveQueue, line: Line) -> Outcome:
    return Outcome("left" if line.desk.queues.leave(line.call) else "none")


class _Queues:
    def info(self, name: str) -> QueueInfo:
        return QueueInfo()

    def leave(self, call: str) -> bool:
        return True


VERB = Verb(
    schema=LeaveQueue,
    run=run,
    next_node=lambda node, _outcome: node.next,
    needs_caller=False,
    examples=(Example(LeaveQueue(next="menu"), desk=Desk(queues=_Queues()), expect=Outcome("left"), next="menu"),),
)
