"""Ringing a second party: stages one after another, the devices of a stage together, the first answer wins.

`async with call.dialling(...) as leg` gives the answered leg; leaving the block hangs up whatever is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from media.errors import MediaError
from softswitch.calls.timeline import Timeline
from softswitch.legs import base
from softswitch.legs.base import Leg, Listener
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Unreachable
from softswitch.model.target import Target

ADVANCE = frozenset(
    (Cause.NO_USER_RESPONSE, Cause.TEMPORARY_FAILURE, Cause.NETWORK_FAILURE, Cause.CONGESTION, Cause.TIMEOUT, Cause.NO_ROUTE,
     Cause.INCOMPATIBLE, Cause.UNREACHABLE)
)  # fmt: skip
"""Causes after which another route may do better (sip.md §4.8, class A); the rest is final."""

DEAD = frozenset((Cause.NO_USER_RESPONSE, Cause.NETWORK_FAILURE, Cause.CONGESTION, Cause.TIMEOUT))
"""Causes that say something about the address and not about the number called."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device to ring. `start` sends the call; `target` is None for a browser."""

    name: str  # "extension:1001", "outside:0123", "agent:li"
    start: Callable[[Listener], Leg]
    target: Target | None = None


@dataclass(slots=True)
class _Attempt:
    device: Device
    leg: Leg | None = None
    rang: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Told while it rings. `progress(leg)` is called with the leg that sends early media, or None for plain ringing."""

    progress: Callable[[Leg | None, int], None]
    report: Callable[[Target, bool], None]


@dataclass(slots=True)
class Dialling:
    """Owned by the call's task; leg events come in between on the same loop."""

    timeline: Timeline
    stages: Sequence[Sequence[Device]]
    timeout: float
    watch: Watch
    end_early: Callable[[], None]
    """Called when what the caller heard of a far end that did not answer is over."""
    is_in_call: Callable[[Leg], bool] = lambda _leg: False
    """Whether the answered leg has become a party that goes on without whoever dialled it."""
    _attempts: dict[int, _Attempt] = field(default_factory=dict)
    _settled: asyncio.Future[Leg | None] | None = None
    _winner: Leg | None = None
    _causes: list[Cause] = field(default_factory=list)
    _number: int = 0
    _final: bool = False

    @property
    def ringing(self) -> set[str]:
        """The names of the devices that ring now."""
        return {attempt.device.name for attempt in self._attempts.values()}

    async def __aenter__(self) -> Leg:
        """Raises Unreachable with the cause that says most when nobody answers."""
        try:
            return await self._ring_all()
        except BaseException:
            self.give_up(Cause.CANCELLED)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_up(Cause.NORMAL)
        leg = self._winner
        if leg is not None and not leg.is_ended and not self.is_in_call(leg):
            leg.listener = base.ignore
            leg.hang_up(Cause.NORMAL)

    async def _ring_all(self) -> Leg:
        try:
            async with asyncio.timeout(self.timeout or None):
                for stage in self.stages:
                    leg = await self._ring(stage)
                    if leg is not None:
                        return leg
                    self.end_early()
                    if not self._may_advance():
                        break
        except TimeoutError:
            self._causes.append(Cause.NO_ANSWER)
            self.give_up(Cause.NO_ANSWER)
            self.end_early()
        raise Unreachable(self._verdict())

    async def _ring(self, stage: Sequence[Device]) -> Leg | None:
        """Rings one stage; the answered leg, or None when all have failed."""
        self._settled = asyncio.get_running_loop().create_future()
        for device in stage:
            self._start(device)
        if not self._attempts and not self._settled.done():
            return None
        self._winner = await self._settled
        self.give_up(Cause.ANSWERED_ELSEWHERE)
        return self._winner

    def _start(self, device: Device) -> None:
        self._number += 1
        number = self._number
        attempt = _Attempt(device)
        self._attempts[number] = attempt
        try:
            attempt.leg = device.start(partial(self._heard, number))
        except (MediaError, Unreachable) as fault:
            del self._attempts[number]
            cause = fault.cause if isinstance(fault, Unreachable) else Cause.CONGESTION
            self._causes.append(cause)
            if device.target is not None and cause is Cause.NETWORK_FAILURE:
                self.watch.report(device.target, False)
            return
        if number not in self._attempts:
            return  # it failed while it was being sent
        target = device.target
        trunk = target.name if target is not None and target.trunk else ""
        self.timeline.emit(
            ev.LegStarted(leg=attempt.leg.id, target=device.name, trunk=trunk, channel=attempt.leg.facts.channel)
        )
        if target is None:
            self._heard(number, base.Ringing())  # a page rings as soon as it is told

    def _heard(self, number: int, event: base.LegEvent) -> None:
        attempt = self._attempts.get(number)
        if attempt is None:
            return
        match event:
            case base.Ringing(status=status):
                attempt.rang = True
                self.watch.progress(None, status)
            case base.EarlyMedia(status=status):
                attempt.rang = True
                self.watch.progress(attempt.leg, status)
            case base.Answered():
                self._answered(number, attempt)
            case base.Ended():
                self._failed(number, attempt, event)

    def _answered(self, number: int, attempt: _Attempt) -> None:
        if self._settled is None or self._settled.done() or attempt.leg is None:
            return
        del self._attempts[number]
        if attempt.device.target is not None:
            self.watch.report(attempt.device.target, True)
        attempt.leg.listener = base.ignore  # whoever bridges listens from now on; what comes before that is asked of the leg
        self._settled.set_result(attempt.leg)

    def _failed(self, number: int, attempt: _Attempt, event: base.Ended) -> None:
        del self._attempts[number]
        leg = attempt.leg
        self.timeline.emit(ev.LegEnded(leg=leg.id if leg else "", cause=event.cause.word, sip_status=event.status, by="peer"))
        if event.status >= 600:
            self.give_up(Cause.ANSWERED_ELSEWHERE)  # the person refused, on whatever device (sip.md §4.2)
        self._fail(attempt, _meaning(event, attempt.device.target))

    def _fail(self, attempt: _Attempt, cause: Cause) -> None:
        self._causes.append(cause)
        target = attempt.device.target
        if target is not None and cause in DEAD:
            self.watch.report(target, False)
        self._final = attempt.rang and target is not None and not target.advance_after_ring
        if not self._attempts and self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _may_advance(self) -> bool:
        """After the last failure: another route only for causes of class A, and not once it has rung."""
        return bool(self._causes) and self._causes[-1] in ADVANCE and not self._final

    def _verdict(self) -> Cause:
        """Busy if any was busy, else the first of the ranking that happened (sip.md §4.2, hunting)."""
        last = self._causes[-1] if self._causes else Cause.UNREACHABLE
        return next((cause for cause in _RANKING if cause in self._causes), last)

    def give_up(self, cause: Cause) -> None:
        """Ends every attempt that is still on its way."""
        for attempt in self._attempts.values():
            if attempt.leg is not None and not attempt.leg.is_ended:
                attempt.leg.hang_up(cause)
                self.timeline.emit(ev.LegEnded(leg=attempt.leg.id, cause=cause.word, by="us"))
        self._attempts.clear()


def _meaning(event: base.Ended, target: Target | None) -> Cause:
    """Refused credentials are the trunk's fault, not the caller's; a phone that says nothing is not there."""
    if event.status in (401, 407):
        return Cause.NETWORK_FAILURE
    is_phone = target is not None and not target.trunk
    return Cause.UNREACHABLE if is_phone and event.cause is Cause.NO_USER_RESPONSE else event.cause


_RANKING = (Cause.BUSY, Cause.REJECTED, Cause.NO_ANSWER, Cause.UNALLOCATED, Cause.INVALID_NUMBER, Cause.FORBIDDEN)
