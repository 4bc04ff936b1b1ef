"""The reserve at work: proposes or calls up the tiers of a queue, waits for people to acknowledge, sends them home again.

Who is called gets a message on the page and a mail, and has a minute; then the next one is called. Who acknowledges serves the
queue until the step is released. Standing and people live in memory: after a restart steps begin anew.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import structlog
from sqlalchemy import insert, update
from sqlalchemy.exc import SQLAlchemyError

from softswitch.alerting.conditions import QueueFacts
from softswitch.alerting.history import Write
from softswitch.alerting.reserve import EVERY_SECONDS, STEPS, Decision, Seen, Standing, decide
from softswitch.alerting.tables import reserve
from softswitch.directory.model import ReserveTier
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, NotFound, SwitchError
from softswitch.model.events import AgentMessage, Event, ReserveCalled, ReserveReleased

log = structlog.get_logger("reserve")
ACKNOWLEDGE_SECONDS = 60.0
LOOK_SECONDS = 1.0
STAFFING = 1.1
"""Agents for each Erlang of offered load."""


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    step: int
    state: Literal["called", "came", "missed"]
    at: float


@dataclass(frozen=True, slots=True)
class Proposal:
    step: int
    why: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    clock: Clock
    directory: Callable[[], Snapshot]
    facts: Callable[[], Iterable[QueueFacts]]
    arrivals: Callable[[str], int]
    """Calls of a queue in the last 15 minutes."""
    usual: Callable[[str, float], Awaitable[float | None]]
    """`await usual(queue, now)`: calls of this hour by the forecast."""
    journal: Callable[[Event], None]
    put: Callable[[Write], object]
    alarms: AlarmSink
    enlist: Callable[[str, str], Awaitable[object]]
    """`await enlist(login, queue)`: the agent serves the queue from now on."""
    dismiss: Callable[[str, str], Awaitable[object]]
    tell: Callable[[str, str, str], Awaitable[object]]
    """`await tell(login, subject, text)`: by mail, when there is one."""


@dataclass(slots=True)
class QueueReserve:
    """One queue's reserve now."""

    standing: Standing = field(default_factory=Standing)
    people: dict[str, Person] = field(default_factory=dict)
    proposal: Proposal | None = None
    wanted: int = 0
    """How many of the newest step are needed."""
    level_before: float | None = None


class Reserve:
    """Owned by the loop; `run()` is the task."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queues: dict[str, QueueReserve] = {}

    def view(self, queue: str) -> QueueReserve:
        """Raises NotFound for a queue without tiers."""
        if not self._tiers(queue):
            raise NotFound(f"The queue {queue} has no reserve")
        return self._queues.setdefault(queue, QueueReserve())

    def queues(self) -> list[str]:
        return sorted({tier.queue for tier in self._parts.directory().reserve_tiers.values()})

    async def run(self) -> None:
        due = 0.0
        while True:
            if self._parts.clock.now() >= due:
                due = self._parts.clock.now() + EVERY_SECONDS
                await self.evaluate()
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def evaluate(self) -> None:
        """The five-minute look at every queue that has a reserve."""
        with_reserve = set(self.queues())
        for facts in list(self._parts.facts()):
            if facts.name in with_reserve and (facts.open or self.view(facts.name).standing.step):
                await self._evaluate(facts)

    async def _evaluate(self, facts: QueueFacts) -> None:
        here, now = self.view(facts.name), self._parts.clock.utc()
        seen = Seen(goal=facts.goal, growth=await self._growth(facts.name, now), service_level=facts.service_level,
                    longest_wait=facts.longest_wait)  # fmt: skip
        decision = decide(here.standing, seen, now)
        if decision.what == "release":
            await self._release(facts.name, decision.why, "system")
        elif decision.what == "call":
            await self._wanted(facts, decision, now)
        else:
            here.standing = decision.standing
            self._withdraw(facts.name)

    async def _growth(self, queue: str, now: float) -> float | None:
        """This hour at the pace of the last 15 minutes by what is usual."""
        try:
            usual = await self._parts.usual(queue, now)
        except (SQLAlchemyError, OSError) as error:
            log.warning("! no forecast", queue=queue, error=str(error))
            return None
        return 4.0 * self._parts.arrivals(queue) / usual if usual else None

    async def _wanted(self, facts: QueueFacts, decision: Decision, now: float) -> None:
        tier = self._tiers(facts.name).get(decision.step)
        here = self.view(facts.name)
        if tier is None:  # nobody is in this step: the next look may go on to the one after it
            here.standing = replace(decision.standing, exhausted=True)
        elif tier.automatic:
            await self._call(facts, decision.step, decision.why, "system")
        else:
            here.proposal = Proposal(decision.step, decision.why, now)
            text = f"Call up step {decision.step} of {facts.name}: {decision.why}"
            self._parts.alarms.raise_("reserve_proposed", "major", text, f"queue:{facts.name}")

    def _withdraw(self, queue: str) -> None:
        self._queues[queue].proposal = None
        self._parts.alarms.clear("reserve_proposed", f"queue:{queue}")

    # by people

    async def call(self, queue: str, actor: str, step: int = 0) -> None:
        """Calls up the next step, or the proposed one. Raises NotFound, Conflict when all are called."""
        here = self.view(queue)
        step = step or (here.proposal.step if here.proposal else here.standing.step + 1)
        if step <= here.standing.step or step > STEPS or step not in self._tiers(queue):
            raise Conflict(f"Step {step} of {queue} is called already, or has nobody")
        facts = next((facts for facts in self._parts.facts() if facts.name == queue), QueueFacts(name=queue))
        await self._call(facts, step, here.proposal.why if here.proposal else "", actor)

    async def release(self, queue: str, actor: str) -> None:
        """Sends the newest step home. Raises NotFound, Conflict when none is called."""
        if self.view(queue).standing.step == 0:
            raise Conflict(f"No step of {queue} is called")
        await self._release(queue, "by hand", actor)

    async def acknowledge(self, queue: str, login: str) -> None:
        """The person comes. Raises NotFound, Conflict when it was not called or is too late."""
        here = self.view(queue)
        person = here.people.get(login)
        if person is None or person.state == "missed" or person.step > here.standing.step:
            raise Conflict("You are not called, or somebody else is already")
        if person.state == "called":
            await self._parts.enlist(login, queue)
            here.people[login] = replace(person, state="came", at=self._parts.clock.utc())

    # steps

    async def _call(self, facts: QueueFacts, step: int, why: str, actor: str) -> None:
        here, now = self.view(facts.name), self._parts.clock.utc()
        here.standing, here.level_before = Standing(step, now), facts.service_level
        here.wanted = max(1, math.ceil(facts.load * STAFFING) - facts.agents)
        self._withdraw(facts.name)
        people = await self._call_next(facts.name, here.wanted)
        automatic = actor == "system"
        row = {"queue": facts.name, "step": step, "why": why, "automatic": automatic, "called_at": now, "released_at": None,
               "effect": ""}  # fmt: skip
        self._parts.put(lambda connection: connection.execute(insert(reserve).values(row)))
        event = ReserveCalled(at=now, actor=actor, queue=facts.name, step=step, why=why, people=people, automatic=automatic)
        self._parts.journal(event)

    async def _call_next(self, queue: str, count: int) -> tuple[str, ...]:
        """Calls so many more members of the newest step; fewer when there are no more."""
        here, now = self._queues[queue], self._parts.clock.utc()
        tier = self._tiers(queue).get(here.standing.step)
        free = [login for login in (tier.members if tier else ()) if login not in here.people][:count]
        for login in free:
            here.people[login] = Person(login, here.standing.step, "called", now)
            text = f"请支援队列 {queue},60秒内确认。 Please help the queue {queue}; acknowledge within 60 seconds."
            self._parts.journal(AgentMessage(at=now, actor="system", text=text, to=f"agent:{login}"))
            await self._safely(self._parts.tell(login, f"支援 Reserve: {queue}", text), login)
        return tuple(free)

    async def look(self) -> None:
        """Who has not come within a minute is passed over; a step nobody is left of is used up."""
        now = self._parts.clock.utc()
        for queue, here in list(self._queues.items()):
            for person in list(here.people.values()):
                if person.state == "called" and now - person.at >= ACKNOWLEDGE_SECONDS:
                    here.people[person.login] = replace(person, state="missed", at=now)
            standing = here.standing
            if not standing.step or standing.exhausted:
                continue
            mine = [person for person in here.people.values() if person.step == standing.step and person.state != "missed"]
            if len(mine) < here.wanted:
                mine += [here.people[login] for login in await self._call_next(queue, here.wanted - len(mine))]
            if len(mine) < here.wanted and not any(person.state == "called" for person in mine):
                self._used_up(queue)

    def _used_up(self, queue: str) -> None:
        here = self._queues[queue]
        here.standing = replace(here.standing, exhausted=True)
        log.info("= reserve step used up", queue=queue, step=here.standing.step)
        if here.standing.step == STEPS:
            self._parts.alarms.raise_(
                "reserve_exhausted", "major", f"All of the reserve of {queue} is called", f"queue:{queue}"
            )

    async def _release(self, queue: str, why: str, actor: str) -> None:
        here, now = self._queues[queue], self._parts.clock.utc()
        step = here.standing.step
        people = [person for person in here.people.values() if person.step == step]
        came = tuple(person.login for person in people if person.state == "came")
        for person in people:
            del here.people[person.login]
            if person.state == "came":
                await self._safely(self._parts.dismiss(person.login, queue), person.login)
        level = next((facts.service_level for facts in self._parts.facts() if facts.name == queue), None)
        effect = f"{_percent(here.level_before)} → {_percent(level)}"
        open_ = (reserve.c.queue == queue) & (reserve.c.step == step) & reserve.c.released_at.is_(None)
        self._parts.put(lambda c: c.execute(update(reserve).where(open_).values(released_at=now, effect=effect)))
        here.standing = Standing(step - 1, now, exhausted=step > 1)
        here.wanted = 0
        self._parts.alarms.clear("reserve_exhausted", f"queue:{queue}")
        self._parts.journal(ReserveReleased(at=now, actor=actor, queue=queue, step=step, people=came, why=why))

    async def _safely(self, work: Awaitable[object], login: str) -> None:
        """One person who cannot be told or changed must not hold up the others."""
        try:
            await work
        except SwitchError as error:
            log.warning("! reserve", login=login, error=str(error))

    def _tiers(self, queue: str) -> dict[int, ReserveTier]:
        return {tier.step: tier for tier in self._parts.directory().reserve_tiers.values() if tier.queue == queue}


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"
