"""Flows for calls: the handler of `flow:NAME` and `flow:NAME/NODE`, and try-outs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.ivr.doors import Doors, Enter, no_queues, plain
from softswitch.ivr.engine import FlowRun
from softswitch.ivr.flow import Flow, compile_flow
from softswitch.ivr.line import CallLine
from softswitch.ivr.lint import Exists, Note, check_flow
from softswitch.ivr.trial import Caller, Trial, try_flow
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination

log = structlog.get_logger("ivr")

_NORMAL_ENDS = frozenset(
    {
        "done", "goal", "no_input", "no_match", "return", "recorded", "empty", "marks", "skipped", "played", "none", "key",
        "digits", "case", "default", "left", "true", "false", "over",
    }
)  # fmt: skip
"""Results after which a flow without a next node has simply come to its end."""


class IvrService:
    """Compiles a flow once per change of the directory; a running call keeps the version it started with."""

    def __init__(
        self,
        *,
        directory: Callable[[], Snapshot],
        clock: Clock,
        enter: Enter | None = None,
        doors: Doors | None = None,
        desk: Desk | None = None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self.doors = doors or Doors(enter=plain(enter) if enter is not None else no_queues)
        self.desk = desk or Desk()
        self.exists: Exists | None = None
        """Whether a prompt has a file of its own in a language; for warnings."""
        self._compiled: dict[str, Flow] = {}
        self._compiled_from: Snapshot | None = None

    async def to_flow(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `flow:NAME[/NODE]`. A flow that ends without hanging up ends the call normally."""
        name, _, node = destination.name.partition("/")
        flow = self.flow(name)
        if flow is None or (node and node not in flow.nodes):
            return Outcome.failed(Cause.UNALLOCATED)
        if call.language not in flow.languages:
            call.language = flow.languages[0]
        line = CallLine(call, self._clock, self._directory, self.desk, self.doors)
        run = FlowRun(
            flow, line, emit=call.emit, ticks=self._clock.now, node=node, subflows=self.flow,
            gone=lambda: call.ending is not None,
        )  # fmt: skip
        outcome = await run.run()
        if outcome.ending is None and outcome.result in _NORMAL_ENDS:
            return Outcome.ended(Ending("system", Cause.NORMAL))
        return outcome

    def flow(self, name: str) -> Flow | None:
        """The published version, ready to run; None when there is none that can."""
        snapshot = self._directory()
        if snapshot is not self._compiled_from:
            self._compiled, self._compiled_from = {}, snapshot
        if name not in self._compiled:
            declared = snapshot.flows.get(name)
            if declared is None:
                return None
            try:
                self._compiled[name] = compile_flow(declared.tree() | {"version": declared.version}, snapshot)
            except ValueError as error:  # it was checked when it was applied: a verb has changed since
                log.error("! flow cannot run", flow=name, error=str(error))
                return None
        return self._compiled[name]

    def check(self, tree: Mapping[str, Any]) -> list[Note]:
        """Errors and warnings about a tree, as it would run now."""
        return check_flow(tree, self._directory(), self.exists)

    async def try_out(self, tree: Mapping[str, Any], caller: Caller) -> Trial:
        """Walks a tree, published or not, with a simulated caller. Raises ValueError for a tree that cannot run."""
        snapshot = self._directory()
        return await try_flow(compile_flow(tree, snapshot), caller, snapshot, self.desk, self.flow)
