"""Mutated messages through the whole endpoint. Oracle: nothing raises, only the source hears, nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from signalling.commands import Answer, Invite, Modify
from signalling.endpoint import Endpoint, EndpointConfig, Limits
from signalling.errors import LocalProtocolError
from signalling.events import Answered, Body, Flow, Identity, IncomingCall
from signalling.message import Request, parse
from signalling.testing import Book, counting_token, open_book
from tests.fuzz.mutation import mutated

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
CORPUS = [path.read_bytes() for folder in ("rfc4475", "rfc5118") for path in sorted((VECTORS / folder).glob("*.dat"))]
UDP = Flow("udp", ("192.0.2.200", 5060), ("192.0.2.77", 40123))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("book", ["open", "strangers"])
def test_endpoint_survives_and_forgets(seed: int, book: str) -> None:
    random = Random(100 + seed)
    limits = Limits(stranger_rate=1e9, stranger_burst=1e9, told_per_minute=1e9)
    peers = open_book() if book == "open" else Book()
    endpoint = Endpoint(EndpointConfig(limits=limits), peers, counting_token())
    now = 10.0
    for _ in range(1250):
        now += 0.01
        output = endpoint.receive(mutated(random, CORPUS), UDP, now)
        assert all(sent.flow == UDP for sent in output.transmits)
        for event in output.events:
            if isinstance(event, IncomingCall):
                for sent in endpoint.submit(Answer(event.leg, Body(b"v=0")), now).transmits:
                    assert sent.flow.local == UDP.local
    for _ in range(400):
        now += 1.0
        endpoint.handle_timeout(now)
    assert set(endpoint.leftovers.values()) == {0}


@pytest.mark.parametrize("seed", range(3))
def test_mutated_answers_to_our_own_call(seed: int) -> None:
    """The peer that we call is hostile: it mutates what it has seen of us."""
    random = Random(200 + seed)
    now = 10.0
    for round_number in range(60):
        endpoint = Endpoint(EndpointConfig(), open_book(), counting_token(f"r{round_number}x"))
        sent = (
            endpoint.submit(Invite("L", "sip:1@192.0.2.77", UDP, Identity("2", "x"), "1", Body(b"v=0")), now).transmits[0].data
        )
        request = parse(sent)
        assert isinstance(request, Request)
        shared = f"Via: {request.get('via')}\r\nFrom: {request.get('from')}\r\nTo: {request.get('to')};tag=t\r\n"
        shared += f"Call-ID: {request.call_id}\r\n"
        contact = "Contact: <sip:1@192.0.2.77>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0"
        seen = [
            f"SIP/2.0 {status} x\r\n{shared}CSeq: 1 INVITE\r\n{contact}".encode() for status in (180, 183, 200, 302, 401, 486)
        ]
        swapped = shared.replace("From:", "X:").replace("To:", "From:").replace("X:", "To:")
        seen += [
            f"{method} sip:x SIP/2.0\r\n{swapped}CSeq: 5 {method}\r\n{contact}".encode()
            for method in ("BYE", "INVITE", "UPDATE", "INFO", "REFER", "ACK", "CANCEL")
        ]
        for _ in range(20):
            now += 0.05
            data = random.choice(seen) if random.random() < 0.3 else mutated(random, seen)
            for event in endpoint.receive(data, UDP, now).events:
                if isinstance(event, Answered):
                    try:
                        endpoint.submit(Modify("L", Body(b"v=0 hold")), now)
                    except LocalProtocolError:
                        assert "L" not in endpoint.legs
        for _ in range(40):
            now += 4.0
            endpoint.handle_timeout(now)
