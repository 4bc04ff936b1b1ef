"""PJSIP phones (pjsua2) on the switch: sound, hold, digits, encryption by SDES, session timers, reliable ringing, watching."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.apply import extensions
from tests.support.phone import PhoneError
from tests.support.pjsua import Pjsua
from tests.support.switch import Switch, free_port, free_sip_port, wait_for

TONES = {"a": 440.0, "b": 1000.0}
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    sip, secure = free_sip_port(), free_port()
    listen = f'["udp:127.0.0.1:{sip}","tcp:127.0.0.1:{sip}","tls:127.0.0.1:{secure}"]'
    with Switch(tmp_path_factory.mktemp("pjsip"), extensions("1001", "1002"), sip_listen=listen, sip_port=sip) as running:
        yield running


def phone(switch: Switch, number: str, name: str, **more: object) -> Pjsua:
    return Pjsua(number, f"secret-{number}", f"127.0.0.1:{switch.sip_port}", TONES[name], **more)  # type: ignore[arg-type]


def talk(a: Pjsua, b: Pjsua) -> None:
    wait_for(lambda: (a.hears(TONES, 0.4), b.hears(TONES, 0.4)) == ({"b"}, {"a"}), 8, "both to hear each other")


def connect(a: Pjsua, b: Pjsua) -> str:
    """The INVITE that b got."""
    a.dial(b.user, wait=False)
    message = str(b.do("ringing")["message"])
    b.do("answer")
    a.do("established")
    return message


@pytest.mark.acceptance("DLG-7")
def test_calls_both_ways_with_hold_and_digits(switch: Switch) -> None:
    with phone(switch, "1001", "a") as a, phone(switch, "1002", "b", codecs=("pcma", "pcmu")) as b:
        for each in (a, b):
            each.do("register")
        for first, second in ((a, b), (b, a)):
            connect(first, second)
            talk(a, b)
            first.do("dtmf", digits="42#")
            wait_for(lambda second=second: second.do("state")["digits"] == "42#", 8, "the digits")
            first.do("hold")
            wait_for(lambda: not b.hears(TONES, 0.3) & {"a"} and not a.hears(TONES, 0.3) & {"b"}, 5, "the hold")
            first.do("resume")
            talk(a, b)
            assert second.do("state")["modifications"] == 0, "hold is no message on the other leg"
            first.do("hangup")
            wait_for(lambda: {a.state(), b.state()} == {"CLOSED"}, 5, "both to be hung up")
        with pytest.raises(PhoneError) as refused:
            a.dial("7777", timeout=10)
        assert refused.value.status == 404


def test_sdes_session_timers_and_reliable_ringing(switch: Switch) -> None:
    """Each side wants something of its own; what one leg agrees on is not heard of on the other."""
    secure = next(text for text in switch.api("GET", "/status")["listeners"] if text.startswith("tls:")).rpartition(":")[2]
    tls = Pjsua(
        "1002", "secret-1002", f"127.0.0.1:{secure}", TONES["b"], transport="tls", encryption="srtp-mand", rel100="required"
    )
    with phone(switch, "1001", "a", timer="always", interval=90) as a, tls as b:
        for each in (a, b):
            each.do("register")
        invite = connect(a, b)
        assert "RTP/SAVP" in invite and "a=crypto:" in invite and "100rel" in invite
        talk(a, b)
        a.do("update")
        a.do("hold")
        wait_for(lambda: not b.hears(TONES, 0.3) & {"a"}, 5, "the hold")
        a.do("resume")
        talk(a, b)
        assert b.do("state")["modifications"] == 0
        (call,) = switch.api("GET", "/calls?state=live")["items"]
        a.do("hangup")
        wait_for(lambda: b.state() == "CLOSED", 5, "the other side to be hung up")
        connect(b, a)
        talk(a, b)
        b.do("hangup")
        wait_for(lambda: a.state() == "CLOSED", 5, "the other side to be hung up")
    timeline = switch.api("GET", f"/calls/{call['id']}")["timeline"]
    assert [event["suite"] for event in timeline if event["type"] == "media.secured"] == ["AES_CM_128_HMAC_SHA1_80"]
    ladder = switch.api("GET", f"/calls/{call['id']}/ladder")
    names = {party["id"]: party["transport"] for party in ladder["parties"]}
    seen = {(names[m["source"]] or names[m["target"]], m["method"], m["first_line"].split()[0]) for m in ladder["messages"]}
    assert ("tls", "PRACK", "PRACK") in seen and ("udp", "PRACK", "PRACK") not in seen
    assert ("udp", "UPDATE", "UPDATE") in seen and ("tls", "UPDATE", "UPDATE") not in seen
    agreed = [m["text"] for m in ladder["messages"] if m["status"] == 200 and m["method"] == "UPDATE"]
    assert all("Session-Expires: 90;refresher=uac" in text for text in agreed)
