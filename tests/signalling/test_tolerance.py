"""What real peers send and sip.md §2.3 accepts: each row of its table."""

from __future__ import annotations

import pytest

from signalling.commands import Invite
from signalling.events import Answered, Body, Identity, IncomingCall, Progress, TransferRequested
from signalling.message import Request, parse, parse_uri, same_uri
from tests.signalling.scripted import SDP, TRUNK, Bench, trunk_flow

FLOW = trunk_flow()
CODES = ["*57*13800138000#", "%2A57%2A13800138000%23", "*57*13800138000%23", "%2a57*13800138000#"]


def dialled(uri: str, **parts: str) -> IncomingCall:
    bench = Bench()
    bench.feed(bench.request("INVITE", uri, body=SDP, **parts), FLOW)  # type: ignore[arg-type]
    (call,) = bench.told(IncomingCall)
    assert isinstance(call, IncomingCall)
    return call


@pytest.mark.acceptance("PAR-5", missing="the forwarding that the code sets")
@pytest.mark.parametrize("user", CODES)
def test_a_feature_code_arrives_unchanged_however_it_is_escaped(user: str) -> None:
    assert dialled(f"sip:{user}@pbx.example.com").called == "*57*13800138000#"


@pytest.mark.parametrize(
    ("uri", "called"),
    [
        ("sip:+49(30)12-34.5@x;user=phone", "+49(30)12-34.5"),
        ("sip:1234;phone-context=+86@x;user=phone", "1234;phone-context=+86"),
        ("sip:+8610;rn=+86139@x", "+8610;rn=+86139"),
        ("tel:+86-10-1234;isub=1", "+86-10-1234"),
        ("sip:alice@x;user=phone", "alice"),
    ],
)
def test_numbers_of_all_spellings_arrive(uri: str, called: str) -> None:
    """`routing.normalise` takes the number out; the separators are no fault of the message."""
    assert dialled(uri).called == called


def test_spaces_for_the_eye_in_a_transfer_target() -> None:
    bench = Bench()
    leg = answered_leg(bench)
    found = [event for event in bench.told(TransferRequested) if isinstance(event, TransferRequested)]
    assert [(event.leg, event.refer_to_user) for event in found] == [(leg, "+49 30 1234")]


def answered_leg(bench: Bench) -> str:
    """A call of ours to the trunk that is answered and then transferred by it."""
    invite = Invite("L", "sip:9@198.51.100.1", FLOW, Identity("1", "x"), "9", Body(SDP.encode()))
    request = parse(bench.order(invite)[-1])
    assert isinstance(request, Request)
    bench.feed(response(request, 200, body=SDP), FLOW)
    refer = bench.request(
        "REFER", f"sip:x@{FLOW.local[0]}", to_tag=request.from_.tag, call_id=request.call_id, from_tag="t",
        headers="Refer-To: < sip:+49 30 1234@pbx.example.com >\r\n",
    )  # fmt: skip
    assert [answer.status for answer in bench.feed(refer, FLOW)] == [202]
    return "L"


def response(request: Request, status: int, *, tag: str = ";tag=t", contact: str = "", body: str = "") -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"SIP/2.0 {status} x\r\nVia: {request.get('via')}\r\nFrom: {request.get('from')}\r\nTo: {request.get('to')}{tag}\r\n"
        f"Call-ID: {request.call_id}\r\nCSeq: {request.cseq.number} {request.method}\r\n{contact}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def test_ringing_without_tag_and_contact_then_an_answer_without_contact() -> None:
    """The remote target is then where the answer came from."""
    bench = Bench()
    request = parse(bench.order(Invite("L", "sip:9@198.51.100.1", FLOW, Identity("1", "x"), "9", Body(SDP.encode())))[-1])
    assert isinstance(request, Request)
    bench.feed(response(request, 180, tag=""), FLOW)
    assert len(bench.told(Progress)) == 1
    bench.feed(response(request, 200, body=SDP), FLOW)
    assert len(bench.told(Answered)) == 1
    ack = [data for data, _ in bench.sent if data.startswith(b"ACK ")]
    assert len(ack) == 1
    assert all(flow.remote == TRUNK for _, flow in bench.sent)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("OPTIONS sip", "\r\n\0\r\nOPTIONS sip"),
        ("Max-Forwards: 70\r\n", ""),
        (";branch=z9hG4bKscript1", ""),
        ("z9hG4bKscript1", "z9hG4bK"),
        (";tag=peer", ""),
        ("Call-ID:", "Call-ID :"),
        ("Call-ID:", "i\t:"),
        ("Via:", "V:"),
        ("From: <sip", "FROM:\t< sip"),
        ("SIP/2.0\r\nVia", "SIP/2.0 \r\nVia"),
        ("SIP/2.0\r\nVia", "sip/2.0\r\nVia"),
        ("rport;", "rport=9;received=[2001:db8::1];"),
        ("rport;", "received=2001:db8::1;"),
        ("SIP/2.0/UDP", "SIP/2.0/CARRIER-PIGEON"),
        ("10.0.0.5:5060", "[2001:db8:::1]:5060"),
        ("To: ", "Call-ID: call1\r\nTo: "),
        ("To: ", "Expires: soon\r\nDate: yesterday\r\nRetry-After: later\r\nWarning: \"\r\nTimestamp: x\r\nTo: "),
        ("Content-Length: 0\r\n", ""),
        ("Content-Length: 0\r\n\r\n", "Content-Length: 0\r\n\r\nsome more octets"),
        ("\r\n", "\n"),
    ],
)  # fmt: skip
def test_odd_but_clear_messages_are_answered(old: str, new: str) -> None:
    bench = Bench()
    text = bench.request("OPTIONS")
    assert old in text
    answers = bench.feed(text.replace(old, new), FLOW)
    assert [answer.status for answer in answers] == [200]
    assert answers[0].via.params["received"] == TRUNK[0]
    assert answers[0].via.params["rport"] == str(TRUNK[1])


@pytest.mark.parametrize("repeat", ["Call-ID: other", "CSeq: 2 OPTIONS", "To: <sip:z@x>", "Max-Forwards: 69"])
def test_single_headers_that_contradict_themselves_are_refused(repeat: str) -> None:
    bench = Bench()
    text = bench.request("OPTIONS").replace("To: ", f"{repeat}\r\nTo: ", 1)
    assert [answer.status for answer in bench.feed(text, FLOW)] == [400]


def test_a_cancel_may_require_anything_and_carry_a_body() -> None:
    bench = Bench()
    invite = bench.request("INVITE", body=SDP, branch="z9hG4bKsame")
    bench.feed(invite, FLOW)
    cancel = bench.request("CANCEL", body=SDP, branch="z9hG4bKsame", call_id="call1", headers="Require: 100rel, nonsense\r\n")
    assert 200 in [answer.status for answer in bench.feed(cancel, FLOW)]


@pytest.mark.acceptance("PAR-5")
@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "latin-1"])
@pytest.mark.parametrize("is_quoted", [True, False])
def test_display_names_of_all_charsets_are_read(charset: str, is_quoted: bool) -> None:
    name = "Café" if charset == "latin-1" else "王小明.客服"
    octets = f'"{name}"'.encode(charset) if is_quoted else name.encode(charset)
    bench = Bench()
    data = bench.request("INVITE", body=SDP).encode().replace(b"From: ", b"From: " + octets + b" ")
    bench.feed(data, FLOW)
    (call,) = bench.told(IncomingCall)
    assert isinstance(call, IncomingCall)
    assert call.caller.display_name == name
    out = bench.order(Invite("B", "sip:9@198.51.100.1", FLOW, call.caller, "9", Body(SDP.encode())))
    assert f'\r\nFrom: "{name}" <sip:'.encode() in out[-1], "the other side gets it quoted, in UTF-8"


def test_uris_are_equal_whatever_their_escapes() -> None:
    one = parse_uri(f"sip:{CODES[0]}@x")
    assert all(same_uri(one, parse_uri(f"sip:{user}@X")) for user in CODES)


@pytest.mark.parametrize(("value", "is_refused"), [("identity", False), ("Identity", False), ("gzip", True)])
def test_an_encoded_body_is_refused_with_the_encoding_that_is_read(value: str, is_refused: bool) -> None:
    bench = Bench()
    answers = bench.feed(bench.request("INVITE", body=SDP, headers=f"e: {value}\r\n"), FLOW)
    refusals = [(answer.status, answer.get("accept-encoding")) for answer in answers if answer.status > 199]
    assert refusals == ([(415, "identity")] if is_refused else [])
