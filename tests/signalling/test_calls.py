"""Whole calls between two endpoints in virtual time; each test asserts what a user of the core would notice."""

from __future__ import annotations

import pytest

from signalling.commands import Acknowledge, Answer, HangUp, Modify, Reject, Ring, SendInfo
from signalling.endpoint import EndpointConfig
from signalling.errors import LocalProtocolError
from signalling.events import (
    Answered,
    Body,
    Confirmed,
    Ended,
    IncomingCall,
    InfoReceived,
    Modified,
    ModifyFailed,
    ModifyRequested,
    Progress,
)
from signalling.testing import EndpointPair
from tests.signalling.flows import (
    ANSWER,
    HELD,
    HOLD,
    OFFER,
    answering,
    count,
    established,
    invite,
    nothing_left,
    one,
    ringing,
    statuses,
)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_call_is_answered_and_hung_up(transport: str) -> None:
    pair, a, b = established(transport=transport)
    call = one(pair.b, IncomingCall)
    assert (call.called, call.to_user, call.caller.uri_user, call.caller.display_name) == ("100", "100", "200", "Ann")
    assert (call.body, call.max_forwards, call.peer_kind) == (OFFER, 69, "trunk")
    assert one(pair.a, Progress).status == 180
    assert one(pair.a, Answered).body == ANSWER
    assert one(pair.b, Confirmed).body is None
    pair.submit(pair.a, HangUp(a, q850=16, reason="bye"))
    pair.run(1)
    assert one(pair.a, Ended).by_us
    ended = one(pair.b, Ended)
    assert (ended.leg, ended.status, ended.q850, ended.reason, ended.by_us) == (b, 200, 16, "bye", False)
    assert statuses(pair) == ["> INVITE", "< 100", "< 180", "< 200", "> ACK", "> BYE", "< 200"]
    nothing_left(pair)


def test_callee_hangs_up() -> None:
    pair, a, b = established()
    pair.submit(pair.b, HangUp(b))
    pair.run(1)
    assert (one(pair.a, Ended).leg, one(pair.a, Ended).status) == (a, 200)
    nothing_left(pair)


def test_both_hang_up_at_once() -> None:
    pair, a, b = established()
    pair.submit(pair.a, HangUp(a))
    pair.submit(pair.b, HangUp(b))
    pair.run(1)
    assert one(pair.a, Ended).by_us
    assert one(pair.b, Ended).by_us
    assert statuses(pair)[-4:] == ["> BYE", "< BYE", "< 200", "> 200"] or statuses(pair)[-2:] == ["> 200", "< 200"]
    nothing_left(pair)


@pytest.mark.parametrize(("status", "q850"), [(486, 17), (404, 1), (603, 21), (302, 0), (503, 34)])
def test_rejection_reaches_the_caller_with_its_cause(status: int, q850: int) -> None:
    pair = EndpointPair()
    pair.submit(pair.a, invite(pair))
    pair.run(0.1)
    pair.submit(pair.b, Reject(one(pair.b, IncomingCall).leg, status, q850, "why", {"Retry-After": "7"}))
    pair.run(1)
    ended = one(pair.a, Ended)
    assert (ended.status, ended.q850, ended.retry_after) == (status, q850, 7)
    assert statuses(pair)[-2:] == [f"< {status}", "> ACK"]
    nothing_left(pair)


def test_early_media_body_is_shown_with_183() -> None:
    pair = EndpointPair()
    pair.submit(pair.a, invite(pair))
    pair.run(0.1)
    pair.submit(pair.b, Ring(one(pair.b, IncomingCall).leg, ANSWER))
    pair.run(0.1)
    progress = one(pair.a, Progress)
    assert (progress.status, progress.body) == (183, ANSWER)


@pytest.mark.acceptance("TXN-1")
def test_unanswered_invite_is_sent_seven_times_and_fails_after_32_seconds() -> None:
    pair = EndpointPair()
    pair.link.loss = 1.0
    started = pair.now
    pair.submit(pair.a, invite(pair))
    pair.run(60)
    times = [float(line.split()[0]) for line in pair.ladder if "INVITE" in line]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert one(pair.a, Ended).status == 408
    assert pair.a.endpoint.leftovers["clients"] == 0
    assert pair.now - started == 60


def test_silent_address_is_given_up_early_and_cancelled_when_it_wakes() -> None:
    pair = EndpointPair()
    pair.link.loss = 1.0
    pair.submit(pair.a, invite(pair, first_response=4.0))
    pair.run(5)
    assert (one(pair.a, Ended).status, one(pair.a, Ended).q850) == (408, 18)
    pair.link.loss = 0.0
    pair.run(10)
    assert count(pair.b, IncomingCall) == 1
    assert one(pair.b, Ended).cancelled
    nothing_left(pair)


def test_ring_time_ends_in_cancel() -> None:
    pair = EndpointPair()
    pair.b.on_event = ringing
    pair.submit(pair.a, invite(pair, timeout=20.0))
    pair.run(21)
    assert (one(pair.a, Ended).status, one(pair.a, Ended).q850) == (408, 19)
    assert (one(pair.b, Ended).status, one(pair.b, Ended).cancelled, one(pair.b, Ended).q850) == (487, True, 19)
    assert statuses(pair)[-4:] == ["> CANCEL", "< 200", "< 487", "> ACK"]
    nothing_left(pair)


@pytest.mark.acceptance("TXN-5")
def test_cancel_waits_for_the_first_provisional_response() -> None:
    pair = EndpointPair()
    pair.link.delay = 0.1
    pair.submit(pair.a, invite(pair))
    pair.submit(pair.a, HangUp("L", q850=16))
    assert statuses(pair) == ["> INVITE"]
    pair.run(1)
    assert statuses(pair) == ["> INVITE", "< 100", "> CANCEL", "< 200", "< 487", "> ACK"]
    assert one(pair.a, Ended).by_us
    assert one(pair.b, Ended).cancelled
    nothing_left(pair)


@pytest.mark.acceptance("TXN-5")
def test_cancel_crossing_200_ends_in_ack_and_bye() -> None:
    pair = EndpointPair()
    pair.link.delay = 0.1
    pair.b.on_event = ringing
    pair.submit(pair.a, invite(pair))
    pair.run(1)
    pair.submit(pair.b, Answer(one(pair.b, IncomingCall).leg, ANSWER))
    pair.submit(pair.a, HangUp("L"))
    pair.run(1)
    assert count(pair.a, Answered) == 0
    assert one(pair.a, Ended).by_us
    assert "> ACK" in statuses(pair)
    assert "> BYE" in statuses(pair)
    assert one(pair.b, Ended).status == 200
    nothing_left(pair)


def test_hang_up_before_the_ack_waits_for_it() -> None:
    pair = EndpointPair()
    pair.link.delay = 0.1
    pair.submit(pair.a, invite(pair))
    pair.run(0.15)
    leg = one(pair.b, IncomingCall).leg
    pair.submit(pair.b, Answer(leg, ANSWER))
    pair.submit(pair.b, HangUp(leg))
    assert one(pair.b, Ended).by_us
    assert "< BYE" not in statuses(pair)
    pair.run(1)
    assert statuses(pair)[-4:] == ["< 200", "> ACK", "< BYE", "> 200"]
    nothing_left(pair)


@pytest.mark.acceptance("TXN-2")
def test_2xx_is_repeated_until_its_ack_and_the_call_given_up_after_32_seconds() -> None:
    pair = EndpointPair()
    pair.submit(pair.a, invite(pair))
    pair.run(0.1)
    leg = one(pair.b, IncomingCall).leg
    pair.link.loss = 1.0
    started = pair.now
    pair.submit(pair.b, Answer(leg, ANSWER))
    pair.run(33)
    times = [round(float(line.split()[0]) - started + 1000, 3) for line in pair.ladder if "◀── B  SIP/2.0 200" in line]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    ended = one(pair.b, Ended)
    assert (ended.status, ended.q850) == (408, 102)
    assert statuses(pair)[-1].startswith("< BYE")


def test_repeated_200_is_acknowledged_again_with_the_same_octets() -> None:
    pair = EndpointPair()
    pair.submit(pair.a, invite(pair))
    pair.run(0.1)
    pair.link.loss = 0.0
    pair.submit(pair.b, Answer(one(pair.b, IncomingCall).leg, ANSWER))
    ok = [line for line in pair.ladder if "200 OK" in line]
    assert ok
    pair.link.loss = 0.0
    original = pair.a.endpoint.receive
    acks: list[bytes] = []

    def lose_acks(data: bytes, flow: object, now: float) -> object:
        output = original(data, flow, now)  # type: ignore[arg-type]
        kept = [sent for sent in output.transmits if not sent.data.startswith(b"ACK")]
        acks.extend(sent.data for sent in output.transmits if sent.data.startswith(b"ACK"))
        return output._replace(transmits=kept)

    pair.a.endpoint.receive = lose_acks  # type: ignore[assignment, method-assign]
    pair.run(5)
    assert len(acks) >= 3
    assert len(set(acks)) == 1
    assert count(pair.a, Answered) == 1


@pytest.mark.acceptance("DLG-1", "DLG-2")
def test_delayed_offer_is_answered_in_the_ack() -> None:
    pair = EndpointPair()
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair, body=None))
    pair.run(1)
    assert one(pair.b, IncomingCall).body is None
    answered = one(pair.a, Answered)
    assert (answered.needs_ack_body, answered.body) == (True, ANSWER)
    assert "> ACK" not in statuses(pair)
    pair.submit(pair.a, Acknowledge("L", HELD))
    pair.run(1)
    assert one(pair.b, Confirmed).body == HELD
    with pytest.raises(LocalProtocolError):
        pair.submit(pair.a, Acknowledge("L", HELD))


def test_change_wished_for_before_the_acknowledge_is_sent_after_it() -> None:
    pair = EndpointPair()
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair, body=None))
    pair.run(1)
    pair.submit(pair.a, Modify("L", HOLD))
    assert count(pair.b, ModifyRequested) == 0
    pair.submit(pair.a, Acknowledge("L", OFFER))
    pair.run(1)
    assert one(pair.a, Modified).body == HELD


def test_delayed_offer_hung_up_instead_of_acknowledged_ends_cleanly() -> None:
    pair = EndpointPair()
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair, body=None))
    pair.run(1)
    pair.submit(pair.a, HangUp("L"))
    pair.run(1)
    assert "> ACK" in statuses(pair)
    assert one(pair.b, Ended)
    nothing_left(pair)


@pytest.mark.parametrize("holder", ["caller", "callee"])
def test_hold_and_resume_by_reinvite(holder: str) -> None:
    pair, a, b = established()
    pair.a.on_event = answering
    side, other, leg = (pair.a, pair.b, a) if holder == "caller" else (pair.b, pair.a, b)
    for body in (HOLD, OFFER):
        pair.submit(side, Modify(leg, body))
        pair.run(1)
        asked = other.told(ModifyRequested)[-1]
        assert isinstance(asked, ModifyRequested)
        assert (asked.leg, asked.body) == (b if other is pair.b else a, body)
        assert side.told(Modified)[-1] == Modified(leg, HELD)
    assert count(side, Modified) == 2
    pair.submit(pair.a, HangUp(a))
    nothing_left(pair)


def test_crossing_reinvites_settle_on_both_sides() -> None:
    pair, a, b = established()
    pair.a.on_event = answering
    pair.submit(pair.a, Modify(a, HOLD))
    pair.submit(pair.b, Modify(b, OFFER))
    pair.run(10)
    assert statuses(pair).count("< 491") == 1
    assert statuses(pair).count("> 491") == 1
    assert (count(pair.a, Modified), count(pair.b, Modified)) == (1, 1)
    assert not pair.a.told(ModifyFailed) + pair.b.told(ModifyFailed)
    pair.submit(pair.a, HangUp(a))
    nothing_left(pair)


def test_wishes_during_a_pending_change_are_merged() -> None:
    pair, a, _ = established()
    pair.submit(pair.a, Modify(a, HOLD))
    pair.submit(pair.a, Modify(a, Body(b"never sent")))
    pair.submit(pair.a, Modify(a, OFFER))
    pair.run(2)
    assert [event.body for event in pair.b.told(ModifyRequested)] == [HOLD, OFFER]  # type: ignore[attr-defined]


def test_info_arrives_with_its_type() -> None:
    pair, a, b = established()
    pair.submit(pair.a, SendInfo(a, Body(b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")))
    pair.run(1)
    assert one(pair.b, InfoReceived) == InfoReceived(b, Body(b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay"))


def test_peer_that_vanished_ends_the_leg_at_the_next_reinvite() -> None:
    pair, a, _ = established()
    pair.link.loss = 1.0
    pair.submit(pair.a, Modify(a, HOLD))
    pair.run(33)
    assert one(pair.a, Ended).status == 408


def test_call_over_the_limit_gets_503_with_retry_after() -> None:
    pair = EndpointPair(config=EndpointConfig(max_calls=1, retry_after=9))
    pair.submit(pair.a, invite(pair, "one"))
    pair.run(0.1)
    pair.submit(pair.a, invite(pair, "two"))
    pair.run(1)
    ended = one(pair.a, Ended)
    assert (ended.leg, ended.status, ended.retry_after) == ("two", 503, 9)
    assert count(pair.b, IncomingCall) == 1


def test_misuse_raises_and_changes_nothing() -> None:
    pair, a, b = established()
    for command in (
        Answer(b, ANSWER),
        Ring(b),
        Reject(b, 486),
        Modify("unknown", HOLD),
        Acknowledge(a, ANSWER),
        invite(pair, a),
    ):
        with pytest.raises(LocalProtocolError):
            pair.submit(pair.b if command in (Answer(b, ANSWER), Ring(b), Reject(b, 486)) else pair.a, command)
    pair.submit(pair.a, HangUp("unknown"))
    pair.submit(pair.a, HangUp(a))
    pair.submit(pair.a, HangUp(a))
    nothing_left(pair)


def test_stream_that_closes_while_ringing_ends_both_sides() -> None:
    pair = EndpointPair(transport="tcp")
    pair.b.on_event = ringing
    pair.submit(pair.a, invite(pair))
    pair.run(1)
    pair.close_flow(pair.a)
    pair.close_flow(pair.b)
    assert one(pair.a, Ended).status == 503
    assert one(pair.b, Ended).status == 503


def test_stream_that_closes_in_a_call_is_waited_for_32_seconds() -> None:
    pair, _, _ = established(transport="tcp")
    pair.close_flow(pair.b)
    pair.run(31)
    assert not pair.b.told(Ended)
    pair.run(2)
    assert one(pair.b, Ended).status == 408
