"""kill -9 with 20 calls that just ended and 20 that are live: nothing that was shown is lost, everything can be heard."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.audio import read_wav, rms_db, tone
from tests.support.raw_sip import register
from tests.support.sipp import Caller, Sipp, answering, ulaw
from tests.support.switch import Switch, wait_for

CALLS = 20
HEAD = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[queue]]
name = "sales"
announce = "none"
wrap_up = 0
record = true
[[number]]
number = "4008001000"
to = "queue:sales"
"""


def apply_file() -> str:
    parts = [HEAD]
    for index in range(2 * CALLS):
        parts.append(f'[[extension]]\nnumber = "{2000 + index}"\npassword = "secret-{2000 + index}"\n')
        parts.append(f'[[agent]]\nlogin = "agent{index}"\nqueues = ["sales"]\nstation = "extension:{2000 + index}"\n')
    return "\n".join(parts)


@pytest.mark.timeout(180)
def test_kill_during_calls(tmp_path: Path) -> None:
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(440, 4)))
    with Switch(tmp_path, apply_file()) as switch:
        phones = Sipp(tmp_path, answering(ring_ms=50, voice=voice), calls=2 * CALLS, limit=2 * CALLS).start()
        for index in range(2 * CALLS):
            number = str(2000 + index)
            assert register(switch.sip_port, number, f"secret-{number}", phones.port) == 200
            switch.api("PUT", f"/agents/agent{index}/state", {"state": "ready"})

        target = {
            "target": f"127.0.0.1:{switch.sip_port}",
            "service": "4008001000",
            "calls": CALLS,
            "limit": CALLS,
            "rate": 8.0,
        }
        short = Caller().invite().answered().speak(voice, -1).pause(4).hang_up().xml()
        long = Caller().invite().answered().speak(voice, -1).pause(60).hang_up().xml()
        living = Sipp(tmp_path, long, **target).start()
        wait_for(lambda: _talking(switch) == CALLS, 20, "20 calls to talk")
        ending = Sipp(tmp_path, short, **target).start()
        ending.succeed(40)
        shown = switch.ended_calls(CALLS)
        live = {call["id"] for call in switch.api("GET", "/calls?state=live&limit=200")["items"]}
        assert len(live) == CALLS
        switch.kill()
        for peer in (living, phones):
            peer.stop()

        switch.start()
        after = {call["id"]: call for call in switch.ended_calls(2 * CALLS)}
        assert {call["id"] for call in shown} | live == set(after)
        for call in shown:
            assert after[call["id"]]["result"] == "answered"
            assert _playable_seconds(switch, call["id"]) >= 3
        for identity in live:
            call = after[identity]
            assert (call["result"], call["cause"]) == ("interrupted", "NODE_LOST")
            assert call["recording"]["status"] == "recovered"
            assert _playable_seconds(switch, identity) >= 3
        assert switch.api("GET", "/calls?state=live")["items"] == []


def _talking(switch: Switch) -> int:
    return sum(call["state"] == "talking" for call in switch.api("GET", "/calls?state=live&limit=200")["items"])


def _playable_seconds(switch: Switch, call: str) -> float:
    """Length of the recording, after a look that both sides hold sound."""
    status, content = switch.request("GET", f"/api/v1/calls/{call}/recording")
    assert status == 200, content
    rate, (left, right) = read_wav(content)
    assert rms_db(left[rate : 2 * rate]) > -30 and rms_db(right[rate : 2 * rate]) > -30
    return len(left) / rate


def test_stop_lets_calls_end(tmp_path: Path) -> None:
    """SIGTERM: no new calls, live ones get the drain time, then BYE; exit status 0."""
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(440, 4)))
    apply = HEAD + '[[number]]\nnumber = "9196"\nto = "echo"\n'
    with Switch(tmp_path, apply, settings={"SOFTSWITCH_NODE__DRAIN_SECONDS": "1"}) as switch:
        scenario = Caller().invite().answered().speak(voice, -1).wait_bye().xml()
        customer = Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="9196").start()
        wait_for(lambda: _talking(switch) or switch.api("GET", "/calls?state=live")["items"], 10)
        started = time.monotonic()
        assert switch.stop() == 0
        assert time.monotonic() - started < 8
        customer.succeed(10)
