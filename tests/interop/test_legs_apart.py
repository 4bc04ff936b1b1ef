"""Two carriers and the switch between them: what one does is its own affair, and neither learns anything of the other.

SIPp on both sides. One switch for the whole file.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signalling.message import Request, ResponseTemplate, parse
from tests.support.audio import tone
from tests.support.raw_sip import RawSip, header, offer
from tests.support.sipp import Caller, Sipp, answering, refusing, ulaw
from tests.support.switch import Switch, free_sip_port
from tests.support.topology import leaks, sipp_log

NEAR, FAR = free_sip_port(), free_sip_port()
APPLY = f"""
[[trunk]]
name = "far"
addresses = ["127.0.0.1:{FAR}"]
[[trunk]]
name = "near"
addresses = ["127.0.0.1:{NEAR}"]
[[route]]
pattern = "09*"
trunks = ["far"]
[[number]]
number = "4050"
to = "outside:0912345"
"""


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("apart"), APPLY) as running:
        yield running


def _apart(switch: Switch, near: Sipp, far: Sipp) -> None:
    seen = [*sipp_log(near.folder / f"sipp-{near.port}.msg", "near"), *sipp_log(far.folder / f"sipp-{far.port}.msg", "far")]
    assert len({message.peer for message in seen}) == 2
    found = leaks(seen, shared=("127.0.0.1", f"127.0.0.1:{switch.sip_port}", "softswitch"))
    assert not found, found[:3]


@pytest.mark.acceptance("DLG-7")
def test_hold_and_resume_are_no_message_on_the_other_leg(switch: Switch, tmp_path: Path) -> None:
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(440.0, 2)))
    scenario = Caller().invite().answered().speak(voice, -1).pause(0.3)
    for direction in ("sendonly", "inactive", "sendrecv"):
        scenario.invite(direction=direction, in_dialog=True).expect(100, optional=True).expect(200).acknowledge().pause(0.3)
    far = Sipp(tmp_path / "far", answering(ring_ms=100), port=FAR)
    near = Sipp(tmp_path / "near", scenario.hang_up().xml(), port=NEAR, target=f"127.0.0.1:{switch.sip_port}", service="4050")
    with far, near:
        near.succeed(15)
        far.succeed(5)
    assert far.messages().count("INVITE sip:") == 1
    for answer in ("a=recvonly", "a=inactive"):
        assert answer in near.messages()
    _apart(switch, near, far)


@pytest.mark.acceptance("DLG-11")
@pytest.mark.parametrize(("status", "told", "q850"), [(486, 486, 17), (404, 404, 1), (415, 501, 79)])
def test_a_refusal_is_told_by_the_table(switch: Switch, tmp_path: Path, status: int, told: int, q850: int) -> None:
    scenario = Caller().invite()
    for code in (100, 180):
        scenario.expect(code, optional=True)
    scenario.expect(told).acknowledge()
    far = Sipp(tmp_path / "far", refusing(status), port=FAR)
    near = Sipp(tmp_path / "near", scenario.xml(), port=NEAR, target=f"127.0.0.1:{switch.sip_port}", service="4050")
    with far, near:
        near.succeed(15)
        far.succeed(5)
    assert f"Reason: Q.850;cause={q850}" in near.messages()
    _apart(switch, near, far)


def _voice(sequence: int) -> bytes:
    """One packet of 20 ms µ-law."""
    return struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160, 77) + bytes([0x55, 0xD5]) * 80


def _media_port(message: str) -> int:
    found = re.search(r"m=audio (\d+)", message)
    assert found is not None, message
    return int(found[1])


def _provisional(far: RawSip, invite: str, status: int, body: str = "") -> None:
    request = parse(invite.encode())
    assert isinstance(request, Request)
    contact = f"Contact: <sip:127.0.0.1:{far.address[1]}>\r\n"
    kind = "application/sdp" if body else ""
    far.send(ResponseTemplate(request, far.switch).render(status, "far", contact, kind, body.encode()))


def _next(peer: RawSip, first: str) -> str:
    """The next message that begins so; what else comes is passed over."""
    while (message := peer.receive(3.0)) is not None:
        if message.startswith(first):
            return message
    raise AssertionError(f"no {first}")


def _heard_within(ear: socket.socket, seconds: float) -> bool:
    ear.settimeout(seconds)
    try:
        return bool(ear.recv(2048))
    except TimeoutError:
        return False


def _fall_quiet(ear: socket.socket) -> None:
    """Reads what is under way; returns when nothing came for 60 ms."""
    while _heard_within(ear, 0.06):
        pass


@pytest.mark.acceptance("DLG-10")
def test_early_sound_is_relayed_at_once_and_silence_becomes_a_tone(switch: Switch) -> None:
    """183 with a description and its sound; then 180 without a packet: the caller hears a tone of ours after 200 ms."""
    with (
        RawSip(switch.sip_port, port=NEAR) as near, RawSip(switch.sip_port, port=FAR) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):  # fmt: skip
        ear.bind(("127.0.0.1", 0))
        mouth.bind(("127.0.0.1", 0))
        uri = f"sip:4050@127.0.0.1:{switch.sip_port}"
        near.send(near.request("INVITE", uri, body=offer(port=ear.getsockname()[1]), call_id="early"))
        invite = _next(far, "INVITE ")
        toward = ("127.0.0.1", _media_port(invite))
        _provisional(far, invite, 183, offer(port=mouth.getsockname()[1]))
        early = _next(near, "SIP/2.0 183")
        assert _media_port(early)
        _fall_quiet(ear)
        delays = []
        for sequence in range(10):
            sent = time.monotonic()
            mouth.sendto(_voice(sequence), toward)
            assert _heard_within(ear, 1.0)
            delays.append(time.monotonic() - sent)
            time.sleep(max(0.0, 0.02 - delays[-1]))
        assert delays[0] <= 0.1
        _fall_quiet(ear)
        _provisional(far, invite, 180)
        began = time.monotonic()
        assert _heard_within(ear, 2.0), "a tone"
        assert 0.1 <= time.monotonic() - began <= 1.0
        cancelled = near.request("CANCEL", uri, call_id="early")
        via = re.search(r"Via: [^\n]*", early)
        assert via is not None
        cancelled = re.sub(r"Via: [^\n]*", via[0].strip().split(";received")[0], cancelled)
        near.send(re.sub(r"From: [^\n]*", "From: " + header(early, "From"), cancelled))
        cancel = _next(far, "CANCEL ")
        for text, status in ((cancel, 200), (invite, 487)):
            request = parse(text.encode())
            assert isinstance(request, Request)
            far.send(ResponseTemplate(request, far.switch).render(status, "far", "", "", b""))
        near.send(near.request("ACK", uri, call_id="early"))
