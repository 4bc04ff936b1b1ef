"""A phone puts its two calls together: a customer of a trunk (SIPp) and a page (JsSIP in Chromium); each sends a tone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.browser.people import TONES, hears, tab
from tests.browser.test_sip_websocket import PASSWORD, _open, _told, bundle  # noqa: F401 - a fixture
from tests.support.audio import heard_tones
from tests.support.chromium import chromium
from tests.support.flows import CARRIER
from tests.support.hotline import customer
from tests.support.pjsua import Pjsua
from tests.support.sniff import Sniffer
from tests.support.switch import Switch, free_port, free_sip_port, wait_for

APPLY = CARRIER + "".join(f'[[extension]]\nnumber = "{number}"\npassword = "{PASSWORD}"\n' for number in ("1001", "1002"))
APPLY += '[[number]]\nnumber = "4008001000"\nto = "extension:1001"\n'


@pytest.mark.acceptance("FEA-3")
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium")
@pytest.mark.timeout(150)
def test_phone_trunk_and_page_hear_each_other(tmp_path: Path, bundle: str) -> None:  # noqa: F811
    secure, sip = free_port(), free_sip_port()
    listen = f'["udp:127.0.0.1:{sip}","tcp:127.0.0.1:{sip}","wss:127.0.0.1:{secure}"]'
    with (
        Switch(tmp_path, APPLY, sip_listen=listen, sip_port=sip) as switch,
        Pjsua("1001", PASSWORD, f"127.0.0.1:{sip}", TONES["supervisor"], codecs=("pcma",)) as phone,
        chromium() as browser,
    ):
        phone.do("register")
        page = tab(browser.new_context(ignore_https_errors=True, bypass_csp=True, permissions=["microphone"]), "agent")
        _open(page, bundle, "jssip", switch, "1002")
        caller = customer(tmp_path, switch, TONES["customer"])
        with Sniffer(caller.media_port) as ear, caller:
            phone.do("ringing")
            phone.do("answer")
            wait_for(lambda: phone.hears(TONES, 0.4) == {"customer"}, 8, "the phone and the customer")
            phone.do("hold")
            phone.dial("1002")
            _told(page, "jssip", "confirmed")
            hears(page, "supervisor")
            phone.do("hold")
            phone.dial("*3")

            wait_for(lambda: phone.hears(TONES, 0.4) == {"customer", "agent"}, 10, "the phone to hear the others")
            hears(page, "customer", "supervisor")
            wait_for(lambda: heard_tones(ear.audio()[-3200:], TONES) == {"agent", "supervisor"}, 8, "the customer to hear them")
            calls = [call["id"] for call in switch.api("GET", "/calls?limit=50")["items"]]
            ladders = [switch.api("GET", f"/calls/{call}/ladder")["messages"] for call in calls]
            ours = [
                one
                for messages in ladders
                for one in messages
                if one["first_line"].startswith("INVITE ") and one["source"] == "switch"
            ]
            assert len({one["text"].split("Call-ID:")[1].split()[0] for one in ours}) == len(ours) == 2, (
                "no re-INVITE to anybody"
            )

            phone.do("hangup")
            wait_for(lambda: heard_tones(ear.audio()[-3200:], TONES) == {"agent"}, 8, "the others to go on")
            page.evaluate("jssip.hang_up()")
            caller.succeed()
