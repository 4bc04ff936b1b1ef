"""A carrier's call with a recorded voice reaches an agent's browser through IVR and queue, mixed and recorded."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from tests.support.audio import at_rate, median_correlation, read_wav, rms_db
from tests.support.chromium import chromium, heard, listen, microphone_file, window
from tests.support.flows import MENU_TO_SALES
from tests.support.sipp import Caller, Sipp, ulaw
from tests.support.sniff import Sniffer
from tests.support.switch import Switch, wait_for

SPEECH = Path(__file__).parents[1] / "vectors" / "speech"
APPLY = (
    """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[queue]]
name = "sales"
wrap_up = 3
record = true
[[agent]]
login = "li"
name = "李"
queues = ["sales"]
[[number]]
number = "4008001000"
to = "flow:main"
"""
    + MENU_TO_SALES
)
TALK = 12.0  # seconds that both talk


def test_carrier_call_reaches_a_browser_and_is_recorded(tmp_path: Path) -> None:
    rate, (original,) = read_wav(SPEECH / "customer.wav")
    customer_voice = at_rate(original, rate, 8000)
    voice_file = tmp_path / "customer.ulaw"
    voice_file.write_bytes(ulaw(customer_voice))
    microphone, agent_voice = microphone_file(SPEECH / "agent.wav", tmp_path)
    scenario = Caller().invite().answered().speak(voice_file, -1).pause(2).press("1").wait_bye().xml()

    with Switch(tmp_path, APPLY) as switch, chromium(microphone) as browser:
        page = window(browser).new_page()
        page.goto(switch.link("li"))
        page.wait_for_url("**/agent*")
        page.goto(f"{switch.url}/agent?raw=1&codec=pcmu")
        page.get_by_test_id("btn-ready").click()
        wait_for(lambda: switch.api("GET", "/agents/li")["state"] == "ready", 15, "the agent to be ready")
        listen(page)

        customer = Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4008001000")
        with Sniffer(customer.media_port) as ear, customer:
            page.get_by_test_id("offer-card").wait_for(timeout=20_000)
            assert "13800138000" in page.get_by_test_id("offer-card").inner_text()
            assert "sales" in page.get_by_test_id("offer-queue").inner_text()
            assert switch.api("GET", "/agents/li")["state"] == "ringing"
            page.get_by_test_id("btn-answer").click()
            page.get_by_test_id("call-card").wait_for()
            time.sleep(TALK)
            page_heard, customer_heard = heard(page), ear.audio()
            page.get_by_test_id("btn-hangup").click()
            customer.succeed()

        call = switch.ended_calls()[0]
        assert (call["result"], call["queue"], call["agent"], call["trunk"]) == ("answered", "sales", "li", "carrier")
        assert call["who"] == "agent" and call["caller"] == "13800138000" and call["called"] == "4008001000"

        looped_customer, looped_agent = np.tile(customer_voice, 6), np.tile(agent_voice, 6)
        last = int(8000 * (TALK - 3))
        assert rms_db(page_heard[-last:]) > -40
        assert median_correlation(page_heard[-last:], looped_customer) > 0.85, "the page hears the customer"
        assert median_correlation(customer_heard[-last:], looped_agent) > 0.85, "the customer hears the agent"

        detail = switch.api("GET", f"/calls/{call['id']}")
        kinds = [event["type"] for event in detail["timeline"]]
        for kind in ("call.created", "ivr.entered", "leg.dtmf", "queue.entered", "acd.decision", "offer.made", "offer.answered",
                     "call.connected", "rec.started", "call.ended", "rec.finished"):  # fmt: skip
            assert kind in kinds, f"{kind} is missing in {kinds}"

        status, content = switch.request("GET", f"/api/v1/calls/{call['id']}/recording")
        assert status == 200
        rec_rate, (left, right) = read_wav(content)
        left, right = at_rate(left, rec_rate, 8000), at_rate(right, rec_rate, 8000)
        skip = 8000  # the first second, while the parties' clocks settle
        assert median_correlation(left[skip:], looped_customer) >= 0.9, "left is the customer"
        assert median_correlation(right[skip:], looped_agent) >= 0.9, "right is the agent"
        assert abs(len(left) / 8 - call["talk_ms"] - call["hold_ms"]) <= 100, "the recording is as long as the call"
        assert abs(detail["recordings"][0]["duration_ms"] - call["talk_ms"] - call["hold_ms"]) <= 100
        wait_for(lambda: switch.api("GET", "/agents/li")["state"] == "ready", 8, "wrap-up to end")


def test_first_audio_after_the_answer(tmp_path: Path) -> None:
    """The caller hears something within 300 ms after the 200 OK."""
    voice = tmp_path / "silence.ulaw"
    voice.write_bytes(b"\xff" * 8000)
    scenario = Caller().invite().answered().speak(voice, -1).pause(2).hang_up().xml()
    with Switch(tmp_path, APPLY) as switch:
        customer = Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4008001000")
        with Sniffer(customer.media_port) as ear, customer:
            customer.succeed()
            assert ear.first_packet_at is not None
            answered = ear.answered_at(switch.sip_port)
            assert ear.first_packet_at - answered <= 0.3
