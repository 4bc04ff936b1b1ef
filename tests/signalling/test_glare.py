"""Both sides change the session at once: 491, its timers, queued wishes (RFC 3261 §14, RFC 5407), as a property and by hand."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest

from signalling.commands import AcceptModify, Acknowledge, Answer, Command, HangUp, Modify, Ring, Update
from signalling.events import Body, Confirmed, Ended, Event, IncomingCall, Modified, ModifyFailed, ModifyRequested
from signalling.message import Request, ResponseTemplate, parse
from signalling.testing import EndpointPair, Link, Side
from tests.signalling.flows import ANSWER, HELD, HOLD, OFFER, answering, count, established, invite, nothing_left, one, statuses
from tests.signalling.scripted import SDP, Bench, trunk_flow
from tests.signalling.test_reliable import policy

SCHEDULES = 10_000


class Party:
    """A side that agrees to everything and remembers the session as it knows it: (offer, answer) of the last exchange."""

    def __init__(self, side: Side, leg: str) -> None:
        self.leg = leg
        self.wished = 0
        self.agreed: tuple[bytes, bytes] = (b"", b"")
        self.failed = 0
        self.last = b""
        self.name = side.name
        side.on_event = self.hear

    def hear(self, event: Event) -> Iterable[Command]:
        if isinstance(event, ModifyRequested):
            offer = event.body.content if event.body is not None else b""
            answer = b"yes to " + offer
            self.agreed = (offer, answer)
            yield AcceptModify(self.leg, Body(answer))
        elif isinstance(event, Modified) and event.body is not None:
            self.agreed = (event.body.content.removeprefix(b"yes to "), event.body.content)
        elif isinstance(event, ModifyFailed):
            self.failed += 1

    def wish(self, dice: Random) -> Command:
        self.wished += 1
        body = Body(f"{self.name}{self.wished}".encode())
        self.last = body.content
        return (Update if dice.random() < 0.3 else Modify)(self.leg, body)


@pytest.mark.acceptance("DLG-4")
def test_ten_thousand_crossing_schedules_agree() -> None:
    """Each schedule: up to three wishes of each side within two seconds, over a link with its own delay."""
    dice = Random(491)
    pair, a, b = established()
    parties = {pair.a: Party(pair.a, a), pair.b: Party(pair.b, b)}
    refused = 0
    for number in range(SCHEDULES):
        pair.link = Link(delay=dice.choice((0.005, 0.05, 0.2)), jitter=dice.choice((0.0, 0.1)), random=dice)
        plan = sorted((dice.random() * dice.choice((0.05, 2.0)), dice.random() < 0.5) for _ in range(dice.randint(2, 4)))
        before = pair.now
        for at, by_a in plan:
            pair.run(max(0.0, before + at - pair.now))
            side = pair.a if by_a else pair.b
            pair.submit(side, parties[side].wish(dice))
        pair.run(25.0)  # five retries of at most 4 s
        one_side, other = parties[pair.a], parties[pair.b]
        assert one_side.agreed == other.agreed, f"schedule {number}\n{pair.show()}"
        assert one_side.agreed[0] in {one_side.last, other.last}, f"schedule {number}: an old wish has won\n{pair.show()}"
        for side in (pair.a, pair.b):
            (leg,) = side.endpoint.legs.values()
            change = leg.modify
            assert not (change.wanted or change.pending or change.server or change.retry), f"schedule {number}: stuck"
        refused += sum(" 491" in line for line in pair.ladder)
        pair.ladder.clear()
        pair.a.events.clear()
        pair.b.events.clear()
    assert refused > SCHEDULES / 20, "the schedules did cross"
    assert not parties[pair.a].failed + parties[pair.b].failed
    pair.submit(pair.a, HangUp(a))
    nothing_left(pair)


def test_waits_after_491_are_those_of_the_call_ids_owner_and_of_the_other() -> None:
    for _ in range(20):
        pair, a, b = established()
        pair.a.on_event = answering
        started = len(pair.ladder)
        pair.submit(pair.a, Modify(a, HOLD))
        pair.submit(pair.b, Modify(b, OFFER))
        at = pair.now
        pair.run(10)
        times: dict[str, list[float]] = {"A ──▶": [], "A ◀──": []}
        for line in pair.ladder[started:]:
            if " INVITE " in line:
                for arrow, found in times.items():
                    if arrow in line:
                        found.append(float(line.split()[0]) - (at - 1000))
        (_, owner), (_, other) = times["A ──▶"], times["A ◀──"]
        assert 2.1 <= owner - 0.02 <= 4.1
        assert 0.0 <= other - 0.02 <= 2.1


@pytest.mark.acceptance("DLG-5")
def test_a_second_invite_before_the_answer_of_the_first_is_500_with_retry_after() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    tag = bench.order(Ring(leg))[0].split(b"To: ")[1].split(b"tag=")[1].split(b"\r\n")[0].decode()
    (refused,) = bench.feed(bench.request("INVITE", body=SDP, call_id="c", to_tag=tag, cseq=2), trunk_flow())
    assert refused.status == 500
    assert 0 <= int(refused.get("retry-after")) <= 10
    bench.order(Answer(leg, ANSWER))
    bench.feed(bench.request("ACK", call_id="c", to_tag=tag, cseq=1), trunk_flow())
    assert bench.feed(bench.request("UPDATE", body=SDP, call_id="c", to_tag=tag, cseq=3), trunk_flow()) == []
    (refused,) = bench.feed(bench.request("UPDATE", body=SDP, call_id="c", to_tag=tag, cseq=4), trunk_flow())
    assert refused.status == 500
    bench.order(AcceptModify(leg, HELD))
    bench.order(Update(leg, HOLD))
    (refused,) = bench.feed(bench.request("UPDATE", body=SDP, call_id="c", to_tag=tag, cseq=5), trunk_flow())
    assert refused.status in {491, 500}


def test_reinvite_that_overtakes_the_ack_confirms_the_call() -> None:
    """RFC 5407 §3.1.4: the callee gets a re-INVITE while it still waits for the ACK of its 200."""
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    tag = bench.order(Answer(leg, ANSWER))[0].split(b"To: ")[1].split(b"tag=")[1].split(b"\r\n")[0].decode()
    (trying,) = bench.feed(bench.request("INVITE", body=SDP, call_id="c", to_tag=tag, cseq=2), trunk_flow())
    assert trying.status == 100
    assert len(bench.told(Confirmed)) == 1
    bench.order(AcceptModify(leg, HELD))
    assert bench.feed(bench.request("ACK", call_id="c", to_tag=tag, cseq=1), trunk_flow()) == []
    assert bench.feed(bench.request("ACK", call_id="c", to_tag=tag, cseq=2), trunk_flow()) == []
    bench.wait(40)
    assert not bench.told(Ended)


def test_reinvite_before_the_ack_of_a_delayed_offer_is_491() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    tag = bench.order(Answer(leg, OFFER))[0].split(b"To: ")[1].split(b"tag=")[1].split(b"\r\n")[0].decode()
    (refused,) = bench.feed(bench.request("INVITE", body=SDP, call_id="c", to_tag=tag, cseq=2), trunk_flow())
    assert refused.status == 491


def test_newest_wish_wins_and_headers_add_up() -> None:
    pair, a, _ = established()
    pair.link.delay = 0.2
    pair.submit(pair.a, Modify(a, HOLD))
    pair.submit(pair.a, Update(a, None, {"P-Asserted-Identity": "<sip:7@x>"}))
    pair.submit(pair.a, Modify(a, OFFER))
    pair.run(3)
    asked = [event for event in pair.b.events if isinstance(event, ModifyRequested)]
    assert [event.body for event in asked] == [HOLD, OFFER]
    assert asked[1].headers["p-asserted-identity"] == "<sip:7@x>"


def test_peer_without_reinvite_gets_update_and_one_without_both_nothing() -> None:
    pair = EndpointPair()
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair, policy=policy(reinvite=False)))
    pair.run(1)
    pair.submit(pair.a, Modify("L", HOLD))
    pair.run(1)
    assert one(pair.a, Modified).body == HELD
    assert statuses(pair).count("> UPDATE") == 1

    pair = EndpointPair()
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair, policy=policy(reinvite=False, update=False)))
    pair.run(1)
    pair.submit(pair.a, Modify("L", HOLD))
    pair.run(1)
    assert one(pair.a, ModifyFailed).status == 405
    assert statuses(pair)[-1] == "> ACK"


def test_update_that_the_peer_does_not_know_goes_on_as_reinvite() -> None:
    pair, a, _ = established()
    leg = pair.a.endpoint.legs[a]
    leg.can_update = True
    lines = pair.order(pair.a, Update(a, HOLD))
    assert lines[0].startswith(b"UPDATE ")
    request = parse(lines[0])
    assert isinstance(request, Request)
    pair.inject(pair.a, ResponseTemplate(request, pair.a.flow.local).render(501, ""))
    pair.run(1)
    assert one(pair.b, ModifyRequested).body == HOLD
    assert statuses(pair)[-3:] == ["< 100", "< 200", "> ACK"]


def test_offerless_reinvite_brings_the_peers_offer() -> None:
    pair, a, b = established()

    def offers(event: Event) -> Iterable[Command]:
        if isinstance(event, ModifyRequested) and event.body is None:
            yield AcceptModify(b, OFFER)

    pair.b.on_event = offers
    pair.submit(pair.a, Modify(a, None))
    pair.run(0.5)
    modified = one(pair.a, Modified)
    assert (modified.body, modified.needs_ack_body) == (OFFER, True)
    pair.submit(pair.a, Acknowledge(a, ANSWER))
    pair.run(0.5)
    assert pair.b.told(Confirmed)[-1].body == ANSWER  # type: ignore[attr-defined]
    pair.submit(pair.a, HangUp(a))
    nothing_left(pair)
    assert count(pair.b, Ended) == 1
