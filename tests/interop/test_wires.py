"""Transports with real peers: baresip over TLS, a carrier found by SRV whose first address is silent, sources behind NAT."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.support.apply import extensions
from tests.support.phone import Phone
from tests.support.raw_sip import RawSip, header, status
from tests.support.sipp import Sipp, answering
from tests.support.switch import Switch, free_port, free_sip_port, wait_for

TONES = {"first": 1000.0, "second": 440.0}
APPLY = (
    extensions("1001", "1002")
    + """
[[trunk]]
name = "named"
addresses = ["carrier.test"]
[[route]]
pattern = "0*"
trunks = ["named"]
"""
)


@contextmanager
def dns_server(hole: int, alive: int) -> Iterator[int]:
    """A name server in a thread: carrier.test has two servers, the preferred one at the port of a black hole."""
    zone = {
        ("_sip._udp.carrier.test.", "SRV"): [f"10 0 {hole} hole.test.", f"20 0 {alive} alive.test."],
        ("hole.test.", "A"): ["127.0.0.1"],
        ("alive.test.", "A"): ["127.0.0.1"],
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while len((received := sock.recvfrom(4096))[0]) > 1:
                question = dns.message.from_wire(received[0])
                name, kind = str(question.question[0].name).lower(), dns.rdatatype.to_text(question.question[0].rdtype)
                reply = dns.message.make_response(question)
                if values := zone.get((name, kind)):
                    reply.answer.append(dns.rrset.from_text(name, 300, "IN", kind, *values))
                sock.sendto(reply.to_wire(), received[1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b".", sock.getsockname())
        thread.join(2)


@pytest.mark.timeout(120)
@pytest.mark.acceptance("TRA-1", "TRA-5")
def test_a_phone_by_tls_and_a_carrier_by_its_name(tmp_path: Path) -> None:
    sip, secure, alive = free_sip_port(), free_port(), free_sip_port()
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.1", 0))
    listen = f'["udp:127.0.0.1:{sip}","tcp:127.0.0.1:{sip}","tls:127.0.0.1:{secure}"]'
    with hole, dns_server(hole.getsockname()[1], alive) as dns_port:
        settings = {"SOFTSWITCH_SIP__DNS_SERVERS": f'["127.0.0.1:{dns_port}"]'}
        with Switch(tmp_path, APPLY, sip_listen=listen, settings=settings, sip_port=sip) as switch:
            _answers_go_to_the_source(switch)
            with (
                Phone(
                    "1001", "secret-1001", f"127.0.0.1:{secure}", TONES["first"], transport="tls", encryption="srtp-mand"
                ) as first,
                Phone("1002", "secret-1002", f"127.0.0.1:{sip}", TONES["second"]) as second,
            ):
                first.do("register")
                second.do("register")
                contacts = {
                    each["extension"]: each["contacts"][0]["address"] for each in switch.api("GET", "/registrations")["items"]
                }
                assert contacts["1001"].startswith("tls:")
                _calls_find_the_living_address(second, alive, tmp_path, switch)


def _answers_go_to_the_source(switch: Switch) -> None:
    with RawSip(switch.sip_port) as raw:
        for rport in ("", ";rport"):
            asked = raw.request("REGISTER", "sip:127.0.0.1", caller="1001").replace(";rport", rport)
            asked = asked.replace(f"UDP 127.0.0.1:{raw.address[1]}", "UDP 198.51.100.7:9")
            raw.send(asked.replace("Max-Forwards", f"Subject: {'x' * 300}\nMax-Forwards"))
            answer = raw.final()
            assert status(answer) == 401
            via = header(answer, "Via")
            assert "198.51.100.7:9" in via and f"rport={raw.address[1]}" in via and "received=127.0.0.1" in via


def _talk(first: Phone, second: Phone) -> None:
    """Both ways of a call between TLS and UDP, rung over the connection that the phone has made."""
    second.do("dial", uri=f"sip:1001@{second.domain}", wait=False)
    first.do("ringing")
    first.do("answer")
    wait_for(lambda: (first.hears(TONES), second.hears(TONES)) == ({"second"}, {"first"}), 8, "both to hear each other")
    first.do("hangup")


def _calls_find_the_living_address(phone: Phone, alive: int, folder: Path, switch: Switch) -> None:
    with Sipp(folder, answering(), port=alive, calls=10, limit=5):
        waits = []
        for number in range(3):
            began = time.monotonic()
            phone.dial(f"012345{number}")
            waits.append(time.monotonic() - began)
            phone.do("hangup")
            wait_for(lambda: switch.api("GET", "/calls?state=live")["items"] == [], 5, "the call to end")
    assert 3.5 < waits[0] < 8.0, "the first waits for the silent one"
    assert max(waits[1:]) < 3.0, "and no other does"
