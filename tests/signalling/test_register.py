"""Our registration at a trunk: refresh, challenges, back-off (virtual time, scripted registrar)."""

from __future__ import annotations

from dataclasses import replace

from signalling.auth import Outcome, Verifier, ha1
from signalling.commands import Login, Register
from signalling.events import Flow, RegistrationState
from signalling.message import Request, parse
from signalling.testing import counting_token
from tests.signalling.scripted import TRUNK, Bench, trunk_flow

COMMAND = Register(
    "carrier", "sip:carrier.example", trunk_flow(), "line1", Login("line1", "pw"), expires=600, contact_user="tok"
)


def reply(sent: bytes, status: int, headers: str = "") -> str:
    request = parse(sent)
    assert isinstance(request, Request)
    return (
        f"SIP/2.0 {status} x\r\nVia: {request.get('via')}\r\nFrom: {request.get('from')}\r\nTo: {request.get('to')};tag=r\r\n"
        f"Call-ID: {request.call_id}\r\nCSeq: {request.get('cseq')}\r\n{headers}Content-Length: 0\r\n\r\n"
    )


def states(bench: Bench) -> list[tuple[str, int]]:
    return [(event.state, event.status) for event in bench.told(RegistrationState)]  # type: ignore[attr-defined]


def test_registers_with_digest_and_refreshes_at_80_percent() -> None:
    bench = Bench()
    verifier = Verifier("carrier", b"k", counting_token("v"))
    secrets = {"line1": {name: ha1(name, "line1", "carrier", "pw") for name in ("MD5", "SHA-256")}}
    (first,) = bench.order(COMMAND)
    assert b"Contact: <sip:tok@192.0.2.200:5060>\r\n" in first
    challenge = "".join(f"WWW-Authenticate: {value}\r\n" for value in verifier.challenge("x", bench.now))
    bench.feed(reply(first, 401, challenge), trunk_flow())
    second = bench.sent[0][0]
    request = parse(second)
    assert isinstance(request, Request)
    outcome, name = verifier.check(
        request.headers["authorization"], "REGISTER", "sip:carrier.example", "x", bench.now, secrets.get
    )
    assert (outcome, name) == (Outcome.ACCEPTED, "line1")
    bench.feed(
        reply(second, 200, "Contact: <sip:tok@192.0.2.200:5060>;expires=100\r\nContact: <sip:other@x>;expires=9\r\n"),
        trunk_flow(),
    )
    (event,) = bench.told(RegistrationState)
    assert (event.state, event.expires_at) == ("registered", bench.now + 100)  # type: ignore[attr-defined]
    assert bench.wait(75) == []
    refresh = bench.wait(10)[0]
    again = parse(refresh)
    assert isinstance(again, Request)
    assert (again.call_id, again.cseq.number) == (request.call_id, request.cseq.number + 1)


def test_wrong_password_is_rejected_after_the_second_challenge_and_tried_again_after_15_minutes() -> None:
    bench = Bench()
    (sent,) = bench.order(COMMAND)
    bench.feed(reply(sent, 401, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'), trunk_flow())
    bench.feed(reply(bench.sent[0][0], 401, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'), trunk_flow())
    assert states(bench) == [("rejected", 401)]
    assert bench.wait(899) == []
    assert bench.wait(2)[0].startswith(b"REGISTER ")


def test_silence_backs_off() -> None:
    bench = Bench()
    bench.order(COMMAND)
    bench.wait(32.5)
    assert states(bench) == [("failed", 408)]
    started = bench.now
    while not bench.wait(1.0):
        assert bench.now - started < 31
    assert bench.now - started >= 14
    bench.wait(120)
    assert states(bench)[1] == ("failed", 408)


def test_423_is_asked_again_with_the_minimum() -> None:
    bench = Bench()
    (sent,) = bench.order(COMMAND)
    bench.feed(reply(sent, 423, "Min-Expires: 1800\r\n"), trunk_flow())
    assert b"Expires: 1800\r\n" in bench.sent[0][0]
    bench.feed(reply(bench.sent[0][0], 200), trunk_flow())
    assert states(bench) == [("registered", 200)]


def test_503_with_retry_after_is_obeyed() -> None:
    bench = Bench()
    (sent,) = bench.order(COMMAND)
    bench.feed(reply(sent, 503, "Retry-After: 200\r\n"), trunk_flow())
    assert bench.wait(199) == []
    assert bench.wait(2)[0].startswith(b"REGISTER ")


def test_unregister() -> None:
    bench = Bench()
    (sent,) = bench.order(COMMAND)
    bench.feed(reply(sent, 200), trunk_flow())
    (bye,) = bench.order(replace(COMMAND, expires=0))
    assert b"Expires: 0\r\n" in bye
    bench.feed(reply(bye, 200), trunk_flow())
    assert states(bench) == [("registered", 200), ("unregistered", 200)]
    assert bench.wait(1000) == []


def test_connection_that_closes_is_a_failure() -> None:
    bench = Bench()
    flow = Flow("tcp", ("192.0.2.200", 5060), TRUNK, 3)
    (sent,) = bench.order(replace(COMMAND, flow=flow))
    bench.feed(reply(sent, 200), flow)
    bench.events += bench.endpoint.flow_closed(flow, bench.now).events
    assert states(bench) == [("registered", 200), ("failed", 503)]
