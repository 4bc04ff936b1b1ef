"""100rel per leg (RFC 3262): PRACK in both roles, offers and answers in reliable 18x (RFC 6337 patterns 3, 4, 5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signalling.commands import AcceptModify, Acknowledge, Answer, HangUp, Ring, Update
from signalling.events import Answered, Body, Confirmed, Ended, IncomingCall, Modified, ModifyRequested, Progress
from signalling.message import Request, parse
from signalling.policy import USUAL, PeerKind, PeerPolicy
from signalling.testing import Book, EndpointPair
from tests.signalling.flows import ANSWER, HELD, HOLD, OFFER, count, invite, nothing_left, one, statuses
from tests.signalling.scripted import SDP, TRUNK, Bench, trunk_flow


def policy(**changes: object) -> PeerPolicy:
    return replace(PeerPolicy(PeerKind.TRUNK, "open"), **changes)  # type: ignore[arg-type] - keywords of a test


def called(pair: EndpointPair, **changes: object) -> str:
    """The call has reached B; its leg there."""
    pair.submit(pair.a, invite(pair, **changes))
    pair.run(0.1)
    return one(pair.b, IncomingCall).leg


@pytest.mark.acceptance("DLG-3")
def test_early_media_is_acknowledged_and_the_200_repeats_no_answer() -> None:
    pair = EndpointPair()
    b = called(pair)
    pair.submit(pair.b, Ring(b, ANSWER))
    pair.run(0.1)
    progress = one(pair.a, Progress)
    assert (progress.status, progress.body, progress.reliable, progress.needs_answer) == (183, ANSWER, True, False)
    assert statuses(pair) == ["> INVITE", "< 100", "< 183", "> PRACK", "< 200"]
    pair.submit(pair.b, Answer(b, Body(b"v=0 another\r\n")))
    pair.run(1)
    assert one(pair.a, Answered).body == ANSWER, "what was agreed on stands, whatever the 200 could say"
    pair.submit(pair.a, HangUp("L"))
    nothing_left(pair)


def test_plain_ringing_is_not_reliable_unless_somebody_requires_it() -> None:
    for a_wants, b_wants, expected in (
        ("supported", "supported", 0),
        ("required", "supported", 1),
        ("supported", "required", 1),
    ):
        book = Book(open_policy=policy(rel100=b_wants))
        pair = EndpointPair(b_book=book)
        b = called(pair, policy=policy(rel100=a_wants))
        pair.submit(pair.b, Ring(b))
        pair.run(0.1)
        assert statuses(pair).count("> PRACK") == expected, (a_wants, b_wants)
        pair.submit(pair.b, Answer(b, ANSWER))
        pair.run(1)
        assert one(pair.a, Answered).body == ANSWER
        pair.submit(pair.b, HangUp(b))
        nothing_left(pair)


def test_profile_off_offers_nothing_and_refuses_who_requires() -> None:
    pair = EndpointPair()
    b = called(pair, policy=policy(rel100="off"))
    pair.submit(pair.b, Ring(b, ANSWER))
    pair.run(0.1)
    assert "> PRACK" not in statuses(pair)
    bench = Bench()
    bench.book.trunks[TRUNK[0]] = policy(rel100="off")
    (refused,) = bench.feed(bench.request("INVITE", body=SDP, headers="Require: 100rel\r\n"), trunk_flow())
    assert (refused.status, refused.get("unsupported")) == (420, "100rel")
    bench.book.trunks[TRUNK[0]] = policy(rel100="required")
    (refused,) = bench.feed(bench.request("INVITE", body=SDP, cseq=2, call_id="other"), trunk_flow())
    assert (refused.status, refused.get("require")) == (421, "100rel")


@pytest.mark.acceptance("DLG-3")
def test_without_prack_the_183_is_repeated_and_the_call_refused_after_32_seconds() -> None:
    bench = Bench()
    headers = "Supported: 100rel\r\n"
    bench.feed(bench.request("INVITE", body=SDP, headers=headers), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    started = bench.now
    bench.order(Ring(leg, ANSWER))
    bench.order(Ring(leg, status=182, reliable=True))  # waits for the PRACK that never comes
    times: list[float] = []
    refusals: list[bytes] = []
    while bench.now < started + 33:
        for data in bench.wait(0.25):
            if data.startswith(b"SIP/2.0 183"):
                times.append(bench.now - started)
            elif data.startswith(b"SIP/2.0 5") and not refusals:
                refusals.append(data)
                assert bench.now - started == 32.0
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert refusals[0].startswith(b"SIP/2.0 504 ")
    assert bench.told(Ended)[0].status == 504  # type: ignore[attr-defined]


@pytest.mark.acceptance("DLG-3")
def test_prack_for_another_number_is_481_and_a_late_one_is_welcome() -> None:
    bench = Bench()
    (trying,) = bench.feed(bench.request("INVITE", body=SDP, headers="Supported: 100rel\r\n", call_id="c"), trunk_flow())
    assert trying.status == 100
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    (ringing,) = [parse(data) for data in bench.order(Ring(leg, reliable=True))]
    tag, rseq = ringing.to.tag, int(ringing.get("rseq"))  # type: ignore[union-attr]
    assert 0 < rseq < 2**31

    def prack(cseq: int, rack: str) -> int:
        (answer,) = bench.feed(
            bench.request("PRACK", to_tag=tag, call_id="c", cseq=cseq, headers=f"RAck: {rack}\r\n"), trunk_flow()
        )
        return answer.status

    assert prack(2, f"{rseq + 1} 1 INVITE") == 481
    assert prack(3, f"{rseq} 9 INVITE") == 481
    assert prack(4, "nonsense") == 481
    (ok,) = [parse(data) for data in bench.order(Answer(leg, ANSWER))]
    assert ok.status == 200, "an 18x without a body holds no 200 back"  # type: ignore[union-attr]
    assert prack(5, f"{rseq} 1 INVITE") == 200
    assert prack(6, f"{rseq} 1 INVITE") == 481, "acknowledged already"


def test_second_18x_and_the_200_wait_for_the_prack() -> None:
    pair = EndpointPair()
    b = called(pair)
    pair.link.delay = 0.2
    pair.submit(pair.b, Ring(b, ANSWER))
    pair.submit(pair.b, Ring(b, status=180, reliable=True))
    pair.submit(pair.b, Answer(b, ANSWER))
    pair.run(5)
    assert [line for line in statuses(pair) if "100" not in line][:5] == ["> INVITE", "< 183", "> PRACK", "< 200", "< 200"]
    assert one(pair.a, Answered).body == ANSWER
    assert count(pair.b, Confirmed) == 1
    pair.submit(pair.a, HangUp("L"))
    nothing_left(pair)


def test_delayed_offer_in_a_reliable_183_is_answered_in_the_prack() -> None:
    pair = EndpointPair()
    b = called(pair, body=None)
    pair.submit(pair.b, Ring(b, OFFER))
    pair.run(0.1)
    progress = one(pair.a, Progress)
    assert (progress.body, progress.needs_answer) == (OFFER, True)
    assert "> PRACK" not in statuses(pair), "it waits for our answer"
    pair.submit(pair.a, Acknowledge("L", ANSWER))
    pair.run(0.1)
    assert one(pair.b, Modified).body == ANSWER
    pair.submit(pair.b, Answer(b, OFFER))
    pair.run(1)
    answered = one(pair.a, Answered)
    assert (answered.body, answered.needs_ack_body) == (OFFER, False)
    assert one(pair.b, Confirmed).body is None
    pair.submit(pair.a, HangUp("L"))
    nothing_left(pair)


def test_offer_in_a_prack_is_answered_in_its_200() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, headers="Supported: 100rel\r\n", call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    (early,) = [parse(data) for data in bench.order(Ring(leg, ANSWER))]
    tag, rseq = early.to.tag, early.get("rseq")  # type: ignore[union-attr]
    lines = f"RAck: {rseq} 1 INVITE\r\n"
    assert bench.feed(bench.request("PRACK", to_tag=tag, call_id="c", cseq=2, headers=lines, body=SDP), trunk_flow()) == []
    assert bench.told(ModifyRequested)[0].body == Body(SDP.encode())  # type: ignore[attr-defined]
    assert bench.order(Answer(leg, ANSWER)) == [], "the 200 of the call waits until the offer is answered"
    sent = [parse(data) for data in bench.order(AcceptModify(leg, HELD))]
    assert [(message.status, message.body) for message in sent] == [(200, HELD.content), (200, b"")]  # type: ignore[union-attr]
    assert [message.cseq.method for message in sent] == ["PRACK", "INVITE"]  # type: ignore[union-attr]


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_update_with_an_offer_before_the_call_is_answered(side: str) -> None:
    pair = EndpointPair()
    b = called(pair)
    pair.submit(pair.b, Ring(b, ANSWER))
    pair.run(0.1)
    one_side, other, mine, theirs = (pair.a, pair.b, "L", b) if side == "caller" else (pair.b, pair.a, b, "L")
    pair.submit(one_side, Update(mine, HOLD))
    pair.run(0.1)
    assert one(other, ModifyRequested).body == HOLD
    pair.submit(pair.b, Answer(b, ANSWER))  # the 200 must not overtake the answer to the UPDATE
    pair.run(0.1)
    assert count(pair.a, Answered) == 0
    pair.submit(other, AcceptModify(theirs, HELD))
    pair.run(1)
    assert one(one_side, Modified).body == HELD
    assert count(pair.a, Answered) == 1
    assert count(pair.b, Confirmed) == 1
    pair.submit(pair.a, HangUp("L"))
    nothing_left(pair)


def test_update_wish_waits_for_the_answer_when_nothing_is_agreed_early() -> None:
    pair = EndpointPair()
    b = called(pair)
    pair.submit(pair.b, Ring(b))
    pair.run(0.1)
    pair.submit(pair.a, Update("L", HOLD))
    pair.run(1)
    assert "> UPDATE" not in statuses(pair)
    pair.submit(pair.b, Answer(b, ANSWER))
    pair.run(1)
    assert one(pair.b, ModifyRequested).body == HOLD


def test_cancel_ends_a_call_with_an_open_18x_and_an_open_update() -> None:
    pair = EndpointPair()
    b = called(pair)
    pair.submit(pair.b, Ring(b, ANSWER))
    pair.run(0.1)
    pair.submit(pair.a, Update("L", HOLD))
    pair.run(0.1)
    pair.submit(pair.a, HangUp("L"))
    pair.run(1)
    assert one(pair.b, Ended).cancelled
    assert statuses(pair).count("< 487") == 2, "the INVITE and the UPDATE"
    nothing_left(pair)


def test_early_update_of_the_peer_without_an_agreement_is_refused() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    (ringing,) = [parse(data) for data in bench.order(Ring(leg))]
    tag = ringing.to.tag  # type: ignore[union-attr]
    (refused,) = bench.feed(bench.request("UPDATE", to_tag=tag, call_id="c", cseq=2, body=SDP), trunk_flow())
    assert refused.status == 500
    assert 0 <= int(refused.get("retry-after")) <= 10
    (ok,) = bench.feed(bench.request("UPDATE", to_tag=tag, call_id="c", cseq=3), trunk_flow())
    assert ok.status == 200, "without an offer it only refreshes the target"


def test_record_route_comes_back_in_18x_and_200() -> None:
    bench = Bench()
    routes = "Record-Route: <sip:198.51.100.1;lr>, <sip:198.51.100.9;lr>\r\n"
    bench.feed(bench.request("INVITE", body=SDP, headers=routes), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    for command in (Ring(leg), Answer(leg, ANSWER)):
        (sent,) = [parse(data) for data in bench.order(command)]
        assert not isinstance(sent, Request)
        assert sent.tokens("record-route") == ["<sip:198.51.100.1;lr>", "<sip:198.51.100.9;lr>"]  # type: ignore[union-attr]


def test_usual_policy_is_that_of_profile_generic() -> None:
    assert (USUAL.rel100, USUAL.timer, USUAL.update, USUAL.reinvite, USUAL.refer) == ("supported", 1800, True, True, "bridge")
