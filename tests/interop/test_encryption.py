"""Encrypted sound with baresip: SDES over TLS, DTLS-SRTP over UDP, plain RTP; every pair hears each other, through hold too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.phone import Phone
from tests.support.switch import Switch, free_port, free_sip_port, wait_for

TONES = {"tls": 1000.0, "dtls": 440.0, "plain": 620.0, "keys": 800.0}
APPLY = """
[[extension]]
number = "1001"
password = "secret-1001"
[[extension]]
number = "1002"
password = "secret-1002"
srtp = "dtls"
[[extension]]
number = "1003"
password = "secret-1003"
[[extension]]
number = "1004"
password = "secret-1004"
srtp = "sdes"
"""


@pytest.mark.timeout(120)
@pytest.mark.acceptance("TRA-4")
def test_phones_with_and_without_encryption_hear_each_other(tmp_path: Path) -> None:
    sip, secure = free_sip_port(), free_port()
    listen = f'["udp:127.0.0.1:{sip}","tcp:127.0.0.1:{sip}","tls:127.0.0.1:{secure}"]'
    with (
        Switch(tmp_path, APPLY, sip_listen=listen, sip_port=sip) as switch,
        Phone("1001", "secret-1001", f"127.0.0.1:{secure}", TONES["tls"], transport="tls", encryption="srtp-mand") as tls,
        Phone("1002", "secret-1002", f"127.0.0.1:{sip}", TONES["dtls"], encryption="dtls_srtp") as dtls,
        Phone("1003", "secret-1003", f"127.0.0.1:{sip}", TONES["plain"]) as plain,
        Phone("1004", "secret-1004", f"127.0.0.1:{sip}", TONES["keys"], encryption="srtp-mand") as keys,
    ):
        for phone in (tls, dtls, plain, keys):
            phone.do("register")
        by_keys, by_handshake = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_"
        assert talk(switch, plain, "plain", tls, "tls") == [by_keys]
        assert any(by_handshake in suite for suite in talk(switch, tls, "tls", dtls, "dtls", hold=True))
        assert talk(switch, keys, "keys", plain, "plain", hold=True) == [by_keys]
        assert "inline:" not in switch.log


def talk(switch: Switch, first: Phone, name: str, second: Phone, other: str, *, hold: bool = False) -> list[str]:
    """One call both ways; the suites that its timeline names."""
    first.dial(second.user, wait=False)
    second.do("ringing")
    second.do("answer")

    def both() -> bool:
        return (first.hears(TONES), second.hears(TONES)) == ({other}, {name})

    wait_for(both, 8, f"{name} and {other} to hear each other")
    if hold:
        first.do("hold")
        wait_for(lambda: name not in second.hears(TONES), 8, "the music")
        first.do("resume")
        for phone in (first, second):
            phone.do("clear")
        wait_for(both, 8, f"{name} and {other} to hear each other again")
    (call,) = switch.api("GET", "/calls?state=live")["items"]
    first.do("hangup")
    wait_for(lambda: call["id"] in [each["id"] for each in switch.api("GET", "/calls")["items"]], 8, "the record of the call")
    detail = switch.api("GET", f"/calls/{call['id']}")
    return [event["suite"] for event in detail["timeline"] if event["type"] == "media.secured"]
