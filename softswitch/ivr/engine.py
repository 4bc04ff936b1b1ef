"""Runs a flow: one node after another until the call is over, the flow has no next node, or the loop guard steps in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from softswitch.calls.outcome import Ending, Outcome
from softswitch.ivr.flow import Flow, Node
from softswitch.ivr.verbs import VERBS
from softswitch.ivr.verbs.base import INPUT, Line
from softswitch.model.cause import Cause
from softswitch.model.errors import SwitchError
from softswitch.model.events import Event, IvrEntered, IvrLeft, IvrNode

LOOP_GUARD = 200
"""Nodes that may follow each other without a key from the caller (call-centre.md §10.1)."""

log = structlog.get_logger("ivr")


class Ticks(Protocol):
    """Monotonic seconds."""

    def __call__(self) -> float: ...


@dataclass(slots=True)
class FlowRun:
    """One call in one flow. Belongs to the call's task; when the caller hangs up the task is cancelled wherever it waits."""

    flow: Flow
    line: Line
    emit: Callable[[Event], None]
    ticks: Ticks
    node: str = ""
    result: str = "hangup"  # how the flow was left; stands when the task is cancelled
    _quiet: int = field(default=0)

    async def run(self) -> Outcome:
        """The outcome of the last node; `ending` is set when the call is over."""
        self.emit(IvrEntered(flow=self.flow.name, version=self.flow.version))
        self.node = self.flow.start
        try:
            return await self._walk()
        finally:
            self.emit(IvrLeft(flow=self.flow.name, node=self.node, result=self.result))

    async def _walk(self) -> Outcome:
        while True:
            outcome, following = await self._step(self.flow.nodes[self.node])
            if outcome.ending is not None or not following:
                self.result = outcome.result
                return outcome
            self._quiet = 0 if outcome.result in INPUT else self._quiet + 1
            if self._quiet >= LOOP_GUARD:
                log.error("! flow loops", flow=self.flow.name, node=self.node)
                self.result = "loop"
                return Outcome.ended(Ending("system", Cause.FLOW_ERROR))
            self.node = following

    async def _step(self, node: Node) -> tuple[Outcome, str]:
        """Carries out one node; its outcome and the node after it."""
        verb = VERBS[node.verb]
        started = self.ticks()
        result = "hangup"
        try:
            outcome = await verb.run(node.data, self.line)
            result = outcome.result
            return outcome, "" if outcome.ending is not None else verb.next_node(node.data, outcome)
        except SwitchError as error:
            log.warning("! node failed", flow=self.flow.name, node=node.name, verb=node.verb, error=str(error))
            result = "error"
            if node.on_error:
                return Outcome("error"), node.on_error
            return Outcome.ended(Ending("system", Cause.FLOW_ERROR)), ""
        finally:
            ms = round((self.ticks() - started) * 1000)
            self.emit(IvrNode(flow=self.flow.name, node=node.name, verb=node.verb, result=result, ms=ms))
