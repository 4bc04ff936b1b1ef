"""Runs a flow: one node after another until the call is over, the flow has no next node, or the loop guard steps in.

A sub-flow is a frame on a stack. When the caller hangs up the task is cancelled wherever it waits; a node with `on_hangup` then
leads on, for some seconds and only through verbs that need no caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from softswitch.calls.outcome import Ending, Outcome
from softswitch.ivr.flow import Flow, Node
from softswitch.ivr.verbs import VERBS
from softswitch.ivr.verbs.base import INPUT, Line
from softswitch.ivr.verbs.collect import Collect
from softswitch.ivr.verbs.return_ import RETURNED
from softswitch.ivr.verbs.secure_collect import SecureCollect
from softswitch.ivr.verbs.subflow import CALLED
from softswitch.model.cause import Cause
from softswitch.model.errors import Invalid, SwitchError
from softswitch.model.events import Event, IvrEntered, IvrInput, IvrLeft, IvrNode

LOOP_GUARD = 200
"""Nodes that may follow each other without a key from the caller (call-centre.md §10.1)."""
DEEPEST = 10
"""Sub-flows inside each other."""
AFTERWARDS = 5.0
"""Seconds that `on_hangup` may take."""

log = structlog.get_logger("ivr")


class Ticks(Protocol):
    """Monotonic seconds."""

    def __call__(self) -> float: ...


@dataclass(slots=True)
class _Frame:
    """Where one flow stands: the node that runs now."""

    flow: Flow
    node: str


@dataclass(slots=True)
class FlowRun:
    """One call in one flow. Belongs to the call's task.

    `subflows` finds the flows that this one starts; a call that has begun with a version keeps it. `given` are outcomes of
    nodes that are not carried out but taken as they are (try-outs).
    """

    flow: Flow
    line: Line
    emit: Callable[[Event], None]
    ticks: Ticks
    node: str = ""
    """Where to begin; "" at the flow's start. Afterwards: the node that ran last."""
    subflows: Callable[[str], Flow | None] = lambda _name: None
    gone: Callable[[], bool] = lambda: False
    """Whether the call is over: told apart from a caller who is sent elsewhere."""
    given: Mapping[str, str] = field(default_factory=dict)
    result: str = "hangup"  # how the flow was left; stands when the task is cancelled
    _quiet: int = 0
    _frames: list[_Frame] = field(default_factory=list)
    _known: dict[str, Flow | None] = field(default_factory=dict)

    async def run(self) -> Outcome:
        """The outcome of the last node; `ending` is set when the call is over."""
        self.emit(IvrEntered(flow=self.flow.name, version=self.flow.version))
        self._frames = [_Frame(self.flow, self.node or self.flow.start)]
        try:
            return await self._walk()
        except asyncio.CancelledError:
            await self._afterwards()
            raise
        finally:
            self.node = self._frame.node
            self.emit(IvrLeft(flow=self.flow.name, node=self._frames[0].node, result=self.result))

    @property
    def _frame(self) -> _Frame:
        return self._frames[-1]

    async def _walk(self) -> Outcome:
        while True:
            frame = self._frame
            outcome, following = await self._step(frame.flow, frame.flow.nodes[frame.node])
            if outcome.ending is not None:
                self.result = outcome.result
                return outcome
            self._quiet = 0 if outcome.result in INPUT else self._quiet + 1
            if self._quiet >= LOOP_GUARD:
                return self._broken("loop", "flow loops")
            if outcome.result == CALLED:
                if not self._enter(outcome.value):
                    return self._broken("error", "there is no such sub-flow, or too many inside each other")
                continue
            if not following:
                following = self._left(outcome)
            if not following:
                self.result = outcome.result
                return outcome
            self._frame.node = following

    # sub-flows

    def _enter(self, name: str) -> bool:
        plain, _, node = name.partition("/")
        if plain not in self._known:
            self._known[plain] = self.subflows(plain)  # once a call: it keeps the version that it found
        found = self._known[plain]
        if found is None or len(self._frames) > DEEPEST or (node and node not in found.nodes):
            return False
        self.emit(IvrEntered(flow=found.name, version=found.version))
        self._frames.append(_Frame(found, node or found.start))
        return True

    def _left(self, outcome: Outcome) -> str:
        """A flow has ended: the node where the flow that started it goes on, "" when none did or nothing follows there."""
        while len(self._frames) > 1:
            done = self._frames.pop()
            word = outcome.value if outcome.result == RETURNED else outcome.result
            self.emit(IvrLeft(flow=done.flow.name, node=done.node, result=word))
            node = self._frame.flow.nodes[self._frame.node]
            following = _following(node, Outcome(CALLED, value=word))
            if following:
                return following
        return ""

    # nodes

    async def _step(self, flow: Flow, node: Node) -> tuple[Outcome, str]:
        """Carries out one node; its outcome and the node after it."""
        verb = VERBS[node.verb]
        started = self.ticks()
        result = "hangup"
        try:
            outcome = self._given(node) or await verb.run(node.data, self.line)
            result = outcome.result
            self._note_input(flow, node, outcome)
            return outcome, "" if outcome.ending is not None else _following(node, outcome)
        except SwitchError as error:
            log.warning("! node failed", flow=flow.name, node=node.name, verb=node.verb, error=str(error))
            result = "error"
            if node.on_error:
                return Outcome("error"), node.on_error
            return Outcome.ended(Ending("system", Cause.FLOW_ERROR)), ""
        finally:
            ms = round((self.ticks() - started) * 1000)
            self.emit(IvrNode(flow=flow.name, node=node.name, verb=node.verb, result=result, ms=ms))

    def _given(self, node: Node) -> Outcome | None:
        """An outcome that is taken as it is: `RESULT`, or `RESULT:VALUE` such as `key:1`."""
        if node.name not in self.given:
            return None
        word, _, value = self.given[node.name].partition(":")
        return Outcome(word, value=value)

    def _note_input(self, flow: Flow, node: Node, outcome: Outcome) -> None:
        """What the caller chose or typed, unless it was masked."""
        if outcome.result not in ("key", "digits", "extension") or not outcome.value:
            return
        if isinstance(node.data, SecureCollect) or (isinstance(node.data, Collect) and node.data.mask):
            return
        name = node.data.variable if isinstance(node.data, Collect) else ""
        self.emit(IvrInput(flow=flow.name, node=node.name, name=name, value=outcome.value))

    def _broken(self, result: str, why: str) -> Outcome:
        log.error("! flow broken", why=why, flow=self._frame.flow.name, node=self._frame.node)
        self.result = result
        return Outcome.ended(Ending("system", Cause.FLOW_ERROR))

    # after the caller

    async def _afterwards(self) -> None:
        """The caller hung up: `on_hangup` of the node where it was, or of the node that started this sub-flow."""
        frame = next((frame for frame in reversed(self._frames) if frame.flow.nodes[frame.node].on_hangup), None)
        task = asyncio.current_task()
        if frame is None or task is None or not self.gone():
            return
        while task.uncancel():  # the caller raises the cancellation again when this is done
            pass
        try:
            async with asyncio.timeout(AFTERWARDS):
                await self._without_caller(frame.flow, frame.flow.nodes[frame.node].on_hangup)
        except TimeoutError:
            log.warning("! on_hangup took too long", flow=frame.flow.name, node=frame.node)

    async def _without_caller(self, flow: Flow, name: str) -> None:
        for _ in range(LOOP_GUARD):
            node = flow.nodes[name]
            if VERBS[node.verb].needs_caller:
                return
            outcome, name = await self._step(flow, node)
            if not name or outcome.ending is not None:
                return


def _following(node: Node, outcome: Outcome) -> str:
    """The node after an outcome. Raises Invalid for one that the node cannot have."""
    try:
        return VERBS[node.verb].next_node(node.data, outcome)
    except KeyError as fault:
        raise Invalid(node.name, f'"{node.verb}" has no way for {outcome.result}:{outcome.value}') from fault
