"""Two phones register with digest, call each other, hold, resume, hang up; a wrong password never registers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hotline import desk_phone
from tests.support.phone import Phone, PhoneError
from tests.support.switch import Switch, wait_for

APPLY = """
[[extension]]
number = "1001"
password = "correct-horse-1001"
name = "Front desk"
[[extension]]
number = "1002"
password = "correct-horse-1002"
name = "Back office"
"""
TONES = {"a": 440.0, "b": 1000.0}


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("phones"), APPLY) as running:
        yield running


def hear_each_other(a: Phone, b: Phone) -> None:
    wait_for(lambda: a.hears(TONES, 0.4) == {"b"} and b.hears(TONES, 0.4) == {"a"}, 5, "both to hear each other")


def test_call_hold_resume_hang_up(switch: Switch) -> None:
    with desk_phone(switch, TONES["a"], "1001") as a, desk_phone(switch, TONES["b"], "1002") as b:
        a.do("register")
        b.do("register")
        assert {item["extension"] for item in switch.api("GET", "/registrations")["items"]} == {"1001", "1002"}
        a.dial("1002", wait=False)
        assert "1001" in b.do("ringing")["peer"]
        b.do("answer")
        a.do("established")
        hear_each_other(a, b)

        a.do("hold")
        wait_for(lambda: not b.hears(TONES, 0.4), 5, "the held party to stop hearing the holder")
        b.do("clear")
        time.sleep(1.2)
        assert abs(b.audio(1.0)).max() > 0.01, "the held party hears music"
        assert b.state() == "ESTABLISHED"
        a.do("resume")
        hear_each_other(a, b)

        a.do("hangup")
        wait_for(lambda: b.state() == "CLOSED", 5, "the other side to be hung up")
    call = switch.ended_calls()[0]
    assert (call["caller"], call["called"], call["result"], call["who"]) == ("1001", "1002", "answered", "caller")
    assert call["hold_ms"] > 1200 and call["talk_ms"] + call["hold_ms"] > 2000


def test_sides_may_use_different_codecs(switch: Switch) -> None:
    with desk_phone(switch, TONES["a"], "1001", ("pcmu",)) as a, desk_phone(switch, TONES["b"], "1002", ("pcma",)) as b:
        a.do("register")
        b.do("register")
        a.dial("1002", wait=False)
        b.do("ringing")
        b.do("answer")
        a.do("established")
        hear_each_other(a, b)
        b.do("hangup")
        wait_for(lambda: a.state() == "CLOSED", 5)


def test_digits_reach_the_other_phone(switch: Switch) -> None:
    with desk_phone(switch, TONES["a"], "1001") as a, desk_phone(switch, TONES["b"], "1002") as b:
        a.do("register")
        b.do("register")
        a.dial("1002", wait=False)
        b.do("ringing")
        b.do("answer")
        a.do("established")
        hear_each_other(a, b)
        a.do("dtmf", digits="42#")
        wait_for(lambda: b.do("state")["digits"] == "42#", 8, "the digits 42#")
        a.do("hangup")


def test_a_rejected_call_is_told_to_the_caller(switch: Switch) -> None:
    with desk_phone(switch, TONES["a"], "1001") as a, desk_phone(switch, TONES["b"], "1002") as b:
        a.do("register")
        b.do("register")
        before = len(switch.api("GET", "/calls?state=ended&limit=200")["items"])
        a.dial("1002", wait=False)
        b.do("ringing")
        b.do("reject")
        with pytest.raises(PhoneError) as refused:
            a.do("established", timeout=10)
        assert refused.value.status in (486, 603, 480)
        call = switch.ended_calls(before + 1)[0]
        assert call["result"] in ("busy", "rejected")


def test_a_phone_that_is_not_there(switch: Switch) -> None:
    with desk_phone(switch, TONES["a"], "1001") as a:
        a.do("register")
        with pytest.raises(PhoneError) as refused:
            a.dial("1002", timeout=10)
        assert refused.value.status in (480, 408)
        with pytest.raises(PhoneError) as unknown:
            a.dial("7777", timeout=10)
        assert unknown.value.status == 404


def test_wrong_password_never_registers(switch: Switch) -> None:
    impostor = Phone("1001", "guess", f"127.0.0.1:{switch.sip_port}", 440.0)
    stranger = Phone("9999", "guess", f"127.0.0.1:{switch.sip_port}", 440.0)
    for intruder in (impostor, stranger):
        with intruder, pytest.raises(PhoneError) as refused:
            intruder.do("register")
        assert refused.value.status in (401, 403)
    contacts = [c for item in switch.api("GET", "/registrations")["items"] for c in item["contacts"]]
    assert all(f":{impostor.port}" not in c["contact"] and f":{stranger.port}" not in c["contact"] for c in contacts)


def test_registrations_end_with_the_phone(switch: Switch, tmp_path: Path) -> None:
    with desk_phone(switch, TONES["a"], "1001") as a:
        a.do("register")
        assert any(f":{a.port}" in c["contact"] for i in switch.api("GET", "/registrations")["items"] for c in i["contacts"])
        a.do("unregister")
        assert not any(
            f":{a.port}" in c["contact"] for i in switch.api("GET", "/registrations")["items"] for c in i["contacts"]
        )
