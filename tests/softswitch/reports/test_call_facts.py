"""Facts of single calls as the switch tells them: transfers, conferences, calls that agents place, calls that broke off."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.model import events as ev
from softswitch.reports.call_facts import facts_of
from softswitch.reports.facts import SESSION, Contact


def timeline(*events: tuple[float, ev.Event]) -> list[ev.Event]:
    return [ev.stamped(event, call="c1", seq=n, at=1000.0 + at) for n, (at, event) in enumerate(events, 1)]


CREATED = ev.CallCreated(direction="in", caller="138", called="400", trunk="e1", channel=7)
ENTERED = ev.QueueEntered(queue="sales", visit="v1", position=1)
OFFER: dict[str, Any] = {"agent": "li", "queue": "sales", "offer": "o1"}
ANSWERED = (
    (10, ev.OfferMade(**OFFER, visit="v1", wait_ms=8000)), (10, ev.OfferRinging(**OFFER)),
    (13, ev.OfferAnswered(**OFFER, ring_ms=3000)),
    (13, ev.QueueLeft(queue="sales", agent="li", visit="v1", result="answered", wait_ms=11_000)),
    (13, ev.CallConnected(agent="li", queue="sales", leg="l2", other="agent:li")),
)  # fmt: skip


def ended(at: float, who: str = "caller") -> tuple[float, ev.Event]:
    return at, ev.CallEnded(who=who, cause="normal", q850=16, sip_status=200)


def by_agent(contacts: list[Contact]) -> dict[str, Contact]:
    assert len({contact.agent for contact in contacts}) == len(contacts)
    return {contact.agent: contact for contact in contacts}


def test_an_attended_transfer_gives_both_agents_what_they_talked() -> None:
    found = facts_of(timeline(
        (0, CREATED), (2, ENTERED), *ANSWERED, (50, ev.CallHeld(actor="li")), (50, ev.ConsultStarted(target="agent:wang")),
        (80, ev.ConsultEnded(target="agent:wang", result="transferred", agent="li")),
        (80, ev.CallTransferred(kind="attended", target="agent:wang", result="answered", agent="wang")),
        (80, ev.CallConnected(other="agent:wang", leg="l3", agent="wang")), (80, ev.CallResumed(actor="li")),
        (80, ev.LegEnded(leg="l2", cause="normal")), ended(200),
    ))  # fmt: skip
    contacts = by_agent(found.contacts)
    li, wang = contacts["li"], contacts["wang"]
    assert (li.talk_ms, li.hold_ms, li.holds, li.transferred, li.ring_ms) == (67_000, 30_000, 1, True, 3000)
    assert (wang.talk_ms, wang.hold_ms, wang.transferred, wang.direction) == (120_000, 0, False, "in")
    assert [(s.trunk, s.channel, s.began, s.ended) for s in found.seizures] == [("e1", 7, 1000.0, 1200.0)]


def test_a_colleague_in_a_conference_is_a_contact_of_its_own() -> None:
    found = facts_of(timeline(
        (0, CREATED), (2, ENTERED), *ANSWERED, (50, ev.ConsultStarted(target="agent:wang")),
        (60, ev.ConsultEnded(target="agent:wang", result="conference", agent="li")),
        (60, ev.ConferenceJoined(member="agent:wang", leg="l3", agent="wang")), (100, ev.LegEnded(leg="l3", cause="normal")),
        ended(130),
    ))  # fmt: skip
    contacts = by_agent(found.contacts)
    assert (contacts["wang"].talk_ms, contacts["wang"].direction) == (40_000, "internal")
    assert (contacts["li"].talk_ms, contacts["li"].hold_ms, contacts["li"].transferred) == (117_000, 10_000, False)


def test_a_caller_who_comes_back_from_a_lost_agent_has_two_visits() -> None:
    again = ev.QueueEntered(queue="sales", visit="v2", position=1, waited_ms=60_000)
    found = facts_of(timeline(
        (0, CREATED), (2, ENTERED), *ANSWERED, (60, ev.LegEnded(leg="l2", cause="normal")), (60, again),
        (75, ev.QueueLeft(queue="sales", visit="v2", result="abandoned", wait_ms=15_000)), ended(75),
    ))  # fmt: skip
    assert [(visit.result, visit.wait_ms, visit.waited) for visit in found.visits] == [
        ("answered", 11_000, True), ("abandoned", 15_000, True),
    ]  # fmt: skip
    assert found.contacts[0].talk_ms == 47_000


def test_a_dialled_call_is_an_attempt_whether_it_is_taken_or_not() -> None:
    created = ev.CallCreated(direction="out", caller="li", called="010", agent="li", source="browser")
    leg = ev.LegStarted(leg="l2", target="carrier", trunk="e1", channel=3)
    taken = facts_of(timeline((0, created), (1, leg), (9, ev.CallConnected(other="outside:010", leg="l2")), ended(39)))
    (contact,) = taken.contacts
    assert (contact.direction, contact.outcome, contact.ring_ms, contact.talk_ms) == ("out", "answered", 9000, 30_000)
    assert [(s.direction, s.channel, s.ended - s.began) for s in taken.seizures] == [("out", 3, 38.0)]
    refused = facts_of(timeline((0, created), (1, leg), (5, ev.LegEnded(leg="l2", cause="busy")), ended(6, "system")))
    (contact,) = refused.contacts
    assert (contact.outcome, contact.counted, contact.talk_ms) == ("failed", True, 0)


def test_ringing_three_seconds_is_missed_when_the_caller_gives_up_and_two_are_not() -> None:
    def rang(seconds: float, reason: str) -> Contact:
        (contact,) = facts_of(timeline(
            (0, CREATED), (2, ENTERED), (10, ev.OfferMade(**OFFER, visit="v1")), (10, ev.OfferRinging(**OFFER)),
            (10 + seconds, ev.OfferWithdrawn(**OFFER, reason=reason)), ended(10 + seconds),
        )).contacts  # fmt: skip
        return contact

    assert [rang(3.0, "abandoned").counted, rang(2.9, "abandoned").counted, rang(9.0, "taken").counted] == [True, False, False]


def test_a_call_that_goes_on_is_told_as_it_stands() -> None:
    going = timeline((0, CREATED), (2, ENTERED))
    (visit,) = facts_of(going, 1030.0).visits
    assert (visit.result, visit.wait_ms) == ("open", 28_000)
    talking = facts_of(timeline((0, CREATED), (2, ENTERED), *ANSWERED), 1033.0)
    assert [visit.result for visit in talking.visits] == ["answered"]
    assert talking.contacts[0].talk_ms == 20_000


def test_only_the_node_in_which_the_caller_hung_up_lost_somebody() -> None:
    node = ev.IvrNode(flow="main", node="menu", verb="menu", result="hangup", ms=3000)
    assert [step.dropped for step in facts_of(timeline((0, CREATED), (4, node), ended(4))).steps] == [True]
    assert [step.dropped for step in facts_of(timeline((0, CREATED), (4, node), ended(4, "system"))).steps] == [False]
    queue = ev.IvrNode(flow="main", node="sales", verb="queue", result="hangup", ms=78_000)
    served = timeline((0, CREATED), (2, ENTERED), *ANSWERED, (80, queue), ended(80))
    assert [step.dropped for step in facts_of(served).steps] == [False]


FLOW = ev.IvrEntered(flow="main")
GOAL = ev.IvrNode(flow="main", node="told", verb="label", result="goal", ms=0)


@pytest.mark.parametrize(
    ("between", "result"),
    [
        ([(9, GOAL)], "self_service"),
        ([], "left"),
        ([(9, GOAL), (10, ENTERED)], "people"),
        ([(9, GOAL), (10, ev.CallConnected(other="extension:1001", leg="l2"))], "people"),
    ],
)  # fmt: skip
def test_a_call_is_served_by_a_flow_that_tells_what_was_asked(between: list[tuple[float, ev.Event]], result: str) -> None:
    steps = facts_of(timeline((0, CREATED), (1, FLOW), *between, ended(30))).steps
    (session,) = [step for step in steps if step.verb == SESSION]
    assert (session.flow, session.node, session.result, session.ms) == ("main", "", result, 29_000)


def test_a_call_without_a_flow_is_no_session() -> None:
    assert facts_of(timeline((0, CREATED), (2, ENTERED), ended(5))).steps == []
