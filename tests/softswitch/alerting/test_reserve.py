"""The four-step reserve: when a step is called and released, and what happens to the people of it."""

from collections.abc import Callable
from typing import Any

import pytest

from softswitch.alerting.conditions import QueueFacts
from softswitch.alerting.reserve import Seen, Standing, decide, trigger
from softswitch.alerting.roster import Parts, Reserve
from softswitch.directory.model import Kind, ReserveTier
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import Event, ReserveCalled, ReserveReleased
from softswitch.observe.alarms import Alarms


@pytest.mark.parametrize(
    ("step", "seen", "expected"),
    [
        (1, Seen(goal=80, growth=1.10), True), (1, Seen(goal=80, growth=1.09), False),
        (1, Seen(goal=80, service_level=74), True), (1, Seen(goal=80, service_level=75), False),
        (1, Seen(goal=80, longest_wait=61), True), (1, Seen(goal=80, longest_wait=60), False),
        (2, Seen(goal=80, growth=1.20), True), (2, Seen(goal=80, growth=1.19, longest_wait=500), False),
        (2, Seen(goal=80, service_level=69), True), (2, Seen(goal=80, service_level=70), False),
        (3, Seen(goal=80, growth=1.35), True), (3, Seen(goal=80, service_level=59), True),
        (3, Seen(goal=80, growth=1.34, service_level=60), False),
        (4, Seen(goal=80, growth=1.50), True), (4, Seen(goal=80, service_level=49), True),
        (4, Seen(goal=80, growth=1.49, service_level=50), False), (1, Seen(goal=80), False),
    ],
)  # fmt: skip
def test_each_step_has_its_trigger(step: int, seen: Seen, expected: bool) -> None:
    assert bool(trigger(step, seen)) is expected


def test_steps_come_one_by_one_however_bad_it_is() -> None:
    standing, steps = Standing(), []
    for now in (0.0, 300.0, 600.0, 900.0, 1200.0):
        decision = decide(standing, Seen(goal=80, service_level=10), now)
        standing = decision.standing
        steps.append((decision.what, decision.step))
    assert steps == [("call", 1), ("call", 2), ("call", 3), ("call", 4), ("stay", 4)]


def test_a_step_that_is_used_up_and_does_not_help_brings_the_next() -> None:
    seen = Seen(goal=80, service_level=73)
    busy = Standing(1, 0.0)
    assert decide(busy, seen, 600).what == "stay", "somebody of step 1 is still on the way"
    used_up = Standing(1, 0.0, exhausted=True)
    assert decide(used_up, seen, 299).what == "stay"
    decision = decide(used_up, seen, 300)
    assert (decision.what, decision.step) == ("call", 2) and "used up" in decision.why


def test_release_takes_ten_calm_minutes_and_goes_backwards() -> None:
    standing, calm = Standing(2, 0.0, exhausted=True), Seen(goal=80, growth=1.0, service_level=90)
    marks = []
    for now in range(1000, 3200, 300):
        decision = decide(standing, calm, float(now))
        standing = decision.standing
        marks.append((decision.what, standing.step))
    assert marks == [
        ("stay", 2),
        ("stay", 2),
        ("release", 1),
        ("stay", 1),
        ("stay", 1),
        ("release", 0),
        ("stay", 0),
        ("stay", 0),
    ]


def test_not_calm_enough_begins_the_ten_minutes_anew() -> None:
    nearly = Seen(goal=80, service_level=74)  # step 2 comes below 70: calm is 75
    standing = decide(Standing(2, 0.0), Seen(goal=80, service_level=76), 0.0).standing
    standing = decide(standing, nearly, 300.0).standing
    assert standing.calm_since is None
    assert decide(Standing(2, 0.0), Seen(goal=80, growth=1.16, service_level=90), 0.0).standing.calm_since is None


class World:
    def __init__(self, *tiers: ReserveTier) -> None:
        self.clock, self.events, self.told = ManualClock(), [], []  # type: ignore[var-annotated]
        self.working: dict[str, str] = {}
        self.facts = QueueFacts(name="sales", service_level=72.0, calls=20, load=4.0, agents=3)
        self.usual: float | None = None
        self.writes: list[Callable[[Any], object]] = []
        self.alarms = Alarms(self.events.append, self.clock)
        snapshot = Snapshot.of((Kind.RESERVE_TIER, tier) for tier in tiers)
        self.reserve = Reserve(Parts(
            clock=self.clock, directory=lambda: snapshot, facts=lambda: [self.facts], arrivals=lambda _: 30, usual=self._usual,
            journal=self.events.append, put=self.writes.append, alarms=self.alarms, enlist=self._enlist, dismiss=self._dismiss,
            tell=self._tell,
        ))  # fmt: skip

    async def _usual(self, _queue: str, _now: float) -> float | None:
        return self.usual

    async def _enlist(self, login: str, queue: str) -> None:
        self.working[login] = queue

    async def _dismiss(self, login: str, _queue: str) -> None:
        del self.working[login]

    async def _tell(self, login: str, _subject: str, _text: str) -> None:
        self.told.append(login)

    async def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.reserve.look()

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def tier(step: int, *members: str, automatic: bool = True) -> ReserveTier:
    return ReserveTier(name=f"t{step}", step=step, queue="sales", members=members, automatic=automatic)


async def test_people_are_called_come_and_go_home() -> None:
    world = World(tier(1, "a", "b", "c", "d"))
    await world.reserve.evaluate()
    assert world.told == ["a", "b"], "4 Erlang want 5 agents, 3 are there"
    (called,) = world.of(ReserveCalled)
    assert (called.queue, called.step, called.people, called.automatic) == ("sales", 1, ("a", "b"), True)
    await world.reserve.acknowledge("sales", "a")
    assert world.working == {"a": "sales"}
    await world.later(60)
    assert world.told == ["a", "b", "c"], "b did not come: the next one"
    with pytest.raises(Conflict):
        await world.reserve.acknowledge("sales", "b")
    with pytest.raises(Conflict):
        await world.reserve.acknowledge("sales", "nobody")
    await world.reserve.acknowledge("sales", "c")
    world.facts = QueueFacts(name="sales", service_level=95.0, calls=20, load=3.0, agents=5)
    for _ in range(3):
        await world.reserve.evaluate()
        world.clock.advance(300)
    (released,) = world.of(ReserveReleased)
    assert released.people == ("a", "c") and world.working == {}
    assert world.reserve.view("sales").standing.step == 0 and not world.reserve.view("sales").people


async def test_a_step_nobody_is_left_of_is_used_up_and_the_next_one_comes() -> None:
    world = World(tier(1, "a"), tier(2, "x"))
    await world.reserve.evaluate()
    await world.later(60)
    assert world.reserve.view("sales").standing.exhausted
    world.clock.advance(240)
    await world.reserve.evaluate()
    assert [event.step for event in world.of(ReserveCalled)] == [1, 2] and world.told == ["a", "x"]


async def test_a_step_without_a_tier_is_passed_over() -> None:
    world = World(tier(2, "x"))
    await world.reserve.evaluate()
    assert world.told == []
    world.clock.advance(300)
    await world.reserve.evaluate()
    assert world.told == ["x"]


async def test_a_proposal_waits_for_a_supervisor() -> None:
    world = World(tier(1, "a", automatic=False))
    await world.reserve.evaluate()
    assert world.told == [] and [alarm.code for alarm in world.alarms.active()] == ["reserve_proposed"]
    proposal = world.reserve.view("sales").proposal
    assert proposal and proposal.step == 1 and "72 %" in proposal.why
    await world.reserve.call("sales", "wang")
    assert world.told == ["a"] and not world.alarms.active()
    (called,) = world.of(ReserveCalled)
    assert (called.actor, called.automatic, called.why) == ("wang", False, proposal.why)
    with pytest.raises(Conflict):
        await world.reserve.call("sales", "wang")
    await world.reserve.release("sales", "wang")
    with pytest.raises(Conflict):
        await world.reserve.release("sales", "wang")
    with pytest.raises(NotFound):
        await world.reserve.call("support", "wang")


async def test_a_proposal_that_is_not_needed_any_more_goes_away() -> None:
    world = World(tier(1, "a", automatic=False))
    await world.reserve.evaluate()
    world.facts = QueueFacts(name="sales", service_level=95.0, calls=20)
    await world.reserve.evaluate()
    assert world.reserve.view("sales").proposal is None and not world.alarms.active()


async def test_more_calls_than_usual_call_the_reserve_too() -> None:
    world = World(tier(1, "a"))
    world.facts = QueueFacts(name="sales", service_level=95.0, calls=20)
    world.usual = 120.0
    await world.reserve.evaluate()
    assert world.told == []
    world.usual = 100.0  # 30 in 15 minutes are 120 an hour
    await world.reserve.evaluate()
    assert world.told == ["a"] and "1.20 times the forecast" in world.of(ReserveCalled)[0].why
