"""Services of a person and ring groups with real phones (PJSIP) and a carrier (SIPp): FEA-6, FEA-8, FEA-11, intercom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.apply import extensions
from tests.support.phone import PhoneError
from tests.support.pjsua import Pjsua
from tests.support.sipp import Caller, Sipp
from tests.support.switch import ApiError, Switch, free_sip_port, wait_for

CARRIER = free_sip_port()
APPLY = (
    extensions("1001", "1002", "1003")
    + f"""
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1:{CARRIER}"]
[trunk.inbound]
trust_identity = true
[[number]]
number = "4001"
to = "extension:1001"
[[number]]
number = "4100"
to = "group:desk"
[[number]]
number = "9196"
to = "echo"
[[ring_group]]
name = "desk"
number = "6000"
strategy = "all"
members = [{{ to = "extension:1001" }}, {{ to = "extension:1002" }}, {{ to = "extension:1003" }}]
timeout = 15
[[ring_group]]
name = "row"
number = "6001"
strategy = "serial"
members = [{{ to = "extension:1003" }}, {{ to = "extension:1002" }}, {{ to = "extension:1001" }}]
ring_time = 5
[[token]]
name = "boss"
role = "supervisor"
secret = "sup-4711-0815-4711-0815"
"""
)
TONES = {"a": 440.0, "b": 1000.0}
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("services"), APPLY) as running:
        yield running


@pytest.fixture(scope="module")
def phones(switch: Switch) -> Iterator[tuple[Pjsua, Pjsua]]:
    """1001 and 1002, logged in."""
    domain = f"127.0.0.1:{switch.sip_port}"
    with Pjsua("1001", "secret-1001", domain, TONES["a"]) as a, Pjsua("1002", "secret-1002", domain, TONES["b"]) as b:
        for each in (a, b):
            each.do("register")
        yield a, b


def _set(switch: Switch, extension: str, **values: Any) -> None:
    switch.api("PATCH", f"/extensions/{extension}/services", values)


def _refused(phone: Pjsua, number: str) -> int | None:
    with pytest.raises(PhoneError) as refused:
        phone.dial(number, timeout=10)
    return refused.value.status


def _messages(switch: Switch, called: str) -> list[str]:
    """The SIP messages of the call to a number that ended last."""

    def found() -> str:
        items = switch.api("GET", "/calls?state=ended&limit=50")["items"]
        return next((str(item["id"]) for item in items if item["called"] == called), "")

    identity = wait_for(found, 10, f"the call to {called} in the history")
    return [one["text"] for one in switch.api("GET", f"/calls/{identity}/ladder")["messages"]]


def _quiet(switch: Switch) -> None:
    wait_for(lambda: not switch.api("GET", "/calls?state=live")["items"], 8, "all calls to end")


@pytest.mark.acceptance("FEA-6")
def test_dnd_waiting_limit_and_anonymous_callers(switch: Switch, phones: tuple[Pjsua, Pjsua]) -> None:
    a, b = phones
    _set(switch, "1001", dnd=True)
    assert _refused(b, "1001") == 480
    assert any("SIP/2.0 480" in text and "Q.850;cause=31" in text for text in _messages(switch, "1001"))
    _set(switch, "1001", dnd=False, reject_anonymous=True)
    assert _refused(b, "%2331%231001") == 433
    _set(switch, "1001", reject_anonymous=False)
    a.dial("9196")
    b.dial("1001", wait=False)
    invite = str(a.do("ringing")["message"])
    assert "Alert-Info: <urn:alert:service:call-waiting>" in invite
    b.do("hangup")
    _set(switch, "1001", max_calls=1)
    wait_for(lambda: len(switch.api("GET", "/calls?state=live")["items"]) == 1, 5, "the second call to end")
    assert _refused(b, "1001") == 486
    _set(switch, "1001", max_calls=0)
    a.do("hangup", call=0)
    _quiet(switch)


@pytest.mark.acceptance("FEA-8")
def test_a_withheld_caller_is_reported_and_who_may_see_the_number(
    switch: Switch, phones: tuple[Pjsua, Pjsua], tmp_path: Path
) -> None:
    a, _ = phones
    told = "P-Asserted-Identity: <sip:13800138000@127.0.0.1>\nPrivacy: id\nMax-Forwards: 70"
    scenario = (
        Caller(caller="anonymous", name="Anonymous").invite().answered().wait_bye().xml().replace("Max-Forwards: 70", told)
    )
    with Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4001", port=CARRIER) as caller:
        invite = str(a.do("ringing")["message"])
        assert "13800138000" not in invite and "anonymous" in invite.lower(), "the phone is not told"
        a.do("answer")
        a.do("established")
        a.dial("*33%23")
        (evidence,) = wait_for(lambda: switch.api("GET", "/malicious-calls")["items"], 5, "the report")
        wait_for(lambda: a.states()[-1] == "CLOSED", 10, "the spoken confirmation to end")
        a.do("hangup", call=_live(a))
        caller.succeed(30)
    assert evidence["number"].endswith("13800138000") and evidence["withheld"] is True
    assert (evidence["extension"], evidence["called"], evidence["trunk"]) == ("1001", "4001", "carrier")
    listed = switch.api("GET", "/malicious-calls", token="sup-4711-0815-4711-0815")["items"]
    assert [item["call"] for item in listed] == [evidence["call"]]
    with pytest.raises(ApiError) as refused:
        switch.api("GET", "/malicious-calls", token="nobody")
    assert refused.value.status == 401
    _quiet(switch)


@pytest.mark.acceptance("FEA-11")
def test_a_ring_group_from_a_carrier_with_one_winner(switch: Switch, phones: tuple[Pjsua, Pjsua], tmp_path: Path) -> None:
    """Two phones ring, the third is not logged in; one answers, the other is told that somebody else has."""
    a, b = phones
    scenario = Caller().invite().answered().wait_bye().xml()
    with Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4100", port=CARRIER) as caller:
        a.do("ringing")
        b.do("ringing")
        assert switch.api("GET", "/ring_groups/desk")["ringing"] == 1
        b.do("answer")
        b.do("established")
        b.do("hangup")
        caller.succeed(30)
    messages = _messages(switch, "4100")
    assert any(text.startswith("CANCEL") and "cause=200" in text and "Q.850;cause=26" in text for text in messages)
    group = switch.api("GET", "/ring_groups/desk")
    assert (group["ringing"], group["calls"], group["answered"]) == (0, 1, 1)
    assert [member["state"] for member in group["members"]] == ["free", "free", "offline"]


@pytest.mark.acceptance("FEA-11")
def test_a_busy_member_is_passed_over(switch: Switch, phones: tuple[Pjsua, Pjsua], tmp_path: Path) -> None:
    a, b = phones
    b.dial("9196")
    scenario = Caller().invite().answered().wait_bye().xml()
    switch.api("PUT", "/config/number/4101", {"number": "4101", "to": "group:row"})
    with Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4101", port=CARRIER) as caller:
        a.do("ringing")
        a.do("answer")
        a.do("established")
        a.do("hangup")
        caller.succeed(30)
    b.do("hangup")
    _quiet(switch)


def test_intercom_asks_for_an_answer(switch: Switch, phones: tuple[Pjsua, Pjsua]) -> None:
    a, b = phones
    a.dial("*801002", wait=False)
    invite = str(b.do("ringing")["message"])
    assert "Answer-Mode: Auto" in invite and "answer-after=0" in invite
    b.do("answer")
    a.do("established")
    wait_for(lambda: (a.hears(TONES, 0.4), b.hears(TONES, 0.4)) == ({"b"}, {"a"}), 8, "both to hear each other")
    a.do("hangup")
    _quiet(switch)


def _live(phone: Pjsua) -> int:
    """The number of the call that the phone still has."""
    return next(index for index, state in enumerate(phone.states()) if state != "CLOSED")
