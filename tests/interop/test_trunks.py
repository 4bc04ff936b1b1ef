"""Calls to and from carriers: routes, failover, what a refusal becomes on the other side and in the record.

SIPp is the carrier, baresip the phone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.audio import tone, tone_level
from tests.support.phone import Phone, PhoneError
from tests.support.raw_sip import RawSip, register
from tests.support.sipp import Caller, Sipp, answering, refusing, ulaw
from tests.support.sniff import Sniffer
from tests.support.switch import Switch, free_sip_port, wait_for

PHONE_TONE, CARRIER_TONE = 1000.0, 440.0
REFUSALS = {486: (486, "busy"), 603: (603, "rejected"), 480: (480, "failed")}
"""What a phone answers, and what becomes of it on the carrier's side and in the record."""


class Ports:
    """Where the carriers of this file listen; each test starts the carriers it needs there."""

    def __init__(self) -> None:
        self.main, self.refusing, self.second, self.silent, self.third, self.patient = (free_sip_port() for _ in range(6))

    def apply(self) -> str:
        refusers = "\n".join(
            f'[[extension]]\nnumber = "1{status}"\npassword = "secret"\n'
            f'[[number]]\nnumber = "4{status}"\nto = "extension:1{status}"'
            for status in REFUSALS
        )
        return f"""
[[extension]]
number = "1001"
password = "secret-1001"
{refusers}
[[trunk]]
name = "main"
addresses = ["127.0.0.1:{self.main}"]
[[trunk]]
name = "refusing-first"
addresses = ["127.0.0.1:{self.refusing}", "127.0.0.1:{self.second}"]
[[trunk]]
name = "silent"
addresses = ["127.0.0.1:{self.silent}"]
[[trunk]]
name = "spare"
addresses = ["127.0.0.1:{self.third}"]
[[trunk]]
name = "patient"
addresses = ["127.0.0.1:{self.patient}"]
[trunk.limits]
max_ring = 2
[[route]]
pattern = "0*"
trunks = ["main"]
[[route]]
pattern = "81*"
trunks = ["refusing-first"]
[[route]]
pattern = "82*"
trunks = ["silent", "spare"]
[[route]]
pattern = "83*"
trunks = ["patient"]
"""


@pytest.fixture(scope="module")
def ports() -> Ports:
    return Ports()


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory, ports: Ports) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("trunks"), ports.apply()) as running:
        yield running


@pytest.fixture(scope="module")
def phone(switch: Switch) -> Iterator[Phone]:
    with Phone("1001", "secret-1001", f"127.0.0.1:{switch.sip_port}", PHONE_TONE, ("pcmu",)) as registered:
        registered.do("register")
        yield registered


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    file = tmp_path / "voice.ulaw"
    file.write_bytes(ulaw(tone(CARRIER_TONE, 2)))
    return file


def recorded(switch: Switch, number: str) -> dict[str, Any]:
    """The record of the ended call to this number, with its timeline."""
    items = wait_for(lambda: switch.api("GET", f"/calls?state=ended&number={number}")["items"], 8, f"the record of {number}")
    found: dict[str, Any] = switch.api("GET", f"/calls/{items[0]['id']}")
    return found


def tried(call: dict[str, Any]) -> list[tuple[str, int]]:
    """The trunks that were tried, each with the status that ended the attempt (0: it was us)."""
    trunks = {event["leg"]: event["trunk"] for event in call["timeline"] if event["type"] == "leg.started"}
    ended = {event["leg"]: event["sip_status"] for event in call["timeline"] if event["type"] == "leg.ended"}
    return [(trunk, ended[leg]) for leg, trunk in trunks.items()]


def test_a_phone_calls_a_number_of_the_world(switch: Switch, ports: Ports, phone: Phone, voice: Path, tmp_path: Path) -> None:
    number = "013912345678"
    carrier = Sipp(tmp_path, answering(ring_ms=300, voice=voice), port=ports.main)
    with Sniffer(carrier.media_port) as ear, carrier:
        phone.dial(number)
        wait_for(lambda: tone_level(phone.audio(0.4), CARRIER_TONE) > -30, 5, "the carrier to be heard")
        (live,) = switch.api("GET", "/calls?state=live")["items"]
        assert (live["direction"], live["trunk"], live["state"]) == ("out", "main", "talking")
        assert next(t for t in switch.api("GET", "/trunks")["items"] if t["name"] == "main")["calls"] == 1
        phone.do("hangup")
        carrier.succeed(10)
        assert tone_level(ear.audio()[-4000:], PHONE_TONE) > -30, "the phone is heard by the carrier"
    assert f"INVITE sip:{number}@127.0.0.1:{ports.main} SIP/2.0" in carrier.messages()
    assert "From: <sip:1001@" in carrier.messages()
    call = recorded(switch, number)
    assert (call["direction"], call["trunk"], call["caller"]) == ("out", "main", "1001")
    assert (call["result"], call["who"], call["sip_status"]) == ("answered", "caller", 200)


@pytest.mark.parametrize(
    ("theirs", "ours", "result", "cause"),
    [
        (486, 486, "busy", "busy"),
        (603, 603, "rejected", "rejected"),
        (404, 404, "failed", "unallocated"),
        (484, 484, "failed", "invalid_number"),
        (403, 403, "rejected", "forbidden"),
    ],
)
def test_a_carriers_refusal_reaches_the_phone(
    switch: Switch, ports: Ports, phone: Phone, tmp_path: Path, theirs: int, ours: int, result: str, cause: str
) -> None:
    number = f"0{theirs}"
    with Sipp(tmp_path, refusing(theirs), port=ports.main) as carrier:
        with pytest.raises(PhoneError) as refused:
            phone.dial(number, timeout=10)
        assert refused.value.status == ours
        carrier.succeed(10)
    call = recorded(switch, number)
    assert (call["result"], call["cause"], call["sip_status"]) == (result, cause, ours)
    assert tried(call) == [("main", theirs)], "a final refusal is tried nowhere else"


def test_nobody_answers_at_the_carrier(switch: Switch, ports: Ports, phone: Phone, tmp_path: Path) -> None:
    """It rings for the `max_ring` of the trunk, then the carrier gets CANCEL and the phone 480."""
    with Sipp(tmp_path, answering(ring_ms=30_000), port=ports.patient) as carrier:
        began = time.monotonic()
        with pytest.raises(PhoneError) as refused:
            phone.dial("8312", timeout=10)
        assert refused.value.status == 480
        assert 1.8 < time.monotonic() - began < 6
        wait_for(lambda: "\nCANCEL sip:8312@" in carrier.messages(), 5, "CANCEL at the carrier")
    call = recorded(switch, "8312")
    assert (call["result"], call["cause"], call["sip_status"], call["trunk"]) == ("no_answer", "no_answer", 480, "patient")
    assert call["ring_ms"] > 1500


def test_the_second_address_when_the_first_refuses(
    switch: Switch, ports: Ports, phone: Phone, voice: Path, tmp_path: Path
) -> None:
    with (
        Sipp(tmp_path, refusing(503), port=ports.refusing) as first,
        Sipp(tmp_path, answering(voice=voice), port=ports.second) as second,
    ):
        phone.dial("8100")
        wait_for(lambda: tone_level(phone.audio(0.4), CARRIER_TONE) > -30, 5, "the second address to be heard")
        phone.do("hangup")
        first.succeed(10)
        second.succeed(10)
    call = recorded(switch, "8100")
    assert call["result"] == "answered" and call["trunk"] == "refusing-first"
    assert next(status for _, status in tried(call)) == 503 and len(tried(call)) == 2
    view = next(trunk for trunk in switch.api("GET", "/trunks")["items"] if trunk["name"] == "refusing-first")
    assert view["state"] == "up" and f"127.0.0.1:{ports.refusing} down" in view["detail"]


def test_the_next_trunk_when_the_first_is_silent(
    switch: Switch, ports: Ports, phone: Phone, voice: Path, tmp_path: Path
) -> None:
    """After the four seconds of `first_response` the next trunk is tried; the second call does not wait for the dead one."""
    silent = RawSip(switch.sip_port, port=ports.silent)
    with silent, Sipp(tmp_path, answering(voice=voice), port=ports.third, calls=2) as spare:
        waits = []
        for number in ("8201", "8202"):
            began = time.monotonic()
            phone.dial(number)
            waits.append(time.monotonic() - began)
            phone.do("hangup")
            wait_for(lambda: phone.state() == "CLOSED", 5)
        spare.succeed(10)
    assert 3.5 < waits[0] < 8 and waits[1] < 2.5, waits
    assert [trunk for trunk, _ in tried(recorded(switch, "8201"))] == ["silent", "spare"]
    assert [trunk for trunk, _ in tried(recorded(switch, "8202"))] == ["spare"]
    states = {trunk["name"]: trunk["state"] for trunk in switch.api("GET", "/trunks")["items"]}
    assert (states["silent"], states["spare"]) == ("down", "up")


@pytest.mark.parametrize("theirs", REFUSALS)
def test_a_phones_refusal_reaches_the_carrier(switch: Switch, tmp_path: Path, theirs: int) -> None:
    ours, result = REFUSALS[theirs]
    with Sipp(tmp_path / "phone", refusing(theirs)) as called:
        assert register(switch.sip_port, f"1{theirs}", "secret", called.port) == 200
        scenario = Caller().invite()
        for code in (100, 180):
            scenario.expect(code, optional=True)
        scenario.expect(ours).acknowledge()
        target = f"127.0.0.1:{switch.sip_port}"
        with Sipp(tmp_path / "carrier", scenario.xml(), target=target, service=f"4{theirs}") as carrier:
            carrier.succeed(15)
        called.succeed(10)
    call = recorded(switch, f"4{theirs}")
    assert (call["direction"], call["result"], call["sip_status"]) == ("in", result, ours)


def test_a_program_connects_a_phone_with_the_outside(
    switch: Switch, ports: Ports, phone: Phone, voice: Path, tmp_path: Path
) -> None:
    """POST /calls: the extension rings first; when it answers, the outside is called. DELETE ends both."""
    number = "0755123"
    with Sipp(tmp_path, answering(voice=voice), port=ports.main) as carrier:
        created = switch.api("POST", "/calls", {"from": "extension:1001", "to": f"outside:{number}"})
        phone.do("ringing")
        assert "INVITE" not in carrier.messages(), "the outside is called only when the phone has answered"
        phone.do("answer")
        wait_for(lambda: tone_level(phone.audio(0.4), CARRIER_TONE) > -30, 8, "the carrier to be heard")
        assert switch.api("GET", f"/calls/{created['id']}")["state"] == "talking"
        switch.api("DELETE", f"/calls/{created['id']}")
        wait_for(lambda: phone.state() == "CLOSED", 5, "BYE at the phone")
        carrier.succeed(10)
    assert "From: <sip:1001@" in carrier.messages(), "the carrier is told the phone as the caller"
    call = recorded(switch, number)
    assert call["id"] == created["id"]
    assert (call["source"], call["direction"], call["result"], call["who"]) == ("api", "out", "answered", "supervisor")
    assert any(event["type"] == "sup.released" and event["actor"] for event in call["timeline"])
