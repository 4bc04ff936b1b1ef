"""Fax by T.38 between two carriers, both SIPp: inside a call, in the first INVITE, refreshed, refused on a voice leg.

What goes through the switch is asked of sockets at the places that the descriptions name.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sipp import ANSWERING, OFFER, Caller, Sipp
from tests.support.switch import Switch, free_sip_port, wait_for

SAID = "a=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\n"
HERE, THERE = "127.0.0.1", "127.0.0.2"


def image(host: str, port: int) -> str:
    return f"v=0\no=fax 1 2 IN IP4 {host}\ns=-\nc=IN IP4 {host}\nt=0 0\nm=image {port} udptl t38\n{SAID}"


class Machine:
    """A fax machine's socket: what came, and from where."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.host, self.port = self.socket.getsockname()
        self.heard: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                self.heard.append(self.socket.recv(2048))
            except OSError:
                return

    def send(self, packets: list[bytes], port: int) -> None:
        for packet in packets:
            self.socket.sendto(packet, (HERE, port))


def datagrams(first: int, count: int) -> list[bytes]:
    """UDPTL with a primary packet and one before it (T.38 §9.1)."""
    part = bytes((0xC0, 1, 0x80))
    return [
        (first + n).to_bytes(2, "big") + bytes((len(part) + 1,)) + part + bytes((n,)) + b"\x00\x01\x01\x06"
        for n in range(count)
    ]  # fmt: skip


def called(*bodies: str) -> str:
    """A carrier that takes a call in the first of these descriptions and every re-INVITE in the next."""
    offers = "".join(
        f'<recv request="INVITE"/><send retrans="500"><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n'
        "[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:[local_ip]:[local_port];transport=[transport]>\n"
        f'Content-Type: application/sdp\nContent-Length: [len]\n\n{body}]]></send><recv request="ACK"/>'
        for body in bodies[1:]
    )
    return ANSWERING.format(ring_ms=50, body=bodies[0], during=offers)


def image_invite(caller: Caller, body: str, *, first: bool = False) -> Caller:
    caller.steps.append(caller._request("INVITE", body=body, in_dialog=not first))
    return caller


@pytest.fixture(scope="module")
def carrier_port() -> int:
    return free_sip_port()


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory, carrier_port: int) -> Iterator[Switch]:
    apply = f"""
[[trunk]]
name = "in"
addresses = ["{HERE}"]
[trunk.media]
t38 = "accept"
[[trunk]]
name = "out"
addresses = ["{THERE}:{carrier_port}"]
[trunk.media]
t38 = "gateway"
[[route]]
pattern = "0*"
trunks = ["out"]
fax = true
[[number]]
number = "4001"
to = "outside:0123"
[[number]]
number = "4002"
to = "echo"
fax = true
"""
    with Switch(tmp_path_factory.mktemp("fax"), apply) as running:
        yield running


def fax_port(text: str, start: str) -> int:
    """The port of the fax line in the last message whose first line begins so."""
    part = text[text.rindex(start) :]
    found = re.search(r"m=image (\d+) udptl t38", part)
    assert found, part[:2000]
    return int(found[1])


def pass_both_ways(near: Machine, far: Machine, to_switch: tuple[int, int]) -> None:
    """Forty datagrams each way, again while some have not come: UDP on a busy machine loses what nobody reads in time."""
    there, back = datagrams(0, 40), datagrams(0x7FF0, 40)  # beyond 0x8000 the first octet is that of RTP

    def arrived() -> bool:
        near.send([each for each in there if each not in far.heard], to_switch[0])
        far.send([each for each in back if each not in near.heard], to_switch[1])
        time.sleep(0.2)
        return set(there) <= set(far.heard) and set(back) <= set(near.heard)

    wait_for(arrived, 10, "the datagrams")
    assert (set(far.heard), set(near.heard)) == (set(there), set(back))  # octet for octet, and nothing else


@pytest.mark.acceptance("TRK-7")
def test_a_call_becomes_a_fax_and_is_refreshed(switch: Switch, carrier_port: int, tmp_path: Path) -> None:
    near, far = Machine(HERE), Machine(THERE)
    voice = OFFER.format(formats="0 101", direction="sendrecv")
    carrier = Sipp(tmp_path / "far", called(voice, image(THERE, far.port)), port=carrier_port, host=THERE)
    caller = Caller().invite().answered().pause(0.3)
    image_invite(caller, image(HERE, near.port)).answered().pause(6.0)
    image_invite(caller, image(HERE, near.port)).answered().pause(0.5).hang_up()
    near_end = Sipp(tmp_path / "near", caller.xml(), f"{HERE}:{switch.sip_port}", "4001")
    with carrier, near_end:
        wait_for(lambda: near_end.messages().count("m=image") >= 2, 15, "the fax to be agreed on")
        ports = fax_port(near_end.messages(), "SIP/2.0 200"), fax_port(carrier.messages(), "INVITE sip:")
        pass_both_ways(near, far, ports)
        near_end.succeed(30)
        carrier.succeed(20)
    assert near_end.messages().count("SIP/2.0 200") == 4  # INVITE, fax, refresh, BYE
    assert carrier.messages().count("INVITE sip:") == 2  # the refresh has stayed on its own leg
    assert all(line.strip() in carrier.messages() for line in SAID.splitlines())
    (call,) = wait_for(lambda: switch.api("GET", "/calls?state=ended&number=4001")["items"], 10, "the record of the call")
    timeline = switch.api("GET", f"/calls/{call['id']}")["timeline"]
    assert [event["type"] for event in timeline if event["type"].startswith("fax.")] == ["fax.started", "fax.ended"]


@pytest.mark.acceptance("TRK-7")
def test_a_call_that_begins_as_a_fax(switch: Switch, carrier_port: int, tmp_path: Path) -> None:
    near, far = Machine(HERE), Machine(THERE)
    carrier = Sipp(tmp_path / "far", called(image(THERE, far.port)), port=carrier_port, host=THERE)
    caller = image_invite(Caller(), image(HERE, near.port), first=True).answered().pause(6.0).hang_up()
    near_end = Sipp(tmp_path / "near", caller.xml(), f"{HERE}:{switch.sip_port}", "4001")
    with carrier, near_end:
        wait_for(lambda: near_end.messages().count("m=image") >= 2, 15, "the fax to be agreed on")
        ports = fax_port(near_end.messages(), "SIP/2.0 200"), fax_port(carrier.messages(), "INVITE sip:")
        pass_both_ways(near, far, ports)
        near_end.succeed(30)
        carrier.succeed(20)


@pytest.mark.acceptance("TRK-7")
def test_a_voice_leg_takes_no_fax_and_goes_on(switch: Switch, tmp_path: Path) -> None:
    caller = Caller().invite().answered().pause(0.3)
    image_invite(caller, image(HERE, 4002)).expect(100, optional=True).expect(488).acknowledge()
    caller.invite(in_dialog=True).answered().hang_up()
    with Sipp(tmp_path, caller.xml(), f"{HERE}:{switch.sip_port}", "4002") as near_end:
        near_end.succeed(20)
    first = image_invite(Caller(), image(HERE, 4002), first=True).expect(100, optional=True).expect(488).acknowledge()
    with Sipp(tmp_path, first.xml(), f"{HERE}:{switch.sip_port}", "4002") as near_end:
        near_end.succeed(20)
