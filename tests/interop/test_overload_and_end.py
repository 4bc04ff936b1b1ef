"""More calls than the switch takes, and its end while calls live: SIPp as a carrier that does not care."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.pjsua import Pjsua
from tests.support.raw_sip import RawSip, authorization, header, offer, status
from tests.support.sipp import Caller, Sipp
from tests.support.switch import Switch, free_sip_port, wait_for

CARRIER = free_sip_port()
MOST = 50
HOLD, RATE = 2.5, 60
"""MOST calls of HOLD seconds are 20 a second; three times as many come."""
SECONDS = 5
APPLY = """
[[extension]]
number = "1001"
password = "secret-1001"
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[number]]
number = "7000"
to = "echo"
"""


def greedy() -> str:
    """Takes the call, or a 503 that says when to return."""
    refused = (
        '<recv response="503" optional="true" next="1" rrs="true"><action>'
        '<ereg regexp="^ *([5-9]|1[0-5])$" search_in="hdr" header="Retry-After:" check_it="true" assign_to="when"/>'
        "</action></recv>"
    )
    caller = Caller().invite()
    for code in (100, 180, 183):
        caller.expect(code, optional=True)
    caller.steps.append(refused)
    caller.expect(200).acknowledge().pause(HOLD).hang_up()
    caller.steps.append('<label id="2"/><nop next="3"/><label id="1"/>')
    caller.acknowledge()
    caller.steps.append('<label id="3"/><Reference variables="when"/>')
    return caller.xml()


@pytest.mark.timeout(120)
@pytest.mark.acceptance(
    "TRA-9", missing="the 60 s and a loop made late, which script/bench overload runs: 5 s here, the loop in virtual time"
)
@pytest.mark.acceptance("TRA-10")
def test_what_is_too_much_hears_when_to_return_and_the_end_waits_for_calls(tmp_path: Path) -> None:
    settings = {"SOFTSWITCH_SIP__MAX_CALLS": str(MOST), "SOFTSWITCH_NODE__DRAIN_SECONDS": "30"}
    with Switch(tmp_path, APPLY, settings=settings) as switch:
        _three_times_too_much(switch, tmp_path)
        _the_end_waits(switch, tmp_path)


def _three_times_too_much(switch: Switch, folder: Path) -> None:
    target, calls = f"127.0.0.1:{switch.sip_port}", RATE * SECONDS
    with Sipp(folder, greedy(), target, "7000", calls, RATE, 1000, port=CARRIER, seconds=60) as carrier:
        carrier.succeed(60)  # each call was taken and went well to its end, or was refused in good form
        waits = re.findall(r"^Retry-After: (\d+)", carrier.messages(), re.MULTILINE)
    refused = len(set(re.findall(r"SIP/2\.0 503 [\s\S]*?Call-ID: (\S+)", carrier.messages())))
    assert calls * 0.4 < refused < calls * 0.8
    assert len(set(waits)) > 5, "they do not all return at once"
    began = time.monotonic()
    with RawSip(switch.sip_port) as raw:  # and the next caller is welcome
        raw.send(raw.request("INVITE", f"sip:7000@{target}", body=offer()))
        answer = raw.final()
        assert status(answer) == 200 and answer is not None and time.monotonic() - began < 3
        raw.hang_up(answer)


def _the_end_waits(switch: Switch, folder: Path) -> None:
    scenario = Caller().invite().answered().pause(5.0).hang_up().xml()
    target = f"127.0.0.1:{switch.sip_port}"
    with (
        Pjsua("1001", "secret-1001", target, 440.0) as talker,
        Sipp(folder, scenario, target, "7000", MOST - 1, 25, MOST, port=CARRIER, seconds=40, trace=False) as carrier,
    ):
        talker.do("register")
        talker.dial("7000")
        wait_for(lambda: len(switch.api("GET", "/calls?state=live&limit=200")["items"]) == MOST, 10, "all calls to live")
        assert switch.process is not None
        with RawSip(switch.sip_port) as raw, RawSip(switch.sip_port) as phone:
            challenge = _register(phone, target)
            switch.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not switch.is_ready(), 5, "readiness to be false")
            for method in ("OPTIONS", "INVITE"):
                raw.send(raw.request(method, f"sip:7000@{target}", body=offer() if method == "INVITE" else ""))
                answer = raw.final()
                assert status(answer) == 503 and 5 <= int(header(answer, "Retry-After")) <= 15
            bound = _register(phone, target, challenge)
            assert status(bound) == 200 and "expires=60" in (bound or "")
        carrier.succeed(20)  # every BYE was the caller's
        talker.do("clear")
        wait_for(lambda: talker.hears({"own": 440.0}) == {"own"}, 8, "the echo to go on")
        assert talker.state() == "ESTABLISHED"
        talker.do("hangup")
    assert switch.process.wait(15) == 0


def _register(phone: RawSip, target: str, challenge: str | None = None) -> str | None:
    uri, number = f"sip:{target}", "1001"
    login = authorization(challenge, "REGISTER", uri, number, "secret-1001") if challenge else ""
    phone.send(phone.request("REGISTER", uri, headers=f"Expires: 3600\n{login}", caller=number, to=f"sip:{number}@{target}"))
    return phone.final()
