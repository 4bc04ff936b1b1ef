"""A real phone in flows and at mailboxes of the running switch: keys, a message that survives kill -9, the mailbox by phone."""

from __future__ import annotations

import io
import time
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.audio import heard_tones
from tests.support.hotline import desk_phone
from tests.support.phone import Phone
from tests.support.switch import Switch, wait_for

APPLY = """
[[extension]]
number = "1001"
password = "correct-horse-1001"
[[agent]]
login = "li"
station = "extension:1001"
[[queue]]
name = "sales"
[[mailbox]]
name = "office"
[[mailbox]]
name = "li"
owner = "agent:li"
pin = "4711"
[[number]]
number = "8000"
to = "flow:main"
[[number]]
number = "8001"
to = "voicemail:office"
[[number]]
number = "8002"
to = "voicemail:li"
[[number]]
number = "8003"
to = "flow:main/voiced"
[[flow]]
name = "main"
start = "hello"
[flow.nodes.hello]
verb = "answer"
next = "menu"
[flow.nodes.menu]
verb = "menu"
prompts = ["main-menu"]
keys = { 1 = "account" }
no_input = "bye"
[flow.nodes.account]
verb = "collect"
max_digits = 6
variable = "account"
next = "read"
no_input = "bye"
[flow.nodes.read]
verb = "say"
kind = "digits"
value = "{{account}}"
next = "bye"
[flow.nodes.voiced]
verb = "answer"
next = "offers"
[flow.nodes.offers]
verb = "play"
prompts = ["main-menu", "main-menu", "main-menu", "main-menu"]
barge_in = "voice"
next = "bye"
[flow.nodes.bye]
verb = "hangup"
"""
TONES = {"a": 440.0}
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("mailboxes"), APPLY) as running:
        yield running


@pytest.fixture
def caller(switch: Switch) -> Iterator[Phone]:
    with desk_phone(switch, TONES["a"]) as phone:
        phone.do("register")
        yield phone


def messages(switch: Switch, mailbox: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = switch.api("GET", f"/voicemail?mailbox={mailbox}")["items"]
    return found


def loudest(caller: Phone, seconds: float) -> float:
    return float(abs(caller.audio(seconds)).max(initial=0.0))


def wait_for_the_tone(caller: Phone) -> None:
    """The words are over: only after the tone is the caller recorded."""
    wait_for(lambda: caller.hears({"tone": 1000.0}, 0.15) == {"tone"}, 20, "the tone")
    time.sleep(0.5)


def test_keys_and_figures_of_nodes(switch: Switch, caller: Phone) -> None:
    caller.dial("8000")
    wait_for(lambda: loudest(caller, 0.4) > 0.01, 10, "the menu")
    for digit in "1307#":
        caller.do("dtmf", digits=digit)
        time.sleep(0.15)
    wait_for(lambda: caller.state() == "CLOSED", 20, "the flow to hang up")
    (call, *_) = switch.ended_calls()
    nodes = [
        (event["node"], event["result"])
        for event in switch.api("GET", f"/calls/{call['id']}")["timeline"]
        if event["type"] == "ivr.node"
    ]
    assert nodes == [("hello", "done"), ("menu", "key"), ("account", "digits"), ("read", "done"), ("bye", "ended")]
    figures = {node["node"]: node for node in switch.api("GET", "/flows/main/statistics")["nodes"]}
    assert figures["menu"]["results"] == {"key": 1}


def test_the_voice_of_a_phone_ends_prompts(switch: Switch, caller: Phone) -> None:
    """The caller talks all the time, so four menus are over as soon as they have begun."""
    begun = time.monotonic()
    caller.do("speak", words=True)
    caller.dial("8003")
    wait_for(lambda: caller.state() == "CLOSED", 20, "the flow to hang up")
    caller.do("speak", words=False)
    assert time.monotonic() - begun < 5


def test_a_message_can_be_heard_by_page_and_by_phone(switch: Switch, caller: Phone) -> None:
    caller.dial("8002")
    wait_for_the_tone(caller)
    time.sleep(3)
    caller.do("hangup")
    (message,) = wait_for(lambda: messages(switch, "li"), 10, "the message")
    assert message["state"] == "new"
    assert message["caller"] == "1001"
    status, sound = switch.request("GET", f"/api/v1/voicemail/{message['id']}/audio")
    assert status == 200
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(message["duration_ms"] / 1000, abs=0.1)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768
        assert heard_tones(samples[8000:16_000], TONES) == {"a"}
    caller.do("clear")
    caller.dial("*98")
    wait_for(lambda: loudest(caller, 0.4) > 0.01, 10, "the question for the PIN")
    for digit in "4711#1":
        caller.do("dtmf", digits=digit)
        time.sleep(0.15)
    wait_for(lambda: "a" in caller.hears(TONES, 0.5), 25, "the message by phone")
    caller.do("hangup")
    assert "4711" not in switch.log


def test_a_message_survives_kill_9_while_it_is_spoken(switch: Switch, caller: Phone) -> None:
    caller.dial("8001")
    wait_for_the_tone(caller)
    time.sleep(7)
    switch.kill()
    caller.do("hangup")
    switch.start()
    (message,) = wait_for(lambda: messages(switch, "office"), 10, "the message to be rescued")
    assert message["duration_ms"] > 4000
    status, sound = switch.request("GET", f"/api/v1/voicemail/{message['id']}/audio")
    with wave.open(io.BytesIO(sound)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768
    assert (status, heard_tones(samples[8000:16_000], TONES)) == (200, {"a"})
