"""A message means the same however it is spelled: compact names, folding, case, escapes, lists, quotes, order of headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.endpoint import Endpoint, EndpointConfig
from signalling.events import BindingsChanged, Flow, IncomingCall
from signalling.message import NameAddr, Request, Response, Uri, parse, parse_via
from signalling.message.uri import unescape
from signalling.testing import counting_token, open_book

UDP = Flow("udp", ("192.0.2.200", 5060), ("192.0.2.77", 40123))
COMPACT = {
    "Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Type": "c", "Content-Length": "l",
    "Supported": "k", "Subject": "s", "Session-Expires": "x",
}  # fmt: skip
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
CALLER = ("王 Li", "sip", "alice", "Example.COM", ";tag=a73kszlfl")
CALLED = ("", "sip", "*57*1380#", "pbx.example.com", "")
CONTACTS = (("", "sip", "alice", "192.0.2.77", ";expires=600;q=0.5"), ("desk", "sip", "alice+2", "192.0.2.78", ";expires=700"))
VIAS = (
    ("SIP/2.0/UDP", "192.0.2.77:5061", ";branch=z9hG4bKnashds8;rport"),
    ("SIP/2.0/TCP", "edge.example.com", ";branch=z9hG4bK2"),
)
Draw = Callable[[st.SearchStrategy[Any]], Any]
Address = tuple[str, str, str, str, str]


class Pen:
    """Writes the parts of one message, each in one of its spellings."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def one_of(self, *choices: str) -> str:
        return str(self._draw(st.sampled_from(choices)))

    def chance(self) -> bool:
        return bool(self._draw(st.booleans()))

    def case(self, text: str) -> str:
        return self.one_of(text, text.lower(), text.upper())

    def space(self) -> str:
        return self.one_of("", " ", "  ", "\t", "\r\n ", "\r\n\t ")

    def user(self, text: str) -> str:
        """Any character may be escaped, in digits of either case; those that must be are."""
        mask, digits = self._draw(st.integers(0, 2 ** len(text) - 1)), self.one_of("02x", "02X")
        return "".join(f"%{ord(char):{digits}}" if mask >> place & 1 else char for place, char in enumerate(text))

    def uri(self, address: Address) -> str:
        _, scheme, user, host, _ = address
        return f"{self.case(scheme)}:{self.user(user)}@{self.case(host)}"

    def params(self, text: str) -> str:
        """Names in any case, spaces around the separators."""
        parts = [part.partition("=") for part in text.split(";")[1:]]
        return "".join(
            f"{self.space()};{self.space()}{self.case(name)}{equals}{value}" for name, equals, value in parts
        )  # fmt: skip

    def address(self, address: Address) -> str:
        display, params = address[0], self.params(address[4])
        if not display and self.chance():
            return self.uri(address) + params
        name = self.one_of(f'"{display}"', display) if display else ""
        return f"{name}{' ' if name else self.space()}<{self.one_of('', ' ')}{self.uri(address)}{self.one_of('', ' ')}>{params}"

    def via(self, via: tuple[str, str, str]) -> str:
        protocol = self.one_of("", " ").join(["", *"/".join(via[0].split("/")).partition("/")]).strip()
        return f"{protocol} {self.case(via[1])}{self.params(via[2])}"

    def lines(self, name: str, values: list[str]) -> list[str]:
        """One line per value, or a list in one line."""
        if len(values) > 1 and self.chance():
            values = [f"{self.space()},{self.space()}".join(values)]
        return [
            f"{self.name(name)}{self.one_of('', ' ', chr(9))}:{self.space()}{value}{self.one_of('', ' ')}" for value in values
        ]

    def name(self, name: str) -> str:
        return self.case(self.one_of(name, COMPACT.get(name, name)))


@st.composite
def respelled(draw: Draw, method: str) -> bytes:
    pen = Pen(draw)
    body = SDP if method == "INVITE" else ""
    groups = [
        pen.lines("Via", [pen.via(via) for via in VIAS]),
        pen.lines("From", [pen.address(CALLER)]),
        pen.lines("To", [pen.address(CALLED)]),
        pen.lines("Contact", [pen.address(contact) for contact in CONTACTS[: 2 if method == "REGISTER" else 1]]),
        pen.lines("Call-ID", ["A84b4c76e66710"]),
        pen.lines("CSeq", [f"314159{draw(st.sampled_from([' ', '  ', chr(9)]))}{method}"]),
        pen.lines("Max-Forwards", ["17"]),
        pen.lines("Supported", ["replaces", "timer"]),
        pen.lines("Subject", ["I know you're there"]),
        pen.lines("Reason", ['SIP ;cause=200 ;text="Call completed"', "Q.850;cause=16"]),
        *([pen.lines("Content-Type", [pen.case("application/sdp")])] if body else []),
        *([pen.lines("Content-Length", [str(len(body))])] if body or pen.chance() else []),
    ]
    order = draw(st.permutations(groups))
    head = "\r\n".join(line for group in order for line in group)
    start = f"{method} {pen.case('sip')}:{pen.user(CALLED[2])}@{pen.case(CALLED[3])} {pen.case('SIP/2.0')}{pen.one_of('', ' ')}"
    text = f"{pen.one_of('', chr(13) + chr(10))}{start}\r\n{head}\r\n\r\n"
    if not body and pen.chance():
        text = text.replace("\r\n", "\n")
    return (text + body).encode()


def plain(method: str) -> bytes:
    """The spelling of the books."""
    contacts = "".join(f"Contact: {_written(contact)}\r\n" for contact in CONTACTS[: 2 if method == "REGISTER" else 1])
    body = SDP if method == "INVITE" else ""
    return (
        f"{method} sip:{CALLED[2]}@{CALLED[3]} SIP/2.0\r\n"
        + "".join(f"Via: {' '.join(via[:2])}{via[2]}\r\n" for via in VIAS)
        + f"From: {_written(CALLER)}\r\nTo: {_written(CALLED)}\r\n{contacts}"
        + f"Call-ID: A84b4c76e66710\r\nCSeq: 314159 {method}\r\n"
        "Max-Forwards: 17\r\nSupported: replaces, timer\r\nSubject: I know you're there\r\n"
        'Reason: SIP;cause=200;text="Call completed", Q.850;cause=16\r\n'
        + (
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            if body
            else "Content-Length: 0\r\n\r\n"
        )
    ).encode()


def _written(address: Address) -> str:
    display, scheme, user, host, params = address
    quoted = f'"{display}" ' if display else ""
    return f"{quoted}<{scheme}:{user}@{host}>{params}"


def of_uri(uri: Uri) -> tuple[object, ...]:
    return uri.scheme, unescape(uri.user), uri.host, uri.port, uri.params, uri.headers


def of_address(address: NameAddr) -> tuple[object, ...]:
    return address.name, of_uri(address.uri), address.params


def values_of(data: bytes) -> dict[str, object]:
    """All typed values of a request."""
    message = parse(data)
    assert isinstance(message, Request), (getattr(message, "reason", ""), data)
    return {
        "start": (message.method, of_uri(message.uri)),
        "vias": [parse_via(via) for via in message.tokens("via")],
        "from": of_address(message.from_),
        "to": of_address(message.to),
        "contacts": [of_address(address) for address in message.addresses("contact")],
        "ids": (message.call_id, message.cseq, message.max_forwards),
        "supported": message.tokens("supported"),
        "subject": message.get("subject"),
        "reasons": message.reasons,
        "body": (message.content_type, message.body),
    }


def answers_to(data: bytes) -> list[object]:
    """What an endpoint says and tells; the display of echoed headers is canonical, so values are compared."""
    endpoint = Endpoint(EndpointConfig(), open_book(), counting_token())
    output = endpoint.receive(data, UDP, 1.0)
    said: list[object] = []
    for sent in output.transmits:
        head, _, tail = sent.data.partition(b"\r\nVia: ")
        answer = parse(
            head + b"\r\nVia: " + b"\r\n".join(line for line in tail.split(b"\r\n") if not line.startswith(b"Via: "))
        )
        assert isinstance(answer, Response)
        addresses = [of_address(address) for address in (answer.from_, answer.to, *answer.addresses("contact"))]
        said.append((answer.status, answer.via, addresses, answer.call_id, answer.cseq, sorted(answer.headers)))
    for event in output.events:
        if isinstance(event, IncomingCall):
            said.append((event.called, event.caller, event.to_user, event.body, event.call_id, event.max_forwards))
        elif isinstance(event, BindingsChanged):
            said.append((event.aor, [(binding.expires_at, binding.call_id, binding.cseq) for binding in event.bindings]))
    return said


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_spelling_has_the_same_values_and_gets_the_same_answer(method: str, data: st.DataObject) -> None:
    octets = data.draw(respelled(method))
    assert values_of(octets) == values_of(plain(method))
    assert answers_to(octets) == answers_to(plain(method))
    assert answers_to(octets), "it is answered at all"
