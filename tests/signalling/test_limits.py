"""The limits of sip.md §2.2, exactly at the edge and one beyond it, each with the answer that stands there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from signalling.endpoint import Endpoint, EndpointConfig
from signalling.errors import RemoteProtocolError
from signalling.events import Flow, IncomingCall
from signalling.message import BadRequest, Request, parse, sdp_part
from signalling.message.parser import Silence
from signalling.testing import Book, counting_token, open_book
from tests.signalling.scripted import Bench, phone_flow

UDP = Flow("udp", ("192.0.2.200", 5060), ("192.0.2.77", 40123))
TCP = UDP._replace(transport="tcp", connection=7)
KIB = 1024


def message(
    *, uri: str = "sip:b@x", via: str = "SIP/2.0/UDP h;branch=z9hG4bK1", from_: str = "<sip:a@x>;tag=f", to: str = "<sip:b@x>",
    call_id: str = "c", cseq: str = "1", method: str = "OPTIONS", more: str = "", body: str = "",
) -> bytes:  # fmt: skip
    return (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nFrom: {from_}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def verdict(data: bytes) -> int:
    """200 when it is accepted; otherwise the status of the refusal."""
    parsed = parse(data)
    if isinstance(parsed, BadRequest):
        return parsed.status
    assert isinstance(parsed, Request)
    try:
        _ = parsed.uri, parsed.addresses("contact"), parsed.addresses("route"), parsed.addresses("record-route")
    except RemoteProtocolError as error:
        return error.status
    return 200


def routes(count: int) -> str:
    return "Route: " + ", ".join(["<sip:r;lr>"] * count) + "\r\n"


EDGES: list[tuple[str, Callable[[int], bytes], int, int]] = [
    ("request-uri", lambda n: message(uri="sip:" + "b" * (n - 6) + "@x"), 2 * KIB, 414),
    ("uri of To", lambda n: message(to="<sip:" + "b" * (n - 6) + "@x>"), 2 * KIB, 400),
    ("start line", lambda n: message(method="M" * (n - 16)), 4 * KIB, 400),
    ("header lines", lambda n: message(more="X: y\r\n" * (n - 6)), 128, 400),
    ("one header", lambda n: message(more="X: " + "y" * (n - 3) + "\r\n"), 8 * KIB, 400),
    ("one folded header", lambda n: message(more="X: y\r\n " + "y" * (n - 5) + "\r\n"), 8 * KIB, 400),
    ("octets of a header", lambda n: message(more="X: " + "é" * ((n - 3) // 2) + "y" * ((n - 3) % 2) + "\r\n"), 8 * KIB, 400),
    ("header name", lambda n: message(more="X" * n + ": y\r\n"), 128, 400),
    ("Vias", lambda n: message(via=", ".join(["SIP/2.0/UDP h;branch=z9hG4bK1"] * n)), 70, 400),
    ("Routes in a list", lambda n: message(more=routes(n)), 32, 400),
    ("Route and Record-Route", lambda n: message(more=routes(20) + "Record-Route: <sip:r;lr>\r\n" * (n - 20)), 32, 400),
    ("Contacts in a list", lambda n: message(more="m: " + ",".join(["sip:a@b"] * n) + "\r\n"), 20, 400),
    ("Call-ID", lambda n: message(call_id="c" * n), 512, 400),
    ("tag", lambda n: message(from_="<sip:a@x>;tag=" + "f" * n), 512, 400),
    ("branch", lambda n: message(via="SIP/2.0/UDP h;branch=" + "b" * n), 512, 400),
    ("display name", lambda n: message(from_=f'"{"n" * (n - 2)}" <sip:a@x>;tag=f'), 512, 400),
    ("CSeq", lambda n: message(cseq=str(n)), 2**31 - 1, 400),
    ("port", lambda n: message(via=f"SIP/2.0/UDP h:{n};branch=z9hG4bK1"), 65535, 400),
]  # fmt: skip


@pytest.mark.acceptance("PAR-4")
@pytest.mark.parametrize(("build", "limit", "over"), [edge[1:] for edge in EDGES], ids=[edge[0] for edge in EDGES])
def test_a_limit_is_met_and_passed(build: Callable[[int], bytes], limit: int, over: int) -> None:
    assert verdict(build(limit)) == 200
    assert verdict(build(limit + 1)) == over


@pytest.mark.parametrize("text", ["0", "00000000000000000001"])
def test_numbers_that_are_fine(text: str) -> None:
    assert verdict(message(cseq=text)) == 200


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "0x1", "000000000000000000001", "١", "", "1e3"])
def test_numbers_that_are_none(text: str) -> None:
    """At most 20 ASCII digits, no sign."""
    assert verdict(message(cseq=text)) == 400


@pytest.mark.parametrize(("text", "hops"), [("0", 0), ("255", 255), ("256", 70), ("x", 70), ("-1", 70), ("9" * 30, 70)])
def test_max_forwards(text: str, hops: int) -> None:
    parsed = parse(message(more=f"Max-Forwards: {text}\r\n"))
    assert isinstance(parsed, Request)
    assert parsed.max_forwards == hops


def test_an_expiry_beyond_32_bits_is_none() -> None:
    bench = Bench()
    for asked, header, granted in (
        (str(2**32), "", 3600),
        ("junk", "", 3600),
        (str(2**32 - 1), "", 7200),
        ("soon", "120", 120),
    ):
        more = f"Contact: <sip:a@{phone_flow().remote[0]}>;expires={asked}\r\n" + (f"Expires: {header}\r\n" if header else "")
        (answer,) = bench.register(phone_flow(), headers=more, contact="")
        given = int(answer.addresses("contact")[0].params["expires"])
        assert 0.9 * granted - 1 <= given <= granted, (asked, given)


def test_a_long_start_line_of_a_response_is_silence() -> None:
    tail = message().partition(b"\r\n")[2]
    assert parse(b"SIP/2.0 200 " + b"r" * (4 * KIB - 12) + b"\r\n" + tail)
    with pytest.raises(Silence):
        parse(b"SIP/2.0 200 " + b"r" * (4 * KIB - 11) + b"\r\n" + tail)


def multipart(parts: int, depth: int = 1) -> bytes:
    inner = b"Content-Type: application/sdp\r\n\r\nv=0"
    for level in range(depth):
        boundary = b"b%d" % level
        filler = b"--%s\r\nContent-Type: text/plain\r\n\r\nx\r\n" % boundary * (parts - 1 if level == depth - 1 else 0)
        body = filler + b"--%s\r\n%s\r\n--%s--\r\n" % (boundary, inner, boundary)
        inner = b"Content-Type: multipart/mixed;boundary=%s\r\n\r\n%s" % (boundary, body)
    return inner.partition(b"\r\n\r\n")[2]


def test_parts_and_depth_of_a_multipart_body() -> None:
    assert sdp_part("multipart/mixed;boundary=b0", multipart(8)) == b"v=0"
    assert sdp_part("multipart/mixed;boundary=b1", multipart(1, 2)) == b"v=0"
    for kind, body in (("multipart/mixed;boundary=b0", multipart(9)), ("multipart/mixed;boundary=b2", multipart(1, 3))):
        with pytest.raises(RemoteProtocolError) as caught:
            sdp_part(kind, body)
        assert caught.value.status == 400


def statuses(endpoint: Endpoint, data: bytes, flow: Flow) -> tuple[list[int], bool]:
    """Final answers without those of calls, and whether the stream is closed."""
    output = endpoint.receive(data, flow, 1.0)
    found = [int(sent.data[8:11]) for sent in output.transmits if sent.data[8:9] != b"1"]
    return found + [0 for event in output.events if isinstance(event, IncomingCall)], bool(output.close_flows)


def padded(size: int, method: str = "OPTIONS") -> bytes:
    """A request whose header section has exactly this many octets, no line longer than 8 KiB."""
    empty = message(method=method)
    lines, left = "", size - len(empty)
    while left:
        length = min(left, 7000) if left - min(left, 7000) in {0, *range(8, size)} else left - 8
        lines += "X: " + "y" * (length - 5) + "\r\n"
        left -= length
    return message(method=method, more=lines)


@pytest.mark.acceptance("PAR-4")
@pytest.mark.parametrize(("book", "head", "body"), [(open_book, 64 * KIB, 128 * KIB), (Book, 16 * KIB, 16 * KIB)])
def test_sizes_on_a_stream_before_and_after_identification(book: Callable[[], Book], head: int, body: int) -> None:
    def ask(data: bytes) -> tuple[list[int], bool]:
        return statuses(Endpoint(EndpointConfig(options_public=True), book(), counting_token()), data, TCP)

    assert ask(padded(head)) == ([200], False)
    assert ask(padded(head + 1)) == ([513], True)
    assert ask(message(body="x" * body)) == ([200], False)
    assert ask(message(body="x" * (body + 1))) == ([413], True)


def test_sizes_of_a_datagram() -> None:
    stranger = Endpoint(EndpointConfig(options_public=True), Book(), counting_token())
    assert statuses(stranger, message(body="x" * (16 * KIB + 1)), UDP) == ([413], False)
    assert statuses(stranger, padded(16 * KIB + 1), UDP) == ([513], False)
    assert statuses(stranger, message(body="x" * 16 * KIB), UDP) == ([200], False)
    known = Endpoint(EndpointConfig(), open_book(), counting_token())
    assert statuses(known, message(body="x" * 65_000), UDP) == ([200], False)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/1.1\r\n",
        b"\x80\x01",
        b"SSH-2.0-x\r\n",
        b"\xff\xf4",
        b"EHLO me\r\n",
    ],
    ids=["TLS", "HTTP", "binary", "SSH", "telnet", "SMTP"],
)
def test_what_is_no_sip_ends_a_stream_at_once(data: bytes) -> None:
    """Nothing is said, and nobody waits 10 s for the rest."""
    endpoint = Endpoint(EndpointConfig(), Book(), counting_token())
    assert statuses(endpoint, data, TCP) == ([], True)
