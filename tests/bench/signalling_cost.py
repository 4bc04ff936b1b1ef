"""CPU of the signalling core for one B2BUA call: INVITE 100 180 200 ACK BYE 200 on both sides, 14 messages, in memory.

Only the time inside the endpoint under test is counted; the two peers are text templates outside the clock. Run it alone:
    python tests/bench/signalling_cost.py [calls]
It prints one JSON object.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from signalling.commands import Answer, Command, HangUp, Invite, Ring
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.events import Answered, Ended, Event, Flow, IncomingCall, Progress
from signalling.message import Outgoing, Request, parse, parser
from signalling.policy import PeerKind, PeerPolicy
from signalling.testing import Book

SWITCH, CALLER, CALLEE = ("192.0.2.9", 5060), ("192.0.2.1", 5060), ("192.0.2.2", 5060)
A_FLOW, B_FLOW = Flow("udp", SWITCH, CALLER), Flow("udp", SWITCH, CALLEE)
CHUNK = 250  # calls per sample; the median and the best sample are shown, for machines that are busy
SDP = (
    "v=0\r\no=- 3724394400 3724394405 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 0 8 9 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
)
CARRIER_HEADERS = (
    "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\r\n"
    "Supported: replaces, 100rel, timer, norefersub\r\nSession-Expires: 1800\r\nMin-SE: 90\r\n"
    "P-Asserted-Identity: <sip:+8613800138000@carrier.example.net>\r\nPrivacy: none\r\nUser-Agent: Carrier SBC 7.2.1\r\n"
    "Content-Type: application/sdp\r\n"
)
CARRIER_SDP = SDP.replace("0 8 9 101", "0 8 9 18 101").replace(
    "a=ptime", "a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=ptime"
)
HEADERS = re.compile(rb"(?m)^(Via|From|To|Call-ID|CSeq|Contact): ([^\r]*)\r\n")


class Switch:
    """The smallest B2BUA over the core: what comes in on one leg goes out on the other."""

    def __init__(self) -> None:
        policy = PeerPolicy(PeerKind.TRUNK, "bench")
        book = Book(trunks={CALLER[0]: policy, CALLEE[0]: policy})
        self.endpoint = Endpoint(EndpointConfig(), book, lambda: secrets.token_hex(8))
        self.other: dict[str, str] = {}
        self.spent = 0.0
        self.now = 0.0
        self.sent: list[tuple[bytes, Flow]] = []

    def receive(self, data: bytes, flow: Flow) -> list[tuple[bytes, Flow]]:
        """Feed one datagram and let the switch react; returns what it sent."""
        self.sent = []
        started = time.thread_time()
        self._follow(self.endpoint.receive(data, flow, self.now))
        self.spent += time.thread_time() - started
        return self.sent

    def tick(self, seconds: float) -> None:
        self.now += seconds
        started = time.thread_time()
        self._follow(self.endpoint.handle_timeout(self.now))
        self.spent += time.thread_time() - started

    def _follow(self, output: Output) -> None:
        self.sent.extend(output.transmits)
        for event in output.events:
            command = self._react(event)
            if command is not None:
                self._follow(self.endpoint.submit(command, self.now))

    def _react(self, event: Event) -> Command | None:
        match event:
            case IncomingCall():
                leg = f"{event.leg}-b"
                self.other[event.leg], self.other[leg] = leg, event.leg
                return Invite(leg, f"sip:{event.called}@{CALLEE[0]}", B_FLOW, event.caller, event.to_user, event.body)
            case Progress():
                return Ring(self.other[event.leg])
            case Answered():
                assert event.body is not None
                return Answer(self.other[event.leg], event.body)
            case Ended():
                other = self.other.pop(event.leg, None)
                return HangUp(other) if other is not None and not event.by_us else None
        return None


def invite(number: int) -> bytes:
    return (
        f"INVITE sip:100@{SWITCH[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER[0]}:5060;rport;branch=z9hG4bKcaller{number}\r\n"
        f'Max-Forwards: 70\r\nFrom: "Alice" <sip:200@example.com>;tag=caller{number}\r\nTo: <sip:100@example.com>\r\n'
        f"Call-ID: call{number}@caller\r\nCSeq: 1 INVITE\r\nContact: <sip:200@{CALLER[0]}:5060>\r\nUser-Agent: bench\r\n"
        f"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nSupported: timer, replaces\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
    ).encode()


def reply(request: bytes, status: str, tag: str, body: str = "") -> bytes:
    found = dict(HEADERS.findall(request))
    text = b"".join(b"%s: %s\r\n" % (name, found[name]) for name in (b"Via", b"From", b"Call-ID", b"CSeq"))
    to = found[b"To"] if b"tag=" in found[b"To"] else found[b"To"] + b";tag=" + tag.encode()
    kind = "Content-Type: application/sdp\r\n" if body else ""
    tail = f"Contact: <sip:100@{CALLEE[0]}:5060>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    return b"SIP/2.0 %s\r\n" % status.encode() + text + b"To: " + to + b"\r\n" + tail.encode()


def in_dialog(method: str, number: int, cseq: int, ok: bytes) -> bytes:
    found = {name: value.decode() for name, value in HEADERS.findall(ok)}
    target = found[b"Contact"].strip("<>")
    return (
        f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER[0]}:5060;rport;branch=z9hG4bK{method}{number}\r\n"
        "Max-Forwards: 70\r\n"
        f"From: {found[b'From']}\r\nTo: {found[b'To']}\r\nCall-ID: {found[b'Call-ID']}\r\nCSeq: {cseq} {method}\r\n"
        f"Content-Length: 0\r\n\r\n"
    ).encode()


def to(sent: list[tuple[bytes, Flow]], flow: Flow, start: bytes) -> bytes:
    found = [data for data, where in sent if where == flow and data.startswith(start)]
    assert len(found) == 1, (start, sent)
    return found[0]


def one_call(switch: Switch, number: int) -> None:
    """14 messages of the switch: 7 in, 7 out."""
    out = switch.receive(invite(number), A_FLOW)
    to(out, A_FLOW, b"SIP/2.0 100")
    offered = to(out, B_FLOW, b"INVITE")
    switch.receive(reply(offered, "100 Trying", ""), B_FLOW)
    tag = f"callee{number}"
    to(switch.receive(reply(offered, "180 Ringing", tag), B_FLOW), A_FLOW, b"SIP/2.0 180")
    out = switch.receive(reply(offered, "200 OK", tag, SDP), B_FLOW)
    to(out, B_FLOW, b"ACK")
    ok = to(out, A_FLOW, b"SIP/2.0 200")
    switch.receive(in_dialog("ACK", number, 1, ok), A_FLOW)
    out = switch.receive(in_dialog("BYE", number, 2, ok), A_FLOW)
    to(out, A_FLOW, b"SIP/2.0 200")
    switch.receive(reply(to(out, B_FLOW, b"BYE"), "200 OK", tag), B_FLOW)


def cost(work: Callable[[], object], times: int) -> float:
    """Median microseconds of one run."""
    spent = []
    for _ in range(times):
        started = time.thread_time()
        work()
        spent.append(time.thread_time() - started)
    return median(spent) * 1e6


def carrier_invite(number: int) -> bytes:
    """An INVITE of 1,385 octets as carriers send them (PAR-6); tags, branch and Call-ID differ, so no cache knows them."""
    head = (
        f"INVITE sip:+861012345678@203.0.113.10:5060;user=phone SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKPj{number:032x}\r\nMax-Forwards: 69\r\n"
        f'From: "Wang Li" <sip:+8613800138000@carrier.example.net;user=phone>;tag={number:016x}\r\n'
        f"To: <sip:+861012345678@203.0.113.10;user=phone>\r\nContact: <sip:+8613800138000@198.51.100.20:5060;transport=udp>\r\n"
        f"Call-ID: {number:032x}@198.51.100.20\r\nCSeq: 21833 INVITE\r\n{CARRIER_HEADERS}"
    )
    tail = f"Content-Length: {len(CARRIER_SDP)}\r\n\r\n{CARRIER_SDP}"
    filler = "X-Filler: " + "x" * (1385 - len(head) - len(tail) - 12) + "\r\n"
    return (head + filler + tail).encode()


def parse_and_write(data: bytes) -> bytes:
    """The five typed headers of a request, and a request of the same size out of them."""
    message = parse(data)
    assert isinstance(message, Request)
    _ = (message.via, message.from_, message.to, message.cseq, message.addresses("contact"))
    return Outgoing(
        message.method, message.uri_text, message.get("via"), "", message.get("from"), message.get("to"), message.call_id,
        message.cseq.number, CARRIER_HEADERS, "application/sdp", message.body, message.max_forwards,
    ).render()  # fmt: skip


def split(data: bytes) -> object:
    """The lazy split alone: start line and raw headers by name."""
    _, lines, _ = parser._split(data)
    return parser._headers(lines)


def cost_each(work: Callable[[bytes], object], messages: list[bytes]) -> float:
    """Median microseconds over different messages."""
    spent = []
    for message in messages:
        started = time.perf_counter()
        work(message)
        spent.append(time.perf_counter() - started)
    return median(spent) * 1e6


def message_costs() -> dict[str, float]:
    """Microseconds of PAR-6; the best of five rounds of new messages, for machines that are busy."""
    rounds = [[carrier_invite(first * 1000 + number) for number in range(1000)] for first in range(10)]
    return {
        "us_split": round(min(cost_each(split, messages) for messages in rounds[:5]), 1),
        "us_parse_and_write": round(min(cost_each(parse_and_write, messages) for messages in rounds[5:]), 1),
    }


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    switch = Switch()
    for number in range(500):
        one_call(switch, number)
        switch.tick(0.02)
    chunks = []
    for first in range(500, 500 + calls, CHUNK):
        switch.spent = 0.0
        for number in range(first, first + CHUNK):
            one_call(switch, number)
            switch.tick(0.02)  # 50 calls per second: the linger timers of earlier calls fire in between
        chunks.append(switch.spent / CHUNK * 1e6)
    per_call = median(chunks)
    message = invite(1)
    print(
        json.dumps(
            {
                "bench": "signalling_cost",
                "calls": calls,
                "us_per_call": round(per_call, 1),
                "us_per_call_best": round(min(chunks), 1),
                "messages_per_call": 14,
                "us_per_message": round(per_call / 14, 1),
                "calls_per_second": round(1e6 / per_call),
                "us_parse_invite": round(cost(lambda: parse(message), 5000), 1),
                **message_costs(),
                "left": switch.endpoint.leftovers,
            }
        )
    )


if __name__ == "__main__":
    main()
