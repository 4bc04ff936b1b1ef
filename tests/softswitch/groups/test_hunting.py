"""The hunting machine: who rings when, who gets the call, what is said when nobody does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.directory.model import Extension, GroupMember
from softswitch.groups.hunting import ASK, Act, Hunt, Input, Line, Order, Pace, Phase, Rules, Step, verdict
from softswitch.groups.order import in_order, phone_step
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination


def _line(number: int, *, confirm: bool = False) -> Line:
    to = Destination.parse(f"extension:{number}")
    return Line(to, str(to), confirm)


def _hunt(count: int, pace: Pace, **rules: float) -> Hunt:
    return Hunt([Step((_line(1001 + number),)) for number in range(count)], Rules(pace, **rules))


def _done(orders: list[Order], act: Act) -> list[int]:
    return [order.line for order in orders if order.act is act]


def test_together_all_ring_at_once_and_the_first_answer_wins() -> None:
    hunt = _hunt(3, Pace.TOGETHER)
    assert _done(hunt.start(0.0), Act.RING) == [0, 1, 2]
    orders = hunt.heard(1, Input.ANSWERED, 1.0)
    assert _done(orders, Act.WIN) == [1] and _done(orders, Act.CANCEL) == [0, 2]
    assert {order.cause for order in orders if order.act is Act.CANCEL} == {Cause.ANSWERED_ELSEWHERE}
    assert hunt.heard(2, Input.ANSWERED, 1.0) == [], "the second answer in the same moment gets nothing"
    assert hunt.winner == 1


def test_a_cascade_adds_one_each_stagger() -> None:
    hunt = _hunt(3, Pace.CASCADE, stagger=5.0, timeout=30.0)
    assert _done(hunt.start(0.0), Act.RING) == [0]
    assert hunt.deadline == 5.0
    assert _done(hunt.tick(5.0), Act.RING) == [1]
    assert _done(hunt.heard(0, Input.FAILED, 6.0, Cause.BUSY), Act.RING) == [], "one still rings"
    assert _done(hunt.heard(1, Input.FAILED, 7.0), Act.RING) == [2], "nobody rings: the next one at once"
    orders = hunt.tick(30.0)
    assert _done(orders, Act.CANCEL) == [2] and orders[0].cause is Cause.NO_ANSWER
    assert hunt.verdict is Cause.BUSY


def test_one_by_one_each_has_the_ring_time() -> None:
    hunt = _hunt(2, Pace.ONE_BY_ONE, ring_time=20.0, timeout=60.0)
    hunt.start(0.0)
    assert hunt.deadline == 20.0
    orders = hunt.tick(20.0)
    assert [(order.act, order.line) for order in orders] == [(Act.CANCEL, 0), (Act.RING, 1)]
    hunt.tick(40.0)
    assert hunt.verdict is Cause.NO_ANSWER


def test_who_answers_outside_is_asked_and_the_others_ring_on() -> None:
    steps = [Step((_line(1001),)), Step((_line(1002, confirm=True),))]
    hunt = Hunt(steps, Rules(Pace.TOGETHER))
    hunt.start(0.0)
    assert _done(hunt.heard(1, Input.ANSWERED, 3.0), Act.ASK) == [1]
    assert hunt.lines[0].phase is Phase.RINGING and not hunt.is_over
    assert _done(hunt.heard(1, Input.CONFIRMED, 5.0), Act.CANCEL) == [0]
    assert hunt.winner == 1


def test_who_does_not_press_the_key_loses_the_call() -> None:
    hunt = Hunt([Step((_line(1002, confirm=True),))], Rules(Pace.TOGETHER))
    hunt.start(0.0)
    hunt.heard(0, Input.ANSWERED, 3.0)
    assert hunt.deadline == 3.0 + ASK
    assert _done(hunt.tick(3.0 + ASK), Act.CANCEL) == [0]
    assert hunt.verdict is Cause.NO_ANSWER


@pytest.mark.parametrize(
    ("rings", "first", "after"), [("with", 2, 0), ("after", 1, 1), ("instead", 1, 0)]
)  # fmt: skip
def test_a_mobile_rings_with_after_or_instead_of_the_seat(rings: str, first: int, after: int) -> None:
    own = Extension(number="1001", mobile="13800138000", mobile_rings=rings)
    hunt = Hunt([phone_step("1001", {"1001": own})], Rules(Pace.TOGETHER, ring_time=15.0, timeout=60.0))
    assert len(_done(hunt.start(0.0), Act.RING)) == first
    assert {state.line.to.name for state in hunt.lines} == {
        "with": {"1001", "13800138000"}, "after": {"1001"}, "instead": {"13800138000"},
    }[rings]  # fmt: skip
    assert len(_done(hunt.tick(15.0), Act.RING)) == after


def test_a_refusal_ends_the_member_and_not_the_group() -> None:
    own = Extension(number="1001", mobile="13800138000", mobile_rings="after")
    hunt = Hunt([phone_step("1001", {"1001": own}), Step((_line(1002),))], Rules(Pace.TOGETHER))
    hunt.start(0.0)
    orders = hunt.heard(0, Input.FAILED, 1.0, Cause.REJECTED)
    assert _done(orders, Act.RING) == [] and hunt.lines[1].phase is Phase.RINGING, "the mobile is left alone, the other rings"


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([Cause.NO_ANSWER, Cause.BUSY, Cause.CONGESTION], Cause.BUSY),
        ([Cause.NO_USER_RESPONSE, Cause.DO_NOT_DISTURB], Cause.DO_NOT_DISTURB),
        ([Cause.CONGESTION, Cause.NO_USER_RESPONSE], Cause.NO_USER_RESPONSE),
        ([Cause.CONGESTION, Cause.TEMPORARY_FAILURE, Cause.UNALLOCATED], Cause.UNALLOCATED),
        ([Cause.CONGESTION, Cause.TEMPORARY_FAILURE], Cause.TEMPORARY_FAILURE),
        ([Cause.CONGESTION], Cause.CONGESTION),
        ([], Cause.UNREACHABLE),
    ],
)
def test_the_caller_is_told_what_says_most(causes: list[Cause], said: Cause) -> None:
    assert verdict(causes) is said


_MEMBERS = [GroupMember(to=Destination.parse(f"extension:{1000 + number}"), weight=number + 1) for number in range(5)]


@given(st.sampled_from(["random", "weighted"]), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_order_of_everybody(strategy: str, seed: int) -> None:
    def order() -> list[GroupMember]:
        dice = random.Random(seed)
        return in_order(_MEMBERS, strategy, turn=0, idle_since=lambda _m: 0.0, draw=lambda most: dice.randint(0, most))

    assert order() == order() and sorted(order(), key=lambda member: member.to.name) == _MEMBERS


def test_weights_say_how_often_one_is_first() -> None:
    dice = random.Random(7)
    firsts = [
        in_order(_MEMBERS, "weighted", turn=0, idle_since=lambda _m: 0.0, draw=lambda most: dice.randint(0, most))[0].weight
        for _ in range(3000)
    ]
    assert 0.28 < firsts.count(5) / 3000 < 0.39 and 0.04 < firsts.count(1) / 3000 < 0.10


Happening = tuple[int, Input, Cause, float]
_INPUTS: st.SearchStrategy[list[Happening]] = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from([Input.ANSWERED, Input.CONFIRMED, Input.FAILED]),
        st.sampled_from([Cause.BUSY, Cause.NO_ANSWER, Cause.REJECTED, Cause.CONGESTION]), st.floats(0.0, 30.0),
    ),
    max_size=12,
)  # fmt: skip


@given(st.sampled_from(list(Pace)), st.lists(st.booleans(), min_size=0, max_size=4), _INPUTS)
def test_it_always_ends_and_at_most_one_has_the_call(pace: Pace, confirm: list[bool], inputs: list[Happening]) -> None:
    """Whatever happens in whatever order: one winner or one verdict, nobody rings afterwards, no line rings twice."""
    steps = [Step((_line(1001 + number, confirm=each),)) for number, each in enumerate(confirm)]
    hunt, now = Hunt(steps, Rules(pace, timeout=60.0)), 0.0
    orders = hunt.start(now)
    for line, what, cause, wait in inputs:
        while not hunt.is_over and hunt.deadline <= now + wait:
            now = max(now, hunt.deadline)
            orders += hunt.tick(now)
            break
        if line < len(hunt.lines):
            orders += hunt.heard(line, what, now, cause)
    while not hunt.is_over:
        now = max(now, hunt.deadline)
        orders += hunt.tick(now)
    wins, rung = _done(orders, Act.WIN), _done(orders, Act.RING)
    assert len(wins) <= 1 and len(set(rung)) == len(rung)
    assert (hunt.winner >= 0) != (hunt.verdict is not None)
    assert all(state.phase is Phase.OVER for state in hunt.lines)
    assert now <= 60.0
