"""SIP over secure WebSocket: JsSIP and SIP.js as they are, in Chromium, register, call, lose their connection and come back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.people import TONES, hears, tab
from tests.support.chromium import chromium
from tests.support.phone import Phone
from tests.support.switch import Switch, free_port, wait_for

UI = Path(__file__).parents[2] / "web" / "ui"
PASSWORD = "secret-of-a-phone"
APPLY = "".join(f'[[extension]]\nnumber = "{number}"\npassword = "{PASSWORD}"\n' for number in ("1001", "1002", "1003"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Both libraries as one script."""
    rolldown = UI / "node_modules" / ".bin" / "rolldown"
    if not rolldown.exists() or not (UI / "node_modules" / "jssip").exists():
        pytest.fail("the packages of web/ui are not installed: script/setup --test")
    file = tmp_path_factory.mktemp("bundle") / "phones.js"
    subprocess.run(
        [rolldown, "tests/sip-phones.js", "-f", "iife", "-o", file], cwd=UI, check=True, capture_output=True, timeout=60
    )
    return file.read_text()


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    secure, sip = free_port(), free_port()
    listen = f'["udp:127.0.0.1:{sip}","tcp:127.0.0.1:{sip}","wss:127.0.0.1:{secure}"]'
    with Switch(tmp_path, APPLY, sip_listen=listen, sip_port=sip) as running:
        yield running


def _address(switch: Switch) -> str:
    """Of the secure listener."""
    (found,) = [text for text in switch.api("GET", "/status")["listeners"] if text.startswith("wss:")]
    return str(found).replace("wss:", "wss://", 1)


def _open(page: Page, bundle: str, kind: str, switch: Switch, number: str) -> None:
    """A page of this machine (browsers let no other one near a local address) that becomes a phone, registered."""
    page.goto(f"{switch.url}/healthz")
    page.evaluate("document.body.innerHTML = '<audio autoplay></audio>'")
    page.add_script_tag(content=bundle)
    page.evaluate(f"([url, user, password]) => {kind}.start(url, user, password)", [_address(switch), number, PASSWORD])
    _told(page, kind, "registered")


def _told(page: Page, kind: str, state: str, times: int = 1, seconds: float = 8.0) -> None:
    def states() -> list[str]:
        found: list[str] = page.evaluate(f"{kind}.states")
        return found

    wait_for(lambda: states().count(state) >= times, seconds, f"{kind} to be {state} {times} times")


def _refreshes(switch: Switch, page: Page) -> None:
    """JsSIP agrees on 90 s and refreshes by UPDATE after 45 of its own; the other side hears nothing of it."""
    (call,) = switch.api("GET", "/calls?state=live")["items"]

    def messages() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = switch.api("GET", f"/calls/{call['id']}/ladder")["messages"]
        return found

    before = messages()
    assert any(each["status"] == 200 and "Session-Expires: 90;refresher=uac" in each["text"] for each in before)
    page.clock.fast_forward(46_000)
    wait_for(lambda: len(messages()) >= len(before) + 2, 8, "the refresh")
    asked, answered = messages()[len(before) :]
    assert (asked["method"], answered["status"]) == ("UPDATE", 200) and asked["source"] == answered["target"]


@pytest.mark.acceptance("DLG-6", missing="its silent refresher is in virtual time")
@pytest.mark.acceptance("TRA-8")
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium")
@pytest.mark.timeout(120)
def test_phones_in_pages_call_and_survive_a_lost_connection(switch: Switch, bundle: str) -> None:
    with chromium() as browser:
        context = browser.new_context(ignore_https_errors=True, bypass_csp=True, permissions=["microphone"])
        first, second = tab(context, "customer"), tab(context, "agent")
        first.clock.install()
        _open(first, bundle, "jssip", switch, "1001")
        _open(second, bundle, "sipjs", switch, "1002")

        first.evaluate("jssip.call('1002')")
        _told(first, "jssip", "confirmed")
        hears(first, "agent")
        hears(second, "customer")
        _refreshes(switch, first)

        first.evaluate("jssip.lose()")
        _told(first, "jssip", "registered", 2, seconds=3.0 + 2.0)  # JsSIP itself waits a second and more
        hears(second, "customer")
        assert "ended" not in second.evaluate("sipjs.states"), "the other party stays"
        first.evaluate("jssip.hang_up()")
        _told(second, "sipjs", "ended")

        first.reload()
        _open(first, bundle, "jssip", switch, "1001")
        second.evaluate("sipjs.call('1001')")
        _told(first, "jssip", "confirmed")
        hears(first, "agent")
        second.evaluate("sipjs.hang_up()")
        _told(first, "jssip", "ended")

        with Phone("1003", PASSWORD, f"127.0.0.1:{switch.sip_port}", TONES["supervisor"]) as desk:
            desk.do("register")
            desk.dial("1001")
            hears(first, "supervisor")
            wait_for(lambda: desk.hears(TONES) == {"customer"}, 8, "the desk phone to hear the page")
            first.evaluate("jssip.hang_up()")
            wait_for(lambda: switch.api("GET", "/calls?state=live")["items"] == [], 5, "no call to be left")
