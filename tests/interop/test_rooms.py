"""A conference room with three phones, and calls that a program starts and ends. Tones tell who hears whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.phone import Phone
from tests.support.switch import ApiError, Switch, wait_for

TONES = {"1001": 440.0, "1002": 1000.0, "1003": 1700.0}
APPLY = "".join(f'[[extension]]\nnumber = "{number}"\npassword = "secret-{number}"\n' for number in TONES) + (
    '[[number]]\nnumber = "7000"\nto = "conference:team"\n'
    '[[conference]]\nname = "board"\ntitle = "Board"\nnumber = "7100"\npin = "1234"\nmoderator_pin = "9876"\n'
    'announce = "none"\n'
)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("rooms"), APPLY) as running:
        yield running


@pytest.fixture(scope="module")
def phones(switch: Switch) -> Iterator[dict[str, Phone]]:
    """Three registered phones; one of them speaks another codec."""
    with ExitStack() as stack:
        found = {}
        for number, hertz in TONES.items():
            codecs = ("pcma",) if number == "1003" else ("pcmu",)
            found[number] = stack.enter_context(
                Phone(number, f"secret-{number}", f"127.0.0.1:{switch.sip_port}", hertz, codecs)
            )
            found[number].do("register")
        yield found


def hear(phones: dict[str, Phone], wanted: dict[str, set[str]], why: str) -> None:
    """Waits until each phone hears exactly these others."""

    def as_wanted() -> bool:
        return all(phones[number].hears(TONES, 0.5) == others for number, others in wanted.items())

    try:
        wait_for(as_wanted, 8, why)
    except AssertionError as fault:
        heard = {number: phones[number].hears(TONES, 0.5) for number in wanted}
        raise AssertionError(f"{why}: wanted {wanted}, heard {heard}") from fault


def all_closed(*phones: Phone) -> None:
    wait_for(lambda: all(phone.state() == "CLOSED" for phone in phones), 5, "all phones to be hung up")


def test_three_phones_in_a_room(switch: Switch, phones: dict[str, Phone]) -> None:
    one, two, three = phones.values()
    for phone in (one, two):
        phone.dial("7000")
    hear(phones, {"1001": {"1002"}, "1002": {"1001"}}, "two in the room")
    three.dial("7000")
    hear(phones, {"1001": {"1002", "1003"}, "1002": {"1001", "1003"}, "1003": {"1001", "1002"}}, "three in the room")
    assert {call["state"] for call in switch.api("GET", "/calls?state=live")["items"]} == {"talking"}

    two.do("hangup")
    hear(phones, {"1001": {"1003"}, "1003": {"1001"}}, "one has left")
    one.do("hangup")
    three.do("hangup")
    all_closed(one, two, three)
    calls = [call for call in switch.ended_calls(3) if call["called"] == "7000"]
    assert {call["caller"] for call in calls} == set(TONES)
    assert {call["result"] for call in calls} == {"answered"}


def test_a_declared_room_with_pins_keys_and_orders(switch: Switch, phones: dict[str, Phone]) -> None:
    one, two, three = phones.values()

    def roster() -> dict[str, tuple[str, str, bool]]:
        members = switch.api("GET", "/conferences/board")["members"]
        return {
            member["name"].removeprefix("extension:"): (member["role"], member["state"], member["muted"]) for member in members
        }

    for phone, pin in ((one, "1234#"), (two, "9876#")):
        phone.dial("7100")
        phone.do("dtmf", digits=pin)
    hear(phones, {"1001": {"1002"}, "1002": {"1001"}}, "both in the room")
    assert roster() == {"1001": ("member", "inside", False), "1002": ("moderator", "inside", False)}
    switch.api("POST", "/conferences/board/members", {"to": "1003"})
    three.do("ringing")
    three.do("answer")
    hear(phones, {"1001": {"1002", "1003"}, "1003": {"1001", "1002"}}, "the invited one, without a PIN")

    one.do("dtmf", digits="*6")
    hear(phones, {"1001": {"1002", "1003"}, "1002": {"1003"}, "1003": {"1002"}}, "1001 has muted itself")
    assert roster()["1001"] == ("member", "inside", True)
    (muted,) = [member["id"] for member in switch.api("GET", "/conferences/board")["members"] if member["muted"]]
    switch.api("PATCH", f"/conferences/board/members/{muted}", {"muted": False})
    hear(phones, {"1002": {"1001", "1003"}}, "1001 is heard again")
    assert switch.api("PATCH", "/conferences/board", {"recording": True, "locked": True})["recording"]
    switch.api("DELETE", f"/conferences/board/members/{muted}")
    wait_for(lambda: one.state() == "CLOSED", 5, "the removed one to be hung up")
    switch.api("DELETE", "/conferences/board")
    all_closed(one, two, three)

    def recorded() -> set[str]:
        calls = switch.api("GET", "/calls?state=ended&limit=200")["items"]
        return {call["recording"]["status"] for call in calls if call["recording"]}

    wait_for(lambda: recorded() == {"complete"}, 10, "the file")


def test_a_program_brings_phones_into_a_room(switch: Switch, phones: dict[str, Phone]) -> None:
    for number in ("1001", "1002"):
        switch.api("POST", "/calls", {"from": f"extension:{number}", "to": "conference:other"})
        phones[number].do("ringing")
        phones[number].do("answer")
    hear(phones, {"1001": {"1002"}, "1002": {"1001"}}, "both in the room")
    live = switch.api("GET", "/calls?state=live")["items"]
    assert len(live) == 2
    before = len(switch.api("GET", "/calls?state=ended&limit=200")["items"])
    for call in live:
        switch.api("DELETE", f"/calls/{call['id']}")
    all_closed(phones["1001"], phones["1002"])
    ended = {call["id"]: call for call in switch.ended_calls(before + 2)}
    assert all(ended[call["id"]]["who"] == "supervisor" for call in live)


def test_a_program_connects_two_phones(switch: Switch, phones: dict[str, Phone]) -> None:
    """The first one rings alone; the second only when the first has answered."""
    one, _, three = phones.values()
    call = switch.api("POST", "/calls", {"from": "extension:1001", "to": "extension:1003"})["id"]
    one.do("ringing")
    assert switch.api("GET", f"/calls/{call}")["state"] == "ringing"
    one.do("answer")
    assert "1001" in three.do("ringing")["peer"], "the second party sees the first one as the caller"
    three.do("answer")
    hear(phones, {"1001": {"1003"}, "1003": {"1001"}}, "both hear each other")
    switch.api("DELETE", f"/calls/{call}")
    all_closed(one, three)
    wait_for(lambda: any(item["id"] == call for item in switch.ended_calls()), 5)
    record = switch.api("GET", f"/calls/{call}")
    assert (record["source"], record["direction"], record["result"]) == ("api", "internal", "answered")
    assert (record["who"], record["cause"], record["called"]) == ("supervisor", "supervisor", "1003")
    with pytest.raises(ApiError) as gone:
        switch.api("DELETE", f"/calls/{call}")
    assert gone.value.status == 404


def test_a_first_party_that_refuses_ends_the_call(switch: Switch, phones: dict[str, Phone]) -> None:
    call = switch.api("POST", "/calls", {"from": "extension:1001", "to": "extension:1003"})["id"]
    phones["1001"].do("ringing")
    phones["1001"].do("reject")
    wait_for(lambda: any(item["id"] == call for item in switch.ended_calls()), 5, "the record")
    assert switch.api("GET", f"/calls/{call}")["result"] in ("busy", "rejected")
    assert phones["1003"].state() != "INCOMING"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"from": "extension:1001", "to": "extension:9999"}, 422, "to"),
        ({"from": "extension:1001", "to": "hangup:busy"}, 422, "to"),
        ({"from": "extension:1001", "to": "outside:0755123"}, 422, "to"),
        ({"from": "trunk:carrier", "to": "extension:1001"}, 400, "from"),
        ({"from": "extension:4711", "to": "extension:1001"}, 409, ""),
    ],
)
def test_what_a_program_may_not_start(switch: Switch, body: dict[str, str], status: int, field: str) -> None:
    with pytest.raises(ApiError) as refused:
        switch.api("POST", "/calls", body)
    assert refused.value.status == status, refused.value.problem
    assert field in str(refused.value.problem)
    assert switch.api("GET", "/calls?state=live")["items"] == []
