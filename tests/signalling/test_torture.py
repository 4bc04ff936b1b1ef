"""RFC 4475 and RFC 5118, all 61 messages through the whole endpoint, verdicts of the specification (profile "open")."""

from __future__ import annotations

import json

import pytest

from signalling.commands import Invite, Reject
from signalling.endpoint import Endpoint, EndpointConfig
from signalling.events import BindingsChanged, Counted, Event, Flow, Identity, IncomingCall
from signalling.message import BadRequest, Request, Response, parse, parse_uri, same_uri
from signalling.message.uri import unescape
from signalling.testing import Book, counting_token, open_book
from tests.support.torture import ALL, CLOSING, RFC4475, RFC5118, ROUTE, VECTORS, WAITING, Torture, agree, octets

UDP = Flow("udp", ("192.0.2.200", 5060), ("192.0.2.77", 40123))
TCP = Flow("tcp", ("192.0.2.200", 5060), ("192.0.2.77", 40123), 7)
STEADY = [case for case in ALL if case.name not in {"dblreq", *WAITING, *CLOSING}]
each = pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])


class Listener:
    """An endpoint above which no number exists."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(EndpointConfig(), open_book(), counting_token())
        self.events: list[Event] = []
        self.closed: list[Flow] = []
        self.now = 50.0

    def feed(self, data: bytes, flow: Flow = UDP) -> list[Response]:
        answers: list[Response] = []
        output = self.endpoint.receive(data, flow, self.now)
        sent, self.closed = list(output.transmits), self.closed + output.close_flows
        for event in output.events:
            self.events.append(event)
            if isinstance(event, IncomingCall):
                sent += self.endpoint.submit(Reject(event.leg, 404), self.now).transmits
        for reply, where in sent:
            assert where == flow, "answers go to the source, whatever Via, Route or Contact say"
            if reply == b"\r\n":
                continue
            if b"SIP/2.0 100" in reply[:12]:
                continue
            answers.append(readable(reply))
        return answers


def readable(reply: bytes) -> Response:
    """A reply as a Response; those to requests with many Vias are parsed with the first one only."""
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    vias = [line for line in lines if line.startswith(b"Via:")]
    kept = [line for line in lines if not line.startswith(b"Via:") or line is vias[0]]
    status = int(lines[0].split()[1])
    try:
        parsed = parse(b"\r\n".join(kept) + b"\r\n\r\n" + body)
        assert isinstance(parsed, Response)
    except Exception:
        assert status in {400, 505}, reply  # the answer to a broken request echoes what is there
        request = parse(octets("rfc4475", "lwsdisp"))
        assert isinstance(request, Request)
        parsed = Response(status, "", {}, b"", request.via, request.from_, request.to, "", request.cseq)
    parsed.headers["via"] = [line[5:].decode("utf-8", "surrogateescape") for line in vias]
    return parsed


def test_every_vector_has_a_verdict() -> None:
    assert {path.stem for path in (VECTORS / "rfc4475").glob("*.dat")} == set(RFC4475)
    assert {path.stem for path in (VECTORS / "rfc5118").glob("*.dat")} == set(RFC5118)
    assert (len(RFC4475), len(RFC5118)) == (49, 12)


@pytest.mark.parametrize("folder", ["rfc4475", "rfc5118"])
def test_verdicts_are_among_those_that_the_manifest_allows(folder: str) -> None:
    """The manifest says what the RFC leaves a user agent to answer; `!400` is any final answer but 400."""
    allowed = {entry["name"]: entry["ok_uas"] for entry in json.loads((VECTORS / folder / "manifest.json").read_text())}
    mine = [case for case in ALL if case.folder == folder]
    assert set(allowed) == {case.name for case in mine}
    for case in mine:
        assert is_allowed(404 if case.verdict == ROUTE else case.verdict, allowed[case.name]), case.name


def is_allowed(status: int | str | None, allowed: list[str]) -> bool:
    if status is None:
        return "none" in allowed
    words = {str(status), f"{str(status)[0]}xx"} | ({"!400"} if status != 400 else set())
    return bool(words & set(allowed))


@pytest.mark.acceptance("PAR-1")
@each
def test_verdict_over_udp(case: Torture) -> None:
    listener = Listener()
    answers = listener.feed(case.octets)
    assert len(answers) == (case.verdict is not None)
    assert all(case.fits(answer.status) for answer in answers), answers[0].status
    assert listener.endpoint.leftovers["legs"] == 0


@pytest.mark.acceptance("PAR-1")
@pytest.mark.parametrize("portion", [1, 100_000], ids=["1-byte writes", "whole"])
@each
def test_verdict_over_tcp(case: Torture, portion: int) -> None:
    listener, data = Listener(), case.octets
    statuses = [answer.status for at in range(0, len(data), portion) for answer in listener.feed(data[at : at + portion], TCP)]
    assert agree(statuses, case.over_stream()), statuses
    if case.name in WAITING:
        assert listener.endpoint.handle_timeout(listener.now + 10.1).close_flows == [TCP]
    assert listener.closed == ([TCP] if case.name in CLOSING or case.name == "dblreq" else [])


@pytest.mark.acceptance("PAR-1")
@pytest.mark.parametrize("first", range(0, len(STEADY), 10))
def test_ten_messages_in_one_write_over_tcp(first: int) -> None:
    """All that can be framed, ten at a time, with one behind them that cannot."""
    batch = STEADY[first : first + 10]
    for last in CLOSING:
        listener = Listener()
        data = b"".join(case.named(b"%02d" % number) for number, case in enumerate(batch)) + octets("rfc4475", last)
        statuses = [answer.status for answer in listener.feed(data + octets("rfc4475", "lwsdisp"), TCP)]
        assert agree(statuses, [status for case in batch for status in case.over_stream()] + [400]), statuses
        assert listener.closed == [TCP], "nothing behind a message without a length is believed"


def test_all_of_them_one_after_the_other_on_one_endpoint() -> None:
    listener = Listener()
    for case in ALL:
        listener.feed(case.octets)
        listener.now += 33
        listener.endpoint.handle_timeout(listener.now)
    listener.endpoint.handle_timeout(listener.now + 100)
    assert set(listener.endpoint.leftovers.values()) == {0}


def request(folder: str, name: str) -> Request:
    parsed = parse(octets(folder, name))
    assert isinstance(parsed, Request)
    return parsed


def test_wsinv_is_read_through_its_white_space() -> None:
    message = request("rfc4475", "wsinv")
    assert len(message.tokens("via")) == 3
    assert (message.cseq.number, message.max_forwards, message.get("subject")) == (9, 68, "")
    assert message.from_.name == 'J Rosenberg \\"'
    assert message.addresses("contact")[0].params["q"] == "0.33"
    assert message.to.tag == "1918181833n"


def test_escapes_are_resolved_once() -> None:
    message = request("rfc4475", "esc01")
    assert message.uri.username == "sips:user@example.com"
    assert message.from_.uri.username == "I have spaces"
    assert same_uri(message.to.uri, parse_uri("sip:user@example.com"))
    assert unescape(message.addresses("contact")[0].uri.param("name") or "") == "value%41"
    assert request("rfc4475", "semiuri").uri.username == "user;par=u@example.net"


def test_escnull_keeps_two_bindings_and_the_whole_address() -> None:
    listener = Listener()
    listener.feed(octets("rfc4475", "escnull"))
    changed = [event for event in listener.events if isinstance(event, BindingsChanged)]
    assert [binding.contact for binding in changed[0].bindings] == ["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"]
    assert changed[0].aor == "null-\0-null"


def test_intmeth_is_echoed_byte_by_byte() -> None:
    listener = Listener()
    output = listener.endpoint.receive(octets("rfc4475", "intmeth"), TCP, 1.0)
    reply = output.transmits[0].data
    assert b"\r\nCall-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n" in reply
    assert (
        b'\r\nTo: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>;tag='
        in reply
    )
    assert b"\r\nAllow: INVITE" in reply


def test_esc02_registers_nothing() -> None:
    listener = Listener()
    listener.feed(octets("rfc4475", "esc02"), TCP)
    assert not [event for event in listener.events if isinstance(event, BindingsChanged)]
    message = request("rfc4475", "esc02")
    assert len(message.addresses("contact")) == 2
    assert message.from_.name == "%Z%45"


def test_long_via_list_comes_back_in_order() -> None:
    listener = Listener()
    (answer,) = listener.feed(octets("rfc4475", "longreq"), TCP)
    sent = request("rfc4475", "longreq").tokens("via")
    assert len(answer.headers["via"]) == len(sent) == 34
    assert answer.headers["via"][1:] == sent[1:]


def test_answers_are_canonical() -> None:
    listener = Listener()
    reply = listener.endpoint.receive(octets("rfc4475", "badaspec"), UDP, 1.0).transmits[0].data
    assert b'\r\nTo: "Watson, Thomas" <sip:t.watson@example.org>;tag=' in reply
    trws = listener.endpoint.receive(octets("rfc4475", "trws"), UDP, 1.0).transmits[0].data
    assert b" \r\n" not in trws


def test_bare_cookies_of_two_senders_are_two_transactions() -> None:
    listener, other = Listener(), UDP._replace(remote=("192.0.2.78", 5060))
    data = octets("rfc4475", "badbranch")
    assert len(listener.feed(data)) == 1
    assert [sent.flow for sent in listener.endpoint.receive(data.replace(b"tag=33242", b"tag=9"), other, 51.0).transmits] == [
        other
    ]
    assert listener.endpoint.leftovers["servers"] == 2


def test_bext01_names_what_is_not_supported() -> None:
    listener = Listener()
    (answer,) = listener.feed(octets("rfc4475", "bext01"))
    assert answer.get("unsupported") == "nothingSupportsThis, nothingSupportsThisEither"


def test_invut_says_what_would_be_accepted() -> None:
    (answer,) = Listener().feed(octets("rfc4475", "invut"))
    assert answer.get("accept") == "application/sdp, multipart/mixed"


def test_contact_parameters_stay_where_they_belong() -> None:
    for name, contact in (
        ("cparam01", "sip:+19725552222@gw1.example.net"),
        ("cparam02", "sip:+19725552222@gw1.example.net;unknownparam"),
        ("regescrt", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
    ):
        listener = Listener()
        listener.feed(octets("rfc4475", name))
        (changed,) = [event for event in listener.events if isinstance(event, BindingsChanged)]
        assert [binding.contact for binding in changed.bindings] == [contact]


def test_body_octets_are_counted_not_read_as_text() -> None:
    assert len(request("rfc4475", "mpart01").body) == 553
    assert b"\0" in request("rfc4475", "mpart01").body


def test_nothing_is_said_to_a_broadcast_address() -> None:
    listener = Listener()
    assert listener.feed(octets("rfc4475", "bcast")) == []
    assert [event.what for event in listener.events if isinstance(event, Counted)] == ["malformed"]


def reply_to(folder: str, name: str) -> bytes:
    """The one answer, as it is sent."""
    listener = Listener()
    output = listener.endpoint.receive(octets(folder, name), UDP, 1.0)
    for event in output.events:
        if isinstance(event, IncomingCall):
            output = listener.endpoint.submit(Reject(event.leg, 404), 1.0)
    return output.transmits[-1].data


def test_what_is_no_good_is_not_sent_back() -> None:
    assert b"\r\nDate:" not in reply_to("rfc4475", "baddate")
    assert reply_to("rfc4475", "dblreq").count(b"SIP/2.0 200") == 1


def test_a_request_without_its_headers_is_answered_from_what_there_is() -> None:
    reply = reply_to("rfc4475", "insuf")
    assert reply.startswith(b"SIP/2.0 400 ")
    assert b"\r\nVia: SIP/2.0/UDP 192.0.2.95" in reply
    assert b"\r\nCSeq: 193942 INVITE\r\n" in reply
    assert b"\r\nCall-ID:" not in reply


def test_the_reason_of_a_refusal_is_the_right_one() -> None:
    bad = parse(octets("rfc4475", "scalar02"))
    assert isinstance(bad, BadRequest)
    assert bad.reason == "Bad CSeq"


@pytest.mark.parametrize("name", ["invut", "sdp01", "bext01", "escruri"])
def test_a_refused_request_makes_no_leg(name: str) -> None:
    listener = Listener()
    listener.feed(octets("rfc4475", name))
    assert not [event for event in listener.events if isinstance(event, IncomingCall)]


@pytest.mark.parametrize("name", ["escnull", "regaut01"])
def test_where_a_login_is_needed_a_register_is_challenged_anew(name: str) -> None:
    listener = Listener()
    listener.endpoint = Endpoint(EndpointConfig(), Book(), counting_token())
    (challenge,) = listener.feed(octets("rfc4475", name))
    assert challenge.status == 401
    assert challenge.get("www-authenticate").startswith("Digest ")
    assert "stale" not in challenge.get("www-authenticate")


def test_an_open_listener_does_not_give_away_the_name_of_an_account() -> None:
    """Otherwise whoever reaches a test bench would get the calls of a real extension."""
    listener = Listener()
    book = open_book()
    book.add_phone("user", "s3cret")
    listener.endpoint = Endpoint(EndpointConfig(), book, counting_token())
    data = octets("rfc5118", "ipv6-good")
    assert [answer.status for answer in listener.feed(data)] == [401]
    assert [answer.status for answer in listener.feed(data.replace(b"To: sip:user@", b"To: sip:nobody@"))] == [200]


def test_a_header_in_a_contact_is_kept_but_never_applied() -> None:
    """RFC 3261 §19.1.5: what a peer escapes into its Contact does not steer our requests."""
    listener = Listener()
    invite = Invite("L", "sip:u@example.com;lr?Route=%3Csip:sip.example.com%3E", UDP, Identity("1", "x"), "u", None)
    sent = listener.endpoint.submit(invite, 1.0).transmits[0].data
    assert sent.startswith(b"INVITE sip:u@example.com;lr SIP/2.0\r\n")
    assert b"\r\nRoute:" not in sent


def test_mixed_address_families_of_vias_come_back() -> None:
    (answer,) = Listener().feed(octets("rfc5118", "mult-ip-in-header"))
    assert answer.headers["via"][1:] == [
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
        "SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
    ]


def test_ipv6_hosts_and_ports() -> None:
    ambiguous, plain = request("rfc5118", "port-ambiguous").uri, request("rfc5118", "port-unambiguous").uri
    assert (ambiguous.host, ambiguous.port) == ("2001:db8::10:5070", 0)
    assert (plain.host, plain.port) == ("2001:db8::10", 5070)
    three, two = request("rfc5118", "ipv6-bug-abnf-3-colons").uri, request("rfc5118", "ipv6-correct-abnf-2-colons").uri
    assert three.host == two.host
    assert parse_uri("sip:ted@[::ffff:192.0.2.2]").host == "192.0.2.2"
    assert request("rfc5118", "via-received-param-with-delim").via.params["received"] == "[2001:db8::9:255]"
