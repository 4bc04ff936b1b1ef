"""The hunt of one call carried out: a task for each line that rings, orders of the machine in the order in which they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from softswitch.calls.call import Call
from softswitch.calls.dialling import Dialling, Watch
from softswitch.calls.outcome import Ending
from softswitch.calls.ringing import devices
from softswitch.groups.asking import ask
from softswitch.groups.hunting import Act, Hunt, Input, Line, Order, Rules, Step
from softswitch.legs.base import Leg
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Unreachable

Place = Callable[[Line], Destination]
"""Where a line is rung; raises Unreachable for one that is to be left out now."""


@dataclass(slots=True)
class _Ringing:
    """One line on its way. `kept` is resolved when who answered is not needed any more."""

    line: Line
    dialling: Dialling
    task: asyncio.Task[None]
    kept: asyncio.Future[None]
    leg: Leg | None = None
    agent: str = ""


@dataclass(slots=True)
class Ringer:
    """Owned by the call's task. `async with Ringer(...) as ringer: await ringer.answered()` gives the leg that has the call."""

    call: Call
    steps: Sequence[Step]
    rules: Rules
    place: Place
    prefix: str = ""
    on_ring: Callable[[Line], None] = lambda _line: None
    _hunt: Hunt = field(init=False)
    _lines: dict[int, _Ringing] = field(default_factory=dict)
    _orders: deque[Order] = field(default_factory=deque)
    _over: asyncio.Future[None] = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _at_work: bool = False

    def __post_init__(self) -> None:
        self._hunt = Hunt(self.steps, self.rules)
        self._over = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Ringer:
        self._do(self._hunt.start(self._now()))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, ringing in self._lines.items():
            if number == self._hunt.winner:
                ringing.kept.set_result(None)
            else:
                ringing.task.cancel()
        await asyncio.gather(*(ringing.task for ringing in self._lines.values()), return_exceptions=True)

    async def answered(self) -> Leg:
        """Raises Unreachable with the cause that says most when nobody takes the call."""
        await self._over
        ringing = self._lines.get(self._hunt.winner)
        if ringing is None or ringing.leg is None:
            self.call.early.end()
            raise Unreachable(self._hunt.verdict or Cause.UNREACHABLE)
        return ringing.leg

    async def bridge(self) -> Ending:
        """Waits for who takes the call and joins it. Raises Unreachable."""
        leg = await self.answered()
        won = self._lines[self._hunt.winner]
        if won.agent:
            self.call.board.desks.answered(won.agent, self.call.id, internal=self.call.is_internal)
        return await self.call.bridge(leg, agent=won.agent, other=str(won.line.to))

    @property
    def taker(self) -> str:
        """The member who has the call, "" for nobody."""
        ringing = self._lines.get(self._hunt.winner)
        return ringing.line.member if ringing is not None else ""

    # the machine

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _feed(self, line: int, what: Input, cause: Cause = Cause.NO_ANSWER) -> None:
        self._do(self._hunt.heard(line, what, self._now(), cause))

    def _do(self, orders: Sequence[Order]) -> None:
        """Carries out orders one after another, also those that come of them meanwhile."""
        self._orders += orders
        if self._at_work:
            return
        self._at_work = True
        while self._orders:
            order = self._orders.popleft()
            match order.act:
                case Act.RING:
                    self._ring(order.line)
                case Act.CANCEL:
                    self._cancel(order.line, order.cause)
                case _:
                    pass  # ASK and WIN are what the line's own task does next
        self._at_work = False
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._hunt.is_over:
            if not self._over.done():
                self._over.set_result(None)
        else:
            self._timer = asyncio.get_running_loop().call_at(self._hunt.deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._do(self._hunt.tick(self._now()))

    # lines

    def _ring(self, number: int) -> None:
        line = self._hunt.lines[number].line
        try:
            to = self.place(line)
            dialling, agent = self._dialling(line, to), self._agent(to)
        except Unreachable as fault:
            self._feed(number, Input.FAILED, fault.cause)
            return
        self.call.alerting.append(dialling)
        self.on_ring(line)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._follow(number, dialling))
        self._lines[number] = ringing = _Ringing(line, dialling, task, loop.create_future(), agent=agent)
        task.add_done_callback(lambda _task: self._gone(ringing))

    def _gone(self, ringing: _Ringing) -> None:
        if ringing.agent:
            self.call.board.desks.released(ringing.agent, self.call.id)
        if ringing.dialling in self.call.alerting:
            self.call.alerting.remove(ringing.dialling)

    def _agent(self, to: Destination) -> str:
        """The agent who works at the phone has no other call meanwhile. Raises Unreachable for one who has no time."""
        agent = self.call.board.stations.agent_of(to)
        if agent:
            try:
                self.call.board.desks.alert(agent, self.call.id, internal=self.call.is_internal)
            except Conflict as fault:
                raise Unreachable(Cause.BUSY) from fault
        return agent

    def _dialling(self, line: Line, to: Destination) -> Dialling:
        call = self.call
        facts = call.calling(to)
        if self.prefix:
            facts = replace(facts, caller_name=f"{self.prefix}{facts.caller_name or facts.caller}")
        stages = devices(call.board, facts, to, group=call.mix.group, prefer=call.caller.codecs)
        watch = Watch(lambda _leg, _status: self._rang(), call.board.report)
        return Dialling(
            call.timeline, stages, 0.0, watch, end_early=_nothing, is_in_call=call.keeps, is_taken=call.is_picked_up,
            taken_back=lambda: call.conversation.said,
        )  # fmt: skip

    def _rang(self) -> None:
        """The caller hears ringing; who is being transferred has its music."""
        call = self.call
        call.referrals.rings()
        call.early.progress(None, 180, quiet=call.referrals.waiting is not None)

    async def _follow(self, number: int, dialling: Dialling) -> None:
        """A line from its first ringing until its leg is not needed any more."""
        ringing = self._lines[number]
        try:
            async with dialling as ringing.leg:
                leg = ringing.leg
                self._feed(number, Input.ANSWERED)
                if ringing.line.confirm and self._hunt.winner != number:
                    takes = await ask(self.call.board.media, leg, self.call.language)
                    self._feed(number, Input.CONFIRMED if takes else Input.FAILED, Cause.NO_ANSWER)
                if self._hunt.winner == number:
                    await ringing.kept
        except Unreachable as fault:
            self._feed(number, Input.FAILED, fault.cause)

    def _cancel(self, number: int, cause: Cause) -> None:
        ringing = self._lines.get(number)
        if ringing is None or ringing.task is asyncio.current_task():
            return  # its own task goes on, and leaves the leg behind
        ringing.dialling.give_up(cause)
        ringing.task.cancel()


def _nothing() -> None:
    """No sound of a far end is heard before somebody has the call."""


def phone_of(line: Line) -> str:
    """The extension of a line, "" for an outside number."""
    return line.to.name if line.to.kind is DestinationKind.EXTENSION else ""
