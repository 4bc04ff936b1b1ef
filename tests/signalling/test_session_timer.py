"""Session timers in both roles (RFC 4028): asked, accepted, repaired, refreshed by UPDATE or re-INVITE, expired."""

from __future__ import annotations

import pytest

from signalling.commands import Answer
from signalling.events import Ended, IncomingCall, Modified, ModifyRequested
from signalling.message import Response, parse
from signalling.policy import USUAL
from signalling.testing import Book, EndpointPair
from tests.signalling.flows import ANSWER, answering, count, invite, nothing_left, one, statuses
from tests.signalling.scripted import SDP, Bench, trunk_flow
from tests.signalling.test_reliable import policy

TIMER = "Supported: timer\r\n"


def call(a_timer: int = 1800, b_timer: int = 1800, **a: object) -> EndpointPair:
    pair = EndpointPair(b_book=Book(open_policy=policy(timer=b_timer)))
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair, policy=policy(timer=a_timer, **a)))
    pair.run(1)
    return pair


def test_the_caller_asks_and_refreshes_at_half_time_by_update() -> None:
    pair = call(a_timer=180)
    pair.run(91)
    assert statuses(pair)[-2:] == ["> UPDATE", "< 200"]
    pair.run(900)
    assert statuses(pair).count("> UPDATE") == 11
    assert count(pair.a, Ended) + count(pair.b, Ended) == 0
    assert count(pair.b, ModifyRequested) + count(pair.a, Modified) == 0, "a refresh is nobody's business above"


def test_peer_without_update_is_refreshed_by_reinvite_with_the_very_same_body() -> None:
    pair = call(a_timer=180, update=False)
    pair.run(91)
    assert statuses(pair)[-4:] == ["> INVITE", "< 100", "< 200", "> ACK"]
    asked = one(pair.b, ModifyRequested)
    assert asked.body == one(pair.b, IncomingCall).body, "o= and all: byte for byte what it has"
    assert count(pair.a, Ended) == 0


def test_timer_off_asks_for_none_and_takes_the_peers() -> None:
    pair = call(a_timer=0, b_timer=0)
    pair.run(4000)
    assert not [line for line in statuses(pair) if "UPDATE" in line]
    pair = call(a_timer=0, b_timer=180)
    pair.run(100)
    assert statuses(pair)[-2:] == ["> UPDATE", "< 200"], "the callee asked, the caller refreshes"


@pytest.mark.acceptance("DLG-6")
def test_interval_of_30_is_refused_90_is_taken_and_silence_ends_the_call_at_60() -> None:
    bench = Bench()
    lines = TIMER + "Session-Expires: 30\r\n"
    (refused,) = bench.feed(bench.request("INVITE", body=SDP, headers=lines, call_id="short"), trunk_flow())
    assert (refused.status, refused.get("min-se")) == (422, "90")
    lines = TIMER + "Session-Expires: 90;refresher=uac\r\n"
    bench.feed(bench.request("INVITE", body=SDP, headers=lines, call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    ok = parse(bench.order(Answer(leg, ANSWER))[0])
    assert isinstance(ok, Response)
    assert (ok.get("session-expires"), ok.get("require")) == ("90;refresher=uac", "timer")
    tag = ok.to.tag
    bench.feed(bench.request("ACK", call_id="c", to_tag=tag), trunk_flow())
    bench.wait(45)
    (answer,) = bench.feed(bench.request("UPDATE", call_id="c", to_tag=tag, cseq=2, headers=lines), trunk_flow())
    assert (answer.status, answer.get("session-expires")) == (200, "90;refresher=uac")
    started = bench.now
    while not bench.told(Ended):
        sent = bench.wait(0.25)
    assert abs(bench.now - started - 60) <= 1
    assert sent[0].startswith(b"BYE ")
    assert b"Reason: Q.850;cause=102" in sent[0]


def test_a_proxys_small_interval_is_raised_for_a_caller_without_timers() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, headers="Session-Expires: 30\r\n"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    assert b"Session-Expires: 90;refresher=uas\r\n" in bench.order(Answer(leg, ANSWER))[0]


def test_refresher_that_gets_no_answer_ends_the_call() -> None:
    pair = call(a_timer=180)
    pair.link.loss = 1.0
    pair.run(180)
    assert (one(pair.a, Ended).status, one(pair.b, Ended).status) == (408, 408)
    pair.link.loss = 0.0
    nothing_left(pair)


def test_the_callee_refreshes_alone_for_a_caller_without_timers() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, headers="Allow: INVITE, ACK, BYE, UPDATE\r\n", call_id="c"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    ok = bench.order(Answer(leg, ANSWER))[0]
    assert f"Session-Expires: {USUAL.timer};refresher=uas\r\n".encode() in ok
    tag = ok.split(b"To: ")[1].split(b"tag=")[1].split(b"\r\n")[0].decode()
    bench.feed(bench.request("ACK", call_id="c", to_tag=tag), trunk_flow())
    sent = bench.wait(USUAL.timer / 2 + 0.25)
    assert sent[0].startswith(b"UPDATE ")
    assert b"Session-Expires: 1800;refresher=uac\r\n" in sent[0]
