"""The forward simulation against what is known exactly, and where it is needed: shared, few and regular agents."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import pairwise

import pytest

from softswitch.prediction.contacts import Contacts
from softswitch.prediction.forward import Caller, Seat, Traffic, simulate
from softswitch.prediction.recursion import Line, predict


def dice() -> random.Random:
    return random.Random(7)


def house(agents: int, elapsed: float | None = 60.0) -> list[Seat]:
    return [Seat(queues=frozenset({"a"}), elapsed=elapsed, contact="a") for _ in range(agents)]


@pytest.mark.parametrize("ahead", [0, 3, 12])
def test_agrees_with_the_recursion_where_that_is_exact(ahead: int) -> None:
    line = [Caller(queue="a", key=-place) for place in range(ahead + 1)]
    found = simulate(house(10), line, {"a": Traffic(occupied=180, giving_up=1 / 240)}, dice(), runs=3000)[-1]
    exact = predict(ahead, Line(agents=10, occupied=180, giving_up=1 / 240))
    assert found.mean == pytest.approx(exact.mean, rel=0.05)
    assert found.p80 == pytest.approx(exact.p80, rel=0.06)


def test_callers_with_more_importance_go_before() -> None:
    """Arrivals within the head start of 160 s overtake; later ones do not."""
    traffic = {"a": Traffic(occupied=180, giving_up=1 / 240, arrivals=((0.8 * 40, 0.006),), key_slope=0.2)}
    found = simulate(house(5), [Caller(queue="a", key=0.0)], traffic, dice(), runs=3000)[0]
    line = Line(agents=5, occupied=180, giving_up=1 / 240, overtaking=0.006, head_start=160)
    assert found.mean == pytest.approx(predict(0, line).mean, rel=0.08)


def test_a_free_agent_means_no_wait() -> None:
    found = simulate(house(1, elapsed=None), [Caller(queue="a", key=0)], {"a": Traffic(occupied=180, giving_up=0)}, dice())[0]
    assert (found.mean, found.p80) == (0.0, 0.0)


def test_elapsed_times_count_when_contacts_are_regular() -> None:
    """All contacts last 100 s and the agent's has lasted 90: ten seconds, not a hundred."""
    contacts = Contacts()
    for _ in range(100):
        contacts.add(100.0)
    seat = Seat(queues=frozenset({"a"}), elapsed=90.0, contact="a")
    found = simulate([seat], [Caller(queue="a", key=0)], {"a": Traffic(occupied=100, giving_up=0, contacts=contacts)}, dice())[
        0
    ]
    assert found.p50 == pytest.approx(10.0)
    assert found.mean < 15


def test_agents_shared_with_a_busier_queue_serve_it_first() -> None:
    both = [Seat(queues=frozenset({"a", "b"}), elapsed=60.0, contact="b") for _ in range(4)]
    traffic = {"a": Traffic(occupied=180, giving_up=0), "b": Traffic(occupied=180, giving_up=0)}
    alone = simulate(both, [Caller(queue="a", key=0)], traffic, dice(), runs=800)[0]
    behind = [Caller(queue="b", key=10 - place) for place in range(5)]
    shared = simulate(both, [*behind, Caller(queue="a", key=0)], traffic, dice(), runs=800)[-1]
    assert alone.mean == pytest.approx(45, rel=0.1)
    assert shared.mean == pytest.approx(6 * 45, rel=0.1)


def test_an_agent_whose_break_is_near_takes_nobody_after_it() -> None:
    seats = [Seat(queues=frozenset({"a"}), elapsed=60.0, contact="a", leaves=0.0), *house(1)]
    traffic = {"a": Traffic(occupied=180, giving_up=0)}
    found = simulate(seats, [Caller(queue="a", key=0)], traffic, dice(), runs=800)[0]
    assert found.mean == pytest.approx(180, rel=0.1)


def test_callers_of_one_instant_are_served_one_after_the_other() -> None:
    """Equal keys: who was told to be third waits for two contacts, not for the first of them."""
    traffic = {"a": Traffic(occupied=180, giving_up=0)}
    found = simulate(house(1), [Caller(queue="a", key=0) for _ in range(4)], traffic, dice(), runs=800)
    assert [round(row.mean / 180) for row in found] == [1, 2, 3, 4]
    assert all(a.mean < b.mean and a.p80 < b.p80 for a, b in pairwise(found))


_PLAY = """
import random
from softswitch.prediction.forward import Caller, Seat, Traffic, simulate
seats = [Seat(queues=frozenset(("gold", "sales", "vip")), elapsed=30.0, contact="gold") for _ in range(3)]
callers = [Caller(queue=name, key=0.0) for name in ("gold", "sales", "vip") for _ in range(3)]
traffic = {name: Traffic(occupied=occupied, giving_up=0.01) for name, occupied in (("gold", 60), ("sales", 180), ("vip", 400))}
print([row.mean for row in simulate(seats, callers, traffic, random.Random(7), 40)])
"""


def test_the_same_dice_say_the_same_in_every_process() -> None:
    """Queues of an agent are a set, whose order is another in each process."""
    said = {
        subprocess.run(
            [sys.executable, "-c", _PLAY], env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True, text=True,
            check=True,
        ).stdout
        for seed in range(1, 5)
    }  # fmt: skip
    assert len(said) == 1
