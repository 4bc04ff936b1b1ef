"""Calls over a bad network: loss, duplicates, reordering. Both sides must agree in the end and keep nothing."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.commands import AcceptModify, Acknowledge, Answer, Command, HangUp, Modify, Reject, RejectModify, Ring
from signalling.events import Answered, Body, Confirmed, Ended, Event, IncomingCall, Modified, ModifyRequested
from signalling.testing import EndpointPair, Link
from tests.signalling.flows import ANSWER, answering, invite

step = st.tuples(st.floats(0.0, 3.0), st.sampled_from(["a hold", "b hold", "a hang up", "b hang up", "b busy", "b answer"]))


def check_events(pair: EndpointPair) -> None:
    """Per leg: at most one call, one answer, one end; nothing after the end."""
    for side in (pair.a, pair.b):
        over: set[str] = set()
        seen: set[tuple[str, type]] = set()
        for event in side.events:
            leg = getattr(event, "leg", "")
            assert leg not in over, pair.show()
            if isinstance(event, Ended):
                over.add(leg)
            if isinstance(event, IncomingCall | Answered):
                assert (leg, type(event)) not in seen, pair.show()
                seen.add((leg, type(event)))
        assert over == {getattr(event, "leg", "") for event in side.events if hasattr(event, "leg")}, pair.show()


@given(
    seed=st.integers(0, 10_000),
    loss=st.floats(0.0, 0.4),
    duplicate=st.floats(0.0, 0.3),
    jitter=st.floats(0.0, 1.0),
    steps=st.lists(step, max_size=8),
    answers=st.booleans(),
    agrees=st.booleans(),
    early=st.booleans(),
    delayed=st.booleans(),
)
@settings(max_examples=250, deadline=None)
def test_any_story_ends_clean(
    seed: int,
    loss: float,
    duplicate: float,
    jitter: float,
    steps: list[tuple[float, str]],
    answers: bool,
    agrees: bool,
    early: bool,
    delayed: bool,
) -> None:
    pair = EndpointPair(link=Link(loss=loss, duplicate=duplicate, jitter=jitter, random=Random(seed)))
    legs: dict[str, str] = {"a": "L"}

    def react(event: Event) -> list[Command]:
        if isinstance(event, IncomingCall):
            legs["b"] = event.leg
            ring = Ring(event.leg, ANSWER if early else None)
            return [ring, Answer(event.leg, ANSWER)] if answers else [ring]
        if getattr(event, "needs_answer", False) or getattr(event, "needs_ack_body", False):
            return [Acknowledge(event.leg, Body(b"mine"))]  # type: ignore[union-attr]
        if isinstance(event, ModifyRequested):
            return [AcceptModify(event.leg, Body(b"yes")) if agrees else RejectModify(event.leg)]
        return []

    pair.a.on_event = pair.b.on_event = react
    pair.submit(pair.a, invite(pair, timeout=20.0, **({"body": None} if delayed else {})))
    for seconds, action in steps:
        pair.run(seconds)
        name, verb = action.split(" ", 1)
        side = pair.a if name == "a" else pair.b
        leg = legs.get(name, "")
        live = side.endpoint.legs.get(leg)
        if live is None:
            continue
        if verb == "hang up":
            pair.submit(side, HangUp(leg))
        elif verb == "hold":
            pair.submit(side, Modify(leg, Body(f"{action} {pair.now}".encode())))
        elif verb == "busy" and live.stage.value == "ringing":
            pair.submit(side, Reject(leg, 486))
        elif verb == "answer" and live.stage.value == "ringing" and live.held_answer is None:
            pair.submit(side, Answer(leg, ANSWER))
    for side, name in ((pair.a, "a"), (pair.b, "b")):
        pair.submit(side, HangUp(legs.get(name, "")))
    pair.link.loss = 0.0
    pair.run(150)
    for side in (pair.a, pair.b):
        assert set(side.endpoint.leftovers.values()) == {0}, pair.show()
        assert side.deadline is None, pair.show()
    check_events(pair)


@pytest.mark.acceptance("TXN-3")
def test_a_thousand_calls_over_a_bad_link_all_complete() -> None:
    """20 % loss, 100 ms jitter and reordering: every call is answered and ended once, on both sides."""
    pair = EndpointPair(link=Link(loss=0.2, duplicate=0.05, delay=0.02, jitter=0.1, random=Random(42)))
    pair.b.on_event = answering
    for number in range(1000):
        pair.submit(pair.a, invite(pair, f"L{number}"))
        pair.run(0.05)
        pair.ladder.clear()
    pair.run(40)
    assert len(pair.a.told(Answered)) == len(pair.b.told(IncomingCall)) == 1000
    assert len(pair.b.told(Confirmed)) == 1000
    for number in range(1000):
        pair.submit(
            pair.a if number % 2 else pair.b, HangUp(f"L{number}" if number % 2 else pair.b.told(IncomingCall)[number].leg)
        )  # type: ignore[attr-defined]
    pair.run(40)
    for number in range(1000):
        pair.submit(pair.a, HangUp(f"L{number}"))
    pair.run(100)
    assert len(pair.a.told(Ended)) == len(pair.b.told(Ended)) == 1000
    assert set(pair.a.endpoint.leftovers.values()) == set(pair.b.endpoint.leftovers.values()) == {0}


def test_crossing_changes_in_random_schedules_never_get_stuck() -> None:
    """Both sides change the session at random moments; afterwards one more change works each way."""
    for seed in range(150):
        random = Random(seed)
        pair = EndpointPair(link=Link(loss=0.1, delay=0.05, jitter=0.1, random=random))
        pair.a.on_event = pair.b.on_event = answering
        pair.submit(pair.a, invite(pair))
        pair.run(35)
        leg = pair.b.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
        for _ in range(6):
            side, name = random.choice([(pair.a, "L"), (pair.b, leg)])
            pair.submit(side, Modify(name, Body(f"{random.random()}".encode())))
            pair.run(random.random() * 0.5)
        pair.run(60)
        for side, name in ((pair.a, "L"), (pair.b, leg)):
            before = len(side.told(Modified))
            pair.submit(side, Modify(name, Body(b"last")))
            pair.run(20)
            assert len(side.told(Modified)) == before + 1, (seed, pair.show())
        assert not pair.a.told(Ended), (seed, pair.show())
