"""One line per failed login, in the words of sip.md §9, and nothing that a peer writes can change what fail2ban reads."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.auth import DigestClient
from signalling.commands import Login
from signalling.events import Flow, SecurityEvent
from softswitch.observe import logs
from softswitch.observe.security import security_line, write
from tests.signalling.scripted import Bench, phone_flow

FLOW = Flow("udp", ("192.0.2.200", 5060), ("203.0.113.7", 5062))
AT = 1_767_323_045.678
FILTER = Path(__file__).resolve().parents[2] / "docs" / "fail2ban" / "softswitch.conf"
HOST = r"(?P<host>[0-9a-fA-F:.]+)"


def pattern() -> re.Pattern[str]:
    line = next(line for line in FILTER.read_text().splitlines() if line.startswith("failregex = "))
    return re.compile(line.removeprefix("failregex = ").replace("<HOST>", HOST))


def event(
    user: str = "1001", agent: str = "phone", *, verified: bool = True, total: int = 0, banned: bool = False
) -> SecurityEvent:
    until = 4000.0 if banned else 0.0
    return SecurityEvent("auth_failed", FLOW, "REGISTER", 401, user, agent, verified, 2, total, until)


def test_the_line_of_the_specification() -> None:
    assert security_line(AT, event(agent="x 1.0", total=8)) == (
        "2026-01-02T03:04:05.678Z sip-security event=auth_failed src=203.0.113.7 sport=5062 proto=udp verified=1 "
        'method=REGISTER status=401 score=2 total=8 action=none user="1001" ua="x 1.0"'
    )


@pytest.mark.acceptance("SEC-6")
@settings(deadline=None)
@given(
    st.text() | st.sampled_from(["a\r\nb", "src=1.2.3.4", '" src=1.2.3.4 "', "\\", '\\"', "\x1b[2J", "\u2028x", "action=ban "])
)
def test_a_peer_cannot_write_into_the_line(text: str) -> None:
    for user, agent in ((text, "x"), ("x", text), (text, text)):
        for banned in (False, True):
            line = security_line(AT, event(user, agent, banned=banned))
            assert len(line.splitlines()) == 1
            found = pattern().search(line)
            assert (found.group("host") if found else None) == ("203.0.113.7" if banned else None)
            assert re.fullmatch(r'.* user="[^"]*" ua="[^"]*"', line)


def test_an_unproven_source_is_never_banned_by_the_filter() -> None:
    assert pattern().search(security_line(AT, event(verified=False, banned=True))) is None


@pytest.mark.acceptance("SEC-6")
def test_a_hostile_agent_over_the_wire(capsys: pytest.CaptureFixture[str]) -> None:
    """From the datagram to the log: CR LF, a made-up source and quotes in User-Agent and user name."""
    logs.configure("info", "json")
    bench, agent = Bench(), 'x" src=1.2.3.4 action=ban \r\n sip-security event=x src=1.2.3.4'
    (challenge,) = bench.feed(bench.request("REGISTER"), phone_flow())
    value = DigestClient(Login('10"01', "wrong"), lambda: "c" * 17).answer(
        challenge.headers["www-authenticate"], "REGISTER", "sip:100@pbx.example.com"
    )
    bench.feed(bench.request("REGISTER", headers=f"Authorization: {value}\r\nUser-Agent: {agent}\r\n"), phone_flow())
    (failed,) = bench.told(SecurityEvent)
    assert isinstance(failed, SecurityEvent)
    assert failed.verified
    write(security_line(AT, replace(failed, banned_until=4000.0)))
    (line,) = capsys.readouterr().err.splitlines()
    found = pattern().search(line)
    assert found is not None
    assert found.group("host") == phone_flow().remote[0]
