"""How callers come to a queue and how they leave it: checks at the door, the stay, overflow hops, callback, survey.

One `Trail` per call keeps its place through all hops. Runs in the calls' tasks; a tick looks at waiting callers every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from softswitch.acd import commands as c
from softswitch.acd import overflow
from softswitch.acd.around import Kept, Surroundings
from softswitch.acd.entry import PROMPTS, Arrival, Refusal, Staffing, Why, refusal
from softswitch.acd.overflow import Exit, Moment, Trail
from softswitch.acd.visit import Floor, Result, Stay, Talked
from softswitch.acd.waiting import WaitingSound, Wishes
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.centre import Need
from softswitch.directory.model import Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.lists.model import Entry
from softswitch.lists.order import Rule
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import NotFound

log = structlog.get_logger("acd")

TICK = 1.0
"""Seconds between looks at the callers of queues with overflow rules."""
LOWEST = -100
"""Points of a caller who waits behind everybody, whatever the queue adds."""


class Options(Protocol):
    """What a flow says about one stay; absent and empty: as the queue has it."""

    @property
    def importance(self) -> int | None: ...

    @property
    def needs(self) -> Mapping[str, int]: ...

    @property
    def music(self) -> str: ...

    @property
    def welcome(self) -> tuple[str, ...]: ...


class _Plain:
    importance: int | None = None
    needs: Mapping[str, int] = {}
    music = ""
    welcome: tuple[str, ...] = ()


PLAIN: Options = _Plain()


class Front(Floor, Protocol):
    """What the reception needs of the service."""

    around: Surroundings

    @property
    def now(self) -> float: ...

    @property
    def snapshot(self) -> Snapshot: ...

    async def stay(self, stay: Stay, entry: c.Enqueue) -> Result:
        """Registers the stay and lets it wait."""

    def new_visit(self) -> str: ...

    def stays(self) -> list[Stay]: ...

    def waiting(self, queue: str) -> int: ...

    def staffing(self, queue: str) -> Staffing: ...

    def predicted(self, visit: str) -> tuple[int, int]:
        """Mean and 80th percentile of the rest of a visit's wait, ms; -1 = unknown."""

    def note(self, call: Call, event: ev.Event) -> None:
        """An event of a visit that the core never saw: counted and told like the others."""


class Reception:
    """Owned by the service. `start()` begins the tick."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._trails: dict[str, Trail] = {}
        self._timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ handlers

    async def to_queue(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `queue:NAME`. Whoever cannot be served hears why before the call ends."""
        outcome = await self.enter(call, destination.name)
        if outcome.ending is None:
            if outcome.result == "timeout":
                await call.play(["no-agents"])
            elif outcome.value in tuple(Why):
                await call.play([PROMPTS[Why(outcome.value)]])
        return outcome

    async def to_callback(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `callback:QUEUE`: the caller confirms a number, hangs up and keeps the place."""
        queue = self._front.snapshot.queues.get(destination.name)
        desk = self._front.around.callbacks
        if queue is None or desk is None:
            return Outcome.failed(Cause.UNALLOCATED)
        await call.answer()
        number = await desk.ask(call, queue)
        if not number:
            return Outcome("failed", Cause.REJECTED, value="declined")
        trail = self._trails.get(call.id)
        await desk.keep(call, queue, number, trail.first if trail is not None else self._front.now)
        return Outcome.ended(Ending("system", Cause.NORMAL))

    async def enter(self, call: Call, name: str, options: Options = PLAIN) -> Outcome:
        """Waits in the queue and talks to an agent; overflow destinations are tried here.

        Without an ending: `timeout` nobody had time, `unreachable` there is no such queue, `failed` with `value` listed,
        emergency, closed, full, empty.
        """
        front, call.front = call.front, False
        trail = self._trail(call)
        name = self._class_queue(call, name, trail)
        known = front or trail.returns
        while True:
            queue = self._front.snapshot.queues.get(name)
            if queue is None:
                return Outcome.failed(Cause.UNALLOCATED)
            if not known:
                if (refused := self._check(call, queue)) is not None:
                    return await self._turn_away(call, queue, refused)
                if (met := await self._meet_callback(call, queue, trail)) is not None:
                    return met
            again = front or name in trail.visited
            known = True
            trail.visited = [*trail.visited, name]
            result = await self._stay(call, queue, trail, options, front=front, again=again)
            if isinstance(result, Talked) and result.returns:
                front = True
                continue
            front = False
            outcome = await self._after(call, queue, trail, result)
            if outcome is not None:
                return outcome

    def call_over(self, call: str) -> None:
        self._trails.pop(call, None)

    # ------------------------------------------------------------------ at the door

    def _trail(self, call: Call) -> Trail:
        front, trail = self._front, self._trails.get(call.id)
        if trail is None:
            desk = front.around.callbacks
            claimed = desk.claimed(call) if desk is not None else None
            trail = Trail(front.now) if claimed is None else Trail(claimed, returns=True)
            self._trails[call.id] = trail
        return trail

    def _class_queue(self, call: Call, name: str, trail: Trail) -> str:
        """A caller of the VIP list goes to the queue that is named there."""
        vip = self._vip(call)
        if vip is None or not vip.queue or trail.visited or vip.queue not in self._front.snapshot.queues:
            return name
        return vip.queue

    def _vip(self, call: Call) -> Entry | None:
        return self._front.around.lists.vip(call.facts.caller)

    def _check(self, call: Call, queue: Queue) -> Refusal | None:
        front, around = self._front, self._front.around
        verdict = around.lists.judge(call.facts.caller, "in")
        return refusal(
            queue,
            Arrival(
                number=call.facts.caller, at=around.utc(),
                white=verdict.entry if verdict.rule is Rule.WHITELIST else None,
                black=verdict.entry if verdict.rule is Rule.BLACKLIST else None,
                emergency=around.emergencies(queue.name), calendar=around.calendar(queue.calendar),
                waiting=front.waiting(queue.name), staffing=front.staffing(queue.name),
            ),
        )  # fmt: skip

    async def _turn_away(self, call: Call, queue: Queue, refused: Refusal) -> Outcome:
        """Counted as a visit of no length (product.md §4), then the exit of its own."""
        visit, to = self._front.new_visit(), str(refused.to) if refused.to else ""
        log.info("x not admitted", call=call.id, queue=queue.name, why=str(refused.why), rule=refused.rule)
        self._front.note(call, ev.QueueEntered(queue=queue.name, visit=visit, position=0))
        self._front.note(
            call, ev.QueueLeft(queue=queue.name, visit=visit, result="closed", wait_ms=0, to=to, rule=str(refused.why))
        )
        if refused.to is not None:
            return await call.go(refused.to)
        if refused.why in (Why.EMERGENCY, Why.LISTED):
            await call.play([refused.prompt])
            return Outcome.ended(Ending("system", Cause.NORMAL if refused.why is Why.EMERGENCY else Cause.REJECTED))
        return Outcome("failed", Cause.UNREACHABLE, value=str(refused.why))

    async def _meet_callback(self, call: Call, queue: Queue, trail: Trail) -> Outcome | None:
        """A caller who waits for a callback of this queue already; None: joins the line."""
        desk = self._front.around.callbacks
        kept: Kept | None = desk.of(queue.name, call.facts.caller) if desk is not None else None
        if desk is None or kept is None:
            return None
        await call.answer()
        choice = await desk.meet(call, queue, kept)
        if choice == "keep":
            return Outcome.ended(Ending("system", Cause.NORMAL))
        if choice == "swap":
            trail.first = min(trail.first, kept.entered)
        return None

    # ------------------------------------------------------------------ the stay

    async def _stay(
        self, call: Call, queue: Queue, trail: Trail, options: Options, *, front: bool, again: bool
    ) -> Result:  # fmt: skip
        """`again`: the caller has been here and was welcomed."""
        entry = await self._entry(call, queue, trail, options, front=front)
        wishes = Wishes(options.music, () if again else tuple(options.welcome) or queue.welcome)
        desk = self._front.around.callbacks

        async def ask(asked: Call, wanted: Queue) -> str:
            return await desk.ask(asked, wanted) if desk is not None else ""

        def sound(stay: Stay) -> WaitingSound:
            return WaitingSound(call, queue, stay.visit, self._front, stay.leave, ask, wishes, consented=again)

        stay = Stay(self._front, call, queue, entry.visit, sound)
        if overflow.has_rules(queue):
            self._rearm()
        return await self._front.stay(stay, entry)

    async def _entry(self, call: Call, queue: Queue, trail: Trail, options: Options, *, front: bool) -> c.Enqueue:
        around, number = self._front.around, call.facts.caller
        await around.introduced(call)
        waited = max(self._front.now - trail.first, self._waited_before_restart(queue, number))
        needs = tuple(Need(skill=skill, level=level) for skill, level in options.needs.items())
        return c.Enqueue(
            self._front.new_visit(), call.id, queue.name, max(0.0, waited), importance=self._importance(call, options),
            needs=needs, number=number, front=front,
            sticky=await around.acquaintances(call, queue) if queue.sticky else (),
        )  # fmt: skip

    def _waited_before_restart(self, queue: Queue, number: str) -> float:
        """Of a caller who gave up a moment before the process died; the core knows the others (`return_within`)."""
        entered, left = self._front.around.returned.get((queue.name, number), (0.0, float("-inf")))
        now = self._front.now
        return now - entered if queue.return_within and now - left <= queue.return_within else 0.0

    def _importance(self, call: Call, options: Options) -> int:
        """The caller's points: those of the flow or of the customer, at least those of the VIP list."""
        verdict = self._front.around.lists.judge(call.facts.caller, "in")
        if verdict.rule is Rule.BLACKLIST:
            return LOWEST
        said = call.variables.get("importance", "")
        points = options.importance if options.importance is not None else int(said) if said.lstrip("-").isdecimal() else 0
        vip = self._vip(call)
        return max(points, vip.importance if vip is not None else points)

    # ------------------------------------------------------------------ afterwards

    async def _after(self, call: Call, queue: Queue, trail: Trail, result: Result) -> Outcome | None:
        """What becomes of the call; None: back to the old place in this queue."""
        if isinstance(result, Talked):
            self._trails.pop(call.id, None)
            return await self._after_talk(call, queue, result)
        if isinstance(result, Exit):
            return await self._go_on(call, queue, trail, result)
        return result

    async def _go_on(self, call: Call, queue: Queue, trail: Trail, exit_: Exit) -> Outcome | None:
        to = exit_.to
        if to is None:
            return Outcome("failed", Cause.UNREACHABLE, value=str(Why.EMPTY))
        if not exit_.chosen:
            if not trail.allows(to):  # the core's timers do not know where the call has been
                return Outcome("timeout", Cause.NO_ANSWER) if exit_.rule == "max_wait" else None
            trail.hops += 1
        if exit_.number:
            desk = self._front.around.callbacks
            if desk is not None:
                await desk.keep(call, self._front.snapshot.queues.get(to.name, queue), exit_.number, trail.first)
            return Outcome.ended(Ending("system", Cause.NORMAL))
        outcome = await call.go(to)
        if outcome.ending is None and to.kind in _MAY_FAIL:
            trail.spent.add(to)
            return None
        return outcome

    async def _after_talk(self, call: Call, queue: Queue, talked: Talked) -> Outcome:
        """The agent went first: the caller may be asked how it was."""
        ended = Outcome.ended(talked.ending)
        if not queue.survey or talked.ending.who != "agent" or call.conversation.is_live or call.ending is not None:
            return ended
        if (why := self._why_not_asked(call, queue, talked)) is not None:
            call.emit(ev.SurveySkipped(survey=queue.survey, why=why, queue=queue.name, agent=talked.agent))
            return ended
        self._front.around.invited(call.facts.caller)
        call.emit(ev.SurveyInvited(survey=queue.survey, queue=queue.name, agent=talked.agent))
        await call.go(Destination(DestinationKind.FLOW, queue.survey))
        return ended

    def _why_not_asked(self, call: Call, queue: Queue, talked: Talked) -> str | None:
        """Nobody is chosen by the agent: share, seven days, no failed calls, nobody from the blacklist (§10.2)."""
        around, number = self._front.around, call.facts.caller
        if talked.ending.cause is not Cause.NORMAL:
            return "failed call"
        if around.lists.judge(number, "in").rule is Rule.BLACKLIST:
            return "listed"
        if around.surveyed(number):
            return "asked lately"
        return "not drawn" if around.dice() * 100 >= queue.survey_percent else None

    # ------------------------------------------------------------------ the tick

    def _rearm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        """Looks at every caller who waits in a queue with rules."""
        self._timer = None
        watched = [stay for stay in self._front.stays() if overflow.has_rules(stay.queue)]
        for stay in watched:
            self._look(stay)
        if watched:
            self._rearm()

    def _look(self, stay: Stay) -> None:
        front, trail = self._front, self._trails.get(stay.call.id)
        queue = front.snapshot.queues.get(stay.queue.name)
        if queue is None or trail is None or not front.position(stay.visit):
            return
        if (exit_ := overflow.leaves(queue, self._moment(stay, queue), trail)) is not None:
            stay.leave(exit_)

    def _moment(self, stay: Stay, queue: Queue) -> Moment:
        front, around = self._front, self._front.around
        calendar = around.calendar(queue.calendar)
        predicted = front.predicted(stay.visit)[0]
        return Moment(
            place=front.position(stay.visit), signed_in=front.staffing(queue.name).signed_in,
            predicted=predicted / 1000 if predicted >= 0 else None, open=calendar.open,
            closes_in=calendar.until - around.utc() if calendar.open and calendar.until is not None else None,
            minute=around.local_minute(queue.calendar),
        )  # fmt: skip

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def skip(self, call: str) -> bool:
        """Forgets the place that a call keeps; False when it keeps none."""
        return self._trails.pop(call, None) is not None

    def queue(self, name: str) -> Queue:
        """Raises NotFound."""
        found = self._front.snapshot.queues.get(name)
        if found is None:
            raise NotFound(f"there is no queue {name}")
        return found


_MAY_FAIL = frozenset({
    DestinationKind.OUTSIDE, DestinationKind.EXTENSION, DestinationKind.CALLBACK, DestinationKind.VOICEMAIL,
    DestinationKind.AGENT,
})  # fmt: skip
"""Destinations that may not take the caller: then it goes back to the old place."""
