"""Importance and waiting time (call-centre.md §5.3): the line in order, against the plain comparison of the source."""

from __future__ import annotations

import itertools
import random

import pytest

from softswitch.acd import commands as c
from softswitch.acd.config import place_key, priority
from softswitch.acd.core import AcdCore
from softswitch.acd.line import Heap, Line
from softswitch.acd.model import AcdConfig, Visit
from softswitch.directory.centre import Agent, Queue
from softswitch.model.events import OfferMade, QueueRekeyed

OPERATIONS = 100_000


def test_examples_of_the_specification() -> None:
    queue = Queue(name="sales")
    assert priority(queue, 20, 0.0, 100.0) == pytest.approx(36)
    assert priority(queue, 60, 100.0, 100.0) == pytest.approx(48)
    assert priority(queue, 20, 0.0, 161.0) == pytest.approx(48.2)
    assert place_key(queue, 60, 100.0) > place_key(queue, 20, 0.0), "40 points overtake whoever came less than 160 s before"
    assert place_key(queue, 60, 161.0) < place_key(queue, 20, 0.0)


def seeds_first(waiting: list[Visit], queue: Queue, now: float) -> Visit:
    """The source's way: from the head of the list, whoever has the larger priority; equal ones in the order of entry."""
    best = waiting[0]
    for visit in waiting[1:]:
        mine, other = (priority(queue, one.importance, one.entered_at, now) for one in (visit, best))
        if mine > other + 1e-7 or (abs(mine - other) <= 1e-7 and (visit.entered_at, visit.id) < (best.entered_at, best.id)):
            best = visit
    return best


@pytest.mark.parametrize("weights", [(0.8, 0.2), (0.5, 0.5), (0.99, 0.01)])
def test_line_and_heap_agree_with_the_comparison_one_by_one(weights: tuple[float, float]) -> None:
    dice = random.Random(7)
    queue = Queue(name="sales", weight_importance=weights[0], weight_waited=weights[1])
    line, heap, waiting = Line[Visit](), Heap[Visit](), list[Visit]()
    now = 1_700_000_000.0
    for number in range(OPERATIONS // 3):
        now = round(now + dice.random(), 3)
        if (len(waiting) < 25 and dice.random() < 0.55) or not waiting:
            entered_at = now - dice.choice((0, 0, dice.randint(0, 200)))
            visit = Visit(f"v{number}", "c", "sales", entered_at, now, importance=dice.choice((0, 20, 40, 60, 100)))
            visit.key = place_key(queue, visit.importance, entered_at)
            waiting.append(visit)
            line.add(visit)
            heap.add(visit)
        elif dice.random() < 0.2:  # gives up, or another importance
            visit = dice.choice(waiting)
            line.remove(visit.id)
            heap.remove(visit.id)
            if dice.random() < 0.5:
                waiting.remove(visit)
            else:
                visit.importance = dice.randint(0, 100)
                visit.key = place_key(queue, visit.importance, visit.entered_at)
                line.add(visit)
                heap.add(visit)
        else:
            visit = seeds_first(waiting, queue, now)
            assert line.first() is visit
            assert heap.first() is visit
            assert line.position(visit) == 1
            waiting.remove(visit)
            line.remove(visit.id)
            heap.remove(visit.id)
    assert len(line) == len(heap) == len(waiting)
    assert [visit.id for visit in line] == [visit.id for visit in sorted(waiting, key=lambda visit: visit.place)]


class Room:
    """Nobody is free until `take`."""

    def __init__(self, **settings: object) -> None:
        numbers = itertools.count()
        queues = {"sales": Queue(name="sales", wrap_up_mode="none", **settings)}  # type: ignore[arg-type]
        self.core = AcdCore(AcdConfig({"li": Agent(login="li", queues=("sales",))}, queues), lambda: f"o{next(numbers)}")
        self.now = 1000.0
        self.core.submit(c.Login("li", "browser"), self.now)
        self.core.submit(c.DeviceChanged("li", reachable=True), self.now)

    def enter(self, visit: str, importance: int = 0, waited: float = 0.0, **more: object) -> None:
        self.core.submit(c.Enqueue(visit, f"c-{visit}", "sales", waited, importance, **more), self.now)  # type: ignore[arg-type]

    def wait(self, seconds: float) -> list[object]:
        self.now += seconds
        return list(self.core.handle_timeout(self.now))

    def take(self) -> str:
        """Who is served next."""
        events = self.core.submit(c.Ready("li"), self.now)
        (made,) = [event for event in events if isinstance(event, OfferMade)]
        self.core.submit(c.OfferAccepted(made.offer), self.now)
        self.core.submit(c.NotReady("li", "pause"), self.now)
        self.core.submit(c.Released("li", f"c-{made.visit}"), self.now)
        return made.visit


def test_importance_overtakes_within_its_head_start_only() -> None:
    room = Room()
    room.enter("old")
    room.wait(170)
    room.enter("plain", 20)
    room.wait(155)
    room.enter("vip", 60)
    assert [room.take() for _ in range(3)] == ["old", "vip", "plain"]


def test_fcfs_ignores_importance() -> None:
    room = Room(choice="fcfs")
    room.enter("first", 0)
    room.wait(1)
    room.enter("vip", 100)
    assert [room.take(), room.take()] == ["first", "vip"]


def test_nobody_starves_behind_important_callers() -> None:
    room = Room(weight_importance=0.99, weight_waited=0.01, max_wait_guard=600.0)
    room.enter("plain")
    room.wait(599)
    room.enter("vip1", 100)
    events = room.wait(1)
    assert [(event.visit, event.why) for event in events if isinstance(event, QueueRekeyed)] == [("plain", "guard")]
    room.enter("vip2", 100)
    assert room.take() == "plain"


def test_the_head_of_the_line_is_first_come_first_served() -> None:
    room = Room()
    room.enter("waiting", 100)
    room.wait(5)
    room.enter("returned", 0, 30.0, front=True)
    room.enter("earlier", 0, 60.0, front=True)
    assert [room.take() for _ in range(3)] == ["earlier", "returned", "waiting"]


def test_late_identification_moves_the_caller_and_keeps_the_first_entry() -> None:
    room = Room()
    room.enter("a")
    room.wait(10)
    room.enter("b")
    room.core.submit(c.Rekey("b", importance=50), room.now)
    assert [room.core.position(room.core.state.visits[name]) for name in ("a", "b")] == [2, 1]
    assert room.core.state.visits["b"].entered_at == room.now
    assert room.take() == "b"


def test_importance_is_clamped_and_has_the_queues_share() -> None:
    room = Room(importance=30)
    room.enter("a", 90)
    assert (room.core.state.visits["a"].importance, room.core.state.visits["a"].points) == (100, 90)


def test_who_gave_up_and_rings_again_gets_the_old_place() -> None:
    room = Room(return_within=60.0)
    room.enter("a", number="13800138000")
    room.wait(30)
    room.enter("b")
    room.core.submit(c.Leave("a"), room.now)
    room.wait(50)
    room.enter("again", number="13800138000")
    assert room.core.state.visits["again"].entered_at == 1000.0
    assert room.take() == "again"
    room.enter("third", number="13800138000")
    assert room.core.state.visits["third"].entered_at == room.now, "the place is given back once"


def test_ahead_counts_who_would_be_served_before() -> None:
    room = Room()
    for number in range(5):
        room.enter(f"v{number}", 20)
    room.wait(10)
    assert (room.core.ahead("sales", 0), room.core.ahead("sales", 60)) == (5, 0)
