"""A carrier that speaks IPv6 and a phone that speaks IPv4, each with media of its own family."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.audio import tone
from tests.support.phone import Phone
from tests.support.sipp import Caller, Sipp, answering, ulaw
from tests.support.switch import Switch, free_sip_port, wait_for

TONES = {"carrier": 1000.0, "phone": 440.0}
CARRIER = free_sip_port()
APPLY = f"""
[[extension]]
number = "1001"
password = "secret-1001"
[[trunk]]
name = "six"
addresses = ["[::1]:{CARRIER}"]
[[number]]
number = "4001"
to = "extension:1001"
[[route]]
pattern = "0*"
trunks = ["six"]
"""


@pytest.mark.timeout(90)
@pytest.mark.acceptance("TRA-11")
def test_a_carrier_by_ipv6_and_a_phone_by_ipv4_hear_each_other(tmp_path: Path) -> None:
    voice = tmp_path / "voice.ul"
    voice.write_bytes(ulaw(tone(TONES["carrier"], 8.0, 8000)))
    port = free_sip_port()
    listen = f'["udp:127.0.0.1:{port}","udp:[::1]:{port}"]'
    settings = {"SOFTSWITCH_MEDIA__LISTEN": "127.0.0.1,::1"}
    with (
        Switch(tmp_path, APPLY, sip_listen=listen, settings=settings, sip_port=port) as switch,
        Phone("1001", "secret-1001", f"127.0.0.1:{port}", TONES["phone"]) as phone,
    ):
        phone.do("register")
        _the_carrier_calls(switch, phone, voice, tmp_path)
        _the_phone_calls(phone, tmp_path)


def _the_carrier_calls(switch: Switch, phone: Phone, voice: Path, folder: Path) -> None:
    steps = Caller().invite().answered().speak(voice, -1).wait_bye().xml()
    with Sipp(folder, steps, f"[::1]:{switch.sip_port}", "4001", port=CARRIER, host="::1") as carrier:
        phone.do("ringing")
        phone.do("answer")
        wait_for(lambda: phone.hears(TONES) == {"carrier"}, 10, "the phone to hear the carrier")
        phone.do("hangup")
        carrier.succeed(10)
        assert set(re.findall(r"c=IN (IP\d \S+)", carrier.messages())) == {"IP6 ::1"}


def _the_phone_calls(phone: Phone, folder: Path) -> None:
    with Sipp(folder, answering(), port=CARRIER, host="::1", extra=("-rtp_echo",)) as carrier:
        phone.dial("0123456")
        wait_for(lambda: phone.hears(TONES) == {"phone"}, 10, "the phone to hear itself by way of the carrier")
        phone.do("hangup")
        carrier.succeed(10)
        assert set(re.findall(r"c=IN (IP\d \S+)", carrier.messages())) == {"IP6 ::1"}
