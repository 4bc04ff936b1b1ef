"""RFC 4475 and RFC 5118, all 61 messages through the whole endpoint, verdicts of the specification (profile "open")."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalling.commands import Reject
from signalling.endpoint import Endpoint, EndpointConfig
from signalling.events import BindingsChanged, Counted, Event, Flow, IncomingCall
from signalling.message import Request, Response, parse, parse_uri
from signalling.testing import counting_token, open_book

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
UDP = Flow("udp", ("192.0.2.200", 5060), ("192.0.2.77", 40123))
TCP = Flow("tcp", ("192.0.2.200", 5060), ("192.0.2.77", 40123), 7)
ROUTE = (
    "route"  # the ordinary answer of a listener whose targets do not exist: 404, 200 to OPTIONS and REGISTER, 481 with a To tag
)

RFC4475 = {
    "wsinv": 481, "intmeth": 501, "esc01": ROUTE, "escnull": 200, "esc02": 501, "lwsdisp": 200, "longreq": ROUTE,
    "dblreq": 200, "semiuri": 200, "transports": 200, "mpart01": 501, "unreason": None, "noreason": None, "badinv01": 400,
    "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": None, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400,
    "lwsstart": 400, "trws": 200, "escruri": 400, "baddate": ROUTE, "regbadct": 400, "badaspec": 200, "baddn": 400,
    "badvers": 505, "mismatch01": 400, "mismatch02": 501, "bigcode": None, "badbranch": 200, "insuf": 400, "unkscm": 416,
    "novelsc": 416, "unksm2": 400, "bext01": 420, "invut": 415, "regaut01": 200, "multi01": 400, "mcl01": 400,
    "bcast": None, "zeromf": 200, "cparam01": 200, "cparam02": 200, "regescrt": 200, "sdp01": 406, "inv2543": ROUTE,
}  # fmt: skip
RFC5118 = {
    "ipv6-good": 200, "ipv6-bad": 400, "port-ambiguous": 200, "port-unambiguous": 200,
    "via-received-param-with-delim": 481, "via-received-param-no-delim": 200, "mult-ip-in-header": 481,
    "ipv6-in-sdp": ROUTE, "mult-ip-in-sdp": ROUTE, "ipv4-mapped-ipv6": ROUTE, "ipv6-bug-abnf-3-colons": 200,
    "ipv6-correct-abnf-2-colons": 200,
}  # fmt: skip
CASES = [("rfc4475", name, verdict) for name, verdict in RFC4475.items()] + [
    ("rfc5118", name, verdict) for name, verdict in RFC5118.items()
]
CLOSED_OVER_TCP = {"ncl", "mcl01", "inv2543"}  # no usable Content-Length: the stream cannot be followed


def octets(folder: str, name: str) -> bytes:
    return (VECTORS / folder / f"{name}.dat").read_bytes()


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


def expected(folder: str, name: str, verdict: int | str | None) -> int | None:
    if verdict == ROUTE:
        return 404
    assert verdict is None or isinstance(verdict, int)
    return verdict


def test_every_vector_has_a_verdict() -> None:
    assert {path.stem for path in (VECTORS / "rfc4475").glob("*.dat")} == set(RFC4475)
    assert {path.stem for path in (VECTORS / "rfc5118").glob("*.dat")} == set(RFC5118)
    assert (len(RFC4475), len(RFC5118)) == (49, 12)


@pytest.mark.acceptance("PAR-1")
@pytest.mark.parametrize(("folder", "name", "verdict"), CASES, ids=[case[1] for case in CASES])
def test_verdict_over_udp(folder: str, name: str, verdict: int | str | None) -> None:
    listener = Listener()
    answers = listener.feed(octets(folder, name))
    assert [answer.status for answer in answers] == ([] if verdict is None else [expected(folder, name, verdict)])
    assert listener.endpoint.leftovers["legs"] == 0


@pytest.mark.acceptance("PAR-1")
@pytest.mark.parametrize("portion", [1, 100_000], ids=["1-byte writes", "whole"])
@pytest.mark.parametrize(("folder", "name", "verdict"), CASES, ids=[case[1] for case in CASES])
def test_verdict_over_tcp(folder: str, name: str, verdict: int | str | None, portion: int) -> None:
    listener, data = Listener(), octets(folder, name)
    answers = [answer for at in range(0, len(data), portion) for answer in listener.feed(data[at : at + portion], TCP)]
    statuses = [answer.status for answer in answers]
    if name == "clerr":  # waits for the rest, then closes
        assert statuses == []
        assert listener.endpoint.handle_timeout(listener.now + 10.1).close_flows == [TCP]
        return
    if name == "baddn":  # lacks its blank line: never complete on a stream
        assert statuses == []
        return
    if name == "dblreq":  # on a stream the second request is one of its own
        assert statuses == [200, 404]
        return
    if name in CLOSED_OVER_TCP:
        assert statuses == [400]
        assert listener.closed == [TCP]
        return
    assert statuses == ([] if verdict is None else [expected(folder, name, verdict)])


def test_all_of_them_one_after_the_other_on_one_endpoint() -> None:
    listener = Listener()
    for folder, name, _ in CASES:
        listener.feed(octets(folder, name))
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


def test_ipv6_hosts_and_ports() -> None:
    ambiguous, plain = request("rfc5118", "port-ambiguous").uri, request("rfc5118", "port-unambiguous").uri
    assert (ambiguous.host, ambiguous.port) == ("2001:db8::10:5070", 0)
    assert (plain.host, plain.port) == ("2001:db8::10", 5070)
    three, two = request("rfc5118", "ipv6-bug-abnf-3-colons").uri, request("rfc5118", "ipv6-correct-abnf-2-colons").uri
    assert three.host == two.host
    assert parse_uri("sip:ted@[::ffff:192.0.2.2]").host == "192.0.2.2"
    assert request("rfc5118", "via-received-param-with-delim").via.params["received"] == "[2001:db8::9:255]"
