"""Flows for calls: the handler of `flow:NAME`, and a call as the line that verbs work on."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Protocol

import structlog

from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.engine import FlowRun
from softswitch.ivr.flow import Flow, compile_flow
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination

log = structlog.get_logger("ivr")


class Enter(Protocol):
    """`AcdService.enter`: waits in a queue; the outcome has an ending when the call is over."""

    async def __call__(self, call: Call, name: str) -> Outcome: ...


class CallLine:
    """`verbs.base.Line` over a call. The caller's language and variables stay with the call when it leaves the flow."""

    def __init__(self, call: Call, clock: Clock, enter: Enter) -> None:
        self._call = call
        self._clock = clock
        self._enter = enter

    @property
    def language(self) -> str:
        return self._call.language

    @language.setter
    def language(self, language: str) -> None:
        self._call.language = language

    @property
    def variables(self) -> MutableMapping[str, str]:
        return self._call.variables

    async def answer(self) -> None:
        await self._call.answer()

    async def play(self, prompts: Sequence[str], *, languages: Sequence[str] = (), stop_on_key: bool = True) -> None:
        for language in languages or (self.language,):
            if prompts and await self._call.play(prompts, language=language, stop_on_key=stop_on_key) == "digit":
                return

    async def collect(self, max_digits: int, *, seconds: float, inter_digit: float, finish_on: str = "") -> str:
        return await self._call.collect(max_digits, seconds=seconds, inter_digit=inter_digit, finish_on=finish_on)

    def forget_digits(self) -> None:
        self._call.forget_digits()

    async def queue(self, name: str) -> Outcome:
        return await self._enter(self._call, name)

    async def transfer(self, to: Destination) -> Outcome:
        return await self._call.go(to)

    def utc(self) -> float:
        return self._clock.utc()


class IvrService:
    """Compiles a flow once per change of the directory; a running call keeps the version it started with."""

    def __init__(self, *, directory: Callable[[], Snapshot], clock: Clock, enter: Enter) -> None:
        self._directory = directory
        self._clock = clock
        self._enter = enter
        self._compiled: dict[str, Flow] = {}
        self._compiled_from: Snapshot | None = None

    async def to_flow(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `flow:NAME`. A flow that ends without hanging up ends the call normally."""
        flow = self._flow(destination.name)
        if flow is None:
            return Outcome.failed(Cause.UNALLOCATED)
        if call.language not in flow.languages:
            call.language = flow.languages[0]
        run = FlowRun(flow, CallLine(call, self._clock, self._enter), emit=call.emit, ticks=self._clock.now)
        outcome = await run.run()
        if outcome.ending is None and outcome.result in ("done", "no_input", "no_match"):
            return Outcome.ended(Ending("system", Cause.NORMAL))
        return outcome

    def _flow(self, name: str) -> Flow | None:
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
