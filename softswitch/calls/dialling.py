"""Ringing a second party: stages one after another, the devices of a stage together, the first answer wins.

`async with call.dialling(...) as leg` gives the answered leg; leaving the block hangs up whatever is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import NamedTuple, Protocol

from media.errors import MediaError
from softswitch.calls.timeline import Timeline
from softswitch.legs import base
from softswitch.legs.base import Leg, Listener
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Unreachable
from softswitch.model.release import Onward, Release, onward
from softswitch.model.target import Target

ADVANCE = frozenset(
    (Cause.NO_USER_RESPONSE, Cause.TEMPORARY_FAILURE, Cause.NETWORK_FAILURE, Cause.CONGESTION, Cause.TIMEOUT, Cause.NO_ROUTE,
     Cause.INCOMPATIBLE, Cause.UNREACHABLE)
)  # fmt: skip
"""Causes of our own after which another route may do better; what a peer has said is judged by the table of sip.md §4.8."""

BEFORE_RINGING = 12.0
"""Seconds after which no further route is tried: the caller has heard nothing for long enough."""

MAX_ATTEMPTS = 4
"""Stages that one call tries: the caller does not wait through a whole list of routes (sip.md §7, LCR)."""

DEAD = frozenset((Cause.NO_USER_RESPONSE, Cause.NETWORK_FAILURE, Cause.CONGESTION, Cause.TIMEOUT))
"""Causes that say something about the address and not about the number called."""

NO_WAY = frozenset((0, 408, 430, 503))
"""Statuses that say that a way carries nothing: silence, a lost connection, 430 Flow Failed of a proxy in front (RFC 5626)."""

FULL = frozenset((34, 44, 47))
"""Q.850 causes of a trunk whose channels are all in use: it is well, and not to be avoided."""


MAX_REDIRECTS = 5
"""Addresses that one call is sent to by 3xx answers of trunks."""
_MOVED = frozenset({300, 301, 302})


@dataclass(frozen=True, slots=True)
class Device:
    """One device to ring. `start` sends the call; `target` is None for a browser."""

    name: str  # "extension:1001", "outside:0123", "agent:li"
    start: Callable[[Listener], Leg]
    target: Target | None = None
    repaired: Callable[[Listener], Leg] | None = None
    """Sends the call once more with every codec that we have, after the peer found none it can do."""
    elsewhere: Callable[[str], Device | None] | None = None
    """The device at an address that a trunk's 3xx names; None for one where the call may not go."""
    spares: tuple[Device, ...] = ()
    """Other ways to the same device, tried in turn when this one carries nothing."""


class Failure(NamedTuple):
    """An attempt that came to nothing: our word for it, what the peer said exactly, whether another route may do better."""

    cause: Cause
    release: Release | None = None
    advance: bool = False


@dataclass(slots=True)
class _Attempt:
    device: Device
    leg: Leg | None = None
    rang: bool = False
    early: bool = False
    began: float = 0.0
    rang_after: float = 0.0  # seconds


class TargetReport(Protocol):
    """Told how a target behaved; `status`, `retry_after` and `q850` of its refusal, 0 when there was none.

    `dead`: the failure says something about its address. `pdd`: seconds until it rang, 0 when it never did.
    """

    def __call__(
        self, target: Target, alive: bool, *, status: int = 0, retry_after: int = 0, q850: int = 0, dead: bool = True,
        pdd: float = 0.0,
    ) -> None: ...  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watch:
    """Told while it rings. `progress(leg)` is called with the leg that sends early media, or None for plain ringing."""

    progress: Callable[[Leg | None, int], None]
    report: TargetReport
    tone: Callable[[], None] = lambda: None
    """The caller is to hear our own ringing tone, whatever the far end sends."""


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
    on_failed: Callable[[Release | None], None] = lambda _release: None
    """Told what the far end said that counts in the end, for the caller's leg; None when it is a word of ours."""
    on_moved: Callable[[str], None] = lambda _number: None
    """Told the number that a phone sends its caller to (a 3xx)."""
    taken_back: Callable[[], Release | None] = lambda: None
    """Why the caller took the call back, as it said."""
    is_taken: Callable[[], bool] = lambda: False
    """Whether somebody else picks the call up, which ends the ringing."""
    _places: list[Device] = field(default_factory=list)
    """Where a trunk has sent the call, to be tried one after another."""
    _redirects: set[str] = field(default_factory=set)
    _goes_on: bool = False
    _failures: list[Failure] = field(default_factory=list)
    _number: int = 0
    _final: bool = False

    @property
    def ringing(self) -> set[str]:
        """The names of the devices that ring now."""
        return {attempt.device.name for attempt in self._attempts.values()}

    @property
    def legs(self) -> set[str]:
        """The ids of the legs that ring now."""
        return {attempt.leg.id for attempt in self._attempts.values() if attempt.leg is not None}

    def take_over(self, other: Dialling, group: int) -> None:
        """Goes on with what rings for another call, which is done with it; the far ends notice nothing. `stages` is one empty
        stage then, `group` the engine group of this call."""
        self._settled, self._goes_on = asyncio.get_running_loop().create_future(), True
        self._number, self._attempts, other._attempts = other._number, other._attempts, {}
        for number, attempt in self._attempts.items():
            if attempt.leg is None:
                continue
            attempt.leg.listener = partial(self._heard, number)
            attempt.leg.join(group)
            other.timeline.emit(ev.LegEnded(leg=attempt.leg.id, cause=Cause.NORMAL.word, by="us"))
            self._note_start(attempt)
            if attempt.rang:
                self.watch.progress(attempt.leg if attempt.early else None, 183 if attempt.early else 180)

    async def __aenter__(self) -> Leg:
        """Raises Unreachable with the cause that says most when nobody answers."""
        try:
            return await self._ring_all()
        except BaseException:
            self._drop_answered()
            self.give_up(Cause.ANSWERED_ELSEWHERE if self.is_taken() else Cause.CANCELLED)
            raise

    def _drop_answered(self) -> None:
        """An answer that came in the moment in which nobody wanted it any more."""
        if self._winner is None and self._settled is not None and self._settled.done() and not self._settled.cancelled():
            leg = self._settled.result()
            if leg is not None and not leg.is_ended:
                leg.hang_up(Cause.ANSWERED_ELSEWHERE if self.is_taken() else Cause.CANCELLED)

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
                stages = self.stages[:MAX_ATTEMPTS]
                began = asyncio.get_running_loop().time()
                for number, stage in enumerate(stages, 1):
                    leg = await self._ring(stage, began + BEFORE_RINGING if number < len(stages) else 0.0)
                    if leg is not None:
                        return leg
                    self.end_early()
                    if not self._may_advance() or asyncio.get_running_loop().time() - began >= BEFORE_RINGING:
                        break
        except TimeoutError:
            self._failures.append(Failure(Cause.NO_ANSWER))
            self.give_up(Cause.NO_ANSWER)
            self.end_early()
        verdict = self._verdict()
        self.on_failed(verdict.release)
        raise Unreachable(verdict.cause)

    async def _ring(self, stage: Sequence[Device], until: float = 0.0) -> Leg | None:
        """Rings one stage; the answered leg, or None when all have failed.

        `until`: when the next stage is tried at the latest if this one has not rung; 0: there is no next.
        """
        if not self._goes_on or self._settled is None:
            self._settled = asyncio.get_running_loop().create_future()
        self._goes_on = False
        for device in stage:
            self._start(device, device.start)
        if not self._attempts and not self._settled.done():
            return None
        timer = self._expect_ringing(until) if until else None
        self._winner = await self._settled
        if timer is not None:
            timer.cancel()
        self.give_up(Cause.ANSWERED_ELSEWHERE)
        return self._winner

    def _expect_ringing(self, until: float) -> asyncio.TimerHandle | None:
        """After the trunk's `pdd_timeout` without ringing the next one gets the call."""
        waits = [each.device.target.pdd_timeout for each in self._attempts.values() if each.device.target is not None]
        if not waits or not all(waits):
            return None
        loop = asyncio.get_running_loop()
        return loop.call_at(min(loop.time() + max(waits), until), self._too_slow)

    def _too_slow(self) -> None:
        if any(attempt.rang for attempt in self._attempts.values()):
            return
        for attempt in self._attempts.values():
            if attempt.device.target is not None:
                self.watch.report(attempt.device.target, False, dead=False)
        self.give_up(Cause.NO_USER_RESPONSE)
        self._failures.append(Failure(Cause.NO_USER_RESPONSE, advance=True))
        self._settle_empty()

    def _start(self, device: Device, start: Callable[[Listener], Leg]) -> None:
        self._number += 1
        number = self._number
        attempt = _Attempt(device, began=asyncio.get_running_loop().time())
        self._attempts[number] = attempt
        try:
            attempt.leg = start(partial(self._heard, number))
        except (MediaError, Unreachable) as fault:
            del self._attempts[number]
            cause = fault.cause if isinstance(fault, Unreachable) else Cause.CONGESTION
            self._failures.append(Failure(cause, advance=cause in ADVANCE))
            if device.target is not None and cause is Cause.NETWORK_FAILURE:
                self.watch.report(device.target, False)
            if device.spares and cause in DEAD:
                self._start_spare(device)
            return
        if number not in self._attempts:
            return  # it failed while it was being sent
        self._note_start(attempt)
        if device.target is None:
            self._heard(number, base.Ringing())  # a page rings as soon as it is told

    def _note_start(self, attempt: _Attempt) -> None:
        target, leg = attempt.device.target, attempt.leg
        if leg is not None:
            trunk = target.name if target is not None and target.trunk else ""
            started = ev.LegStarted(leg=leg.id, target=attempt.device.name, trunk=trunk, channel=leg.facts.channel)
            self.timeline.emit(started)

    def _heard(self, number: int, event: base.LegEvent) -> None:
        attempt = self._attempts.get(number)
        if attempt is None:
            return
        match event:
            case base.Ringing(status=status, tone=tone):
                self._rang(attempt)
                self.watch.progress(None, status)
                if tone:
                    self.watch.tone()
            case base.EarlyMedia(status=status):
                self._rang(attempt)
                attempt.early = True
                self.watch.progress(attempt.leg, status)
            case base.Answered():
                self._answered(number, attempt)
            case base.Ended():
                self._failed(number, attempt, event)

    def _rang(self, attempt: _Attempt) -> None:
        if not attempt.rang:
            attempt.rang, attempt.rang_after = True, asyncio.get_running_loop().time() - attempt.began

    def _answered(self, number: int, attempt: _Attempt) -> None:
        if self._settled is None or self._settled.done() or attempt.leg is None:
            return
        del self._attempts[number]
        if attempt.device.target is not None:
            self.watch.report(attempt.device.target, True, pdd=attempt.rang_after)
        attempt.leg.listener = base.ignore  # whoever bridges listens from now on; what comes before that is asked of the leg
        self._settled.set_result(attempt.leg)

    def _failed(self, number: int, attempt: _Attempt, event: base.Ended) -> None:
        del self._attempts[number]
        leg = attempt.leg
        self.timeline.emit(ev.LegEnded(leg=leg.id if leg else "", cause=event.cause.word, sip_status=event.status, by="peer"))
        if event.status >= 600:
            self.give_up(Cause.ANSWERED_ELSEWHERE)  # the person refused, on whatever device (sip.md §4.2)
        if event.moved and attempt.device.target is not None and not attempt.device.target.trunk:
            self.on_moved(event.moved)
        cause, next_step = _meaning(event, attempt.device.target), _onward(event, attempt.device.target)
        if next_step is Onward.REPAIR and attempt.device.repaired is not None and not attempt.rang:
            again = attempt.device.repaired
            self._start(replace(attempt.device, repaired=None), again)
            self._settle_empty()
            return
        if attempt.device.spares and not attempt.rang and event.status in NO_WAY:
            self._start_spare(attempt.device)
            self._settle_empty()
            return
        advance = next_step in (Onward.ADVANCE, Onward.REPAIR)
        if advance and not attempt.rang and self._follow(attempt.device, event):
            return
        is_dead = cause in DEAD and event.reason not in FULL
        self._fail(attempt, Failure(cause, event.release if cause is event.cause else None, advance), event, is_dead=is_dead)

    def _follow(self, device: Device, event: base.Ended) -> bool:
        """A trunk says where to call instead: its addresses come before the next route. Whether one of them is tried now."""
        if event.status in _MOVED and device.elsewhere is not None:
            if device.target is not None:
                self.watch.report(device.target, True, status=event.status)
            found = []
            for place in event.places:
                if len(self._redirects) < MAX_REDIRECTS and place not in self._redirects:
                    there = device.elsewhere(place)
                    if there is not None:
                        self._redirects.add(place)
                        found.append(there)
            self._places[:0] = found
        if not self._places:
            return False
        there = self._places.pop(0)
        self._start(there, there.start)
        self._settle_empty()
        return True

    def _start_spare(self, device: Device) -> None:
        """The next way to a device (RFC 5626 §5.3): nothing was heard on this one."""
        way, *others = device.spares
        self._start(replace(way, spares=tuple(others)), way.start)

    def _fail(self, attempt: _Attempt, failure: Failure, event: base.Ended, *, is_dead: bool) -> None:
        self._failures.append(failure)
        target = attempt.device.target
        if target is not None and event.status != 487:
            self.watch.report(
                target, not is_dead and not failure.advance, status=event.status, retry_after=event.retry_after,
                q850=event.reason, dead=is_dead, pdd=attempt.rang_after,
            )  # fmt: skip
        self._final = attempt.early or (attempt.rang and target is not None and not target.advance_after_ring)
        self._settle_empty()

    def _settle_empty(self) -> None:
        """The stage is over when nothing of it is on its way any more."""
        if not self._attempts and self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _may_advance(self) -> bool:
        """After the last failure: another route only for class A, not once it has rung, never once the caller heard it."""
        return bool(self._failures) and self._failures[-1].advance and not self._final

    def _verdict(self) -> Failure:
        """Busy if any was busy, else the first of the ranking that happened, congestion last (sip.md §4.2, hunting)."""
        last = self._failures[-1] if self._failures else Failure(Cause.UNREACHABLE)
        ranked = (failure for cause in _RANKING for failure in self._failures if failure.cause is cause)
        return next(ranked, next((each for each in self._failures if each.cause is not Cause.CONGESTION), last))

    def give_up(self, cause: Cause) -> None:
        """Ends every attempt that is still on its way."""
        release = self.taken_back() if cause is Cause.CANCELLED else None
        for attempt in self._attempts.values():
            if attempt.leg is not None and not attempt.leg.is_ended:
                attempt.leg.hang_up(cause, release=release)
                self.timeline.emit(ev.LegEnded(leg=attempt.leg.id, cause=cause.word, by="us"))
        self._attempts.clear()


def _meaning(event: base.Ended, target: Target | None) -> Cause:
    """Refused credentials are the trunk's fault, not the caller's; a phone that says nothing is not there."""
    if event.status in (401, 407):
        return Cause.NETWORK_FAILURE
    is_phone = target is not None and not target.trunk
    is_silent = event.cause is Cause.NO_USER_RESPONSE and event.release is None
    return Cause.UNREACHABLE if is_phone and is_silent else event.cause


def _onward(event: base.Ended, target: Target | None) -> Onward:
    """What a refusal means for the next route. Phones have none: whoever is rung after them is rung anyway."""
    if event.release is None:
        return Onward.ADVANCE if event.cause in ADVANCE else Onward.STOP
    if target is None:
        return Onward.STOP
    return onward(event.status, event.reason, advance=target.advance, stop=target.stop)


_RANKING = (Cause.BUSY, Cause.REJECTED, Cause.NO_ANSWER, Cause.UNALLOCATED, Cause.INVALID_NUMBER, Cause.FORBIDDEN)
