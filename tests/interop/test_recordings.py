"""A real call between two phones, recorded as encrypted Ogg/Opus, moved into a store, played through REST in parts."""

from __future__ import annotations

import base64
import os
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from tests.support.audio import tone
from tests.support.raw_sip import register
from tests.support.sipp import Caller, Sipp, answering, ulaw
from tests.support.switch import Switch, wait_for

av = pytest.importorskip("av")
pytest.importorskip("obstore")
APPLY = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[queue]]
name = "sales"
announce = "none"
wrap_up = 0
record = true
record_days = 90
[[number]]
number = "4008001000"
to = "queue:sales"
[[extension]]
number = "2000"
password = "secret-2000"
[[agent]]
login = "li"
queues = ["sales"]
station = "extension:2000"
"""


@pytest.mark.timeout(90)
def test_an_encrypted_opus_recording_of_a_real_call_plays(tmp_path: Path) -> None:
    caller, agent, depot = tmp_path / "caller.ulaw", tmp_path / "agent.ulaw", tmp_path / "depot"
    caller.write_bytes(ulaw(tone(440, 6)))
    agent.write_bytes(ulaw(tone(700, 6)))
    settings = {
        "SOFTSWITCH_RECORDINGS__FORMAT": "opus",
        "SOFTSWITCH_RECORDINGS__KEYS": f"k1={base64.b64encode(os.urandom(32)).decode()}",
        "SOFTSWITCH_RECORDINGS__STORE": f"file://{depot}",
    }
    with Switch(tmp_path, APPLY, settings=settings) as switch:
        phone = Sipp(tmp_path, answering(ring_ms=50, voice=agent), calls=1, limit=1).start()
        assert register(switch.sip_port, "2000", "secret-2000", phone.port) == 200
        switch.api("PUT", "/agents/li/state", {"state": "ready"})
        scenario = Caller().invite().answered().speak(caller, -1).pause(5).hang_up().xml()
        Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4008001000").start().succeed(30)
        (call,) = switch.ended_calls(1)
        recording = wait_for(lambda: call_recording(switch, call["id"]), 10, "the recording")
        assert recording["status"] == "complete"
        item = switch.api("GET", f"/recordings/{recording['id']}")
        began, end = (datetime.fromisoformat(item[name]) for name in ("started", "expires"))
        assert (end - began).days == 90, "the queue says for how long"
        url = f"/api/v1/recordings/{recording['id']}/audio"
        here = whole(switch, url)
        check(here, recording["duration_ms"])

        files = wait_for(lambda: list(depot.rglob("*.opus.enc")), 20, "the file in the store")
        assert files[0].read_bytes()[:7] == b"SSWREC1" and b"OpusHead" not in files[0].read_bytes()
        wait_for(lambda: not list((tmp_path / "data" / "recordings").glob("2*/**/*.enc")), 10, "its place here is free")
        assert whole(switch, url) == here, "from the store the same"
        _, peaks = switch.request("GET", f"{url}?peaks=1")
        assert peaks.count(b"[") == 3


def call_recording(switch: Switch, call: str) -> dict[str, object] | None:
    found = switch.api("GET", f"/calls/{call}")["recordings"]
    return found[0] if found and found[0]["status"] != "recording" else None


def whole(switch: Switch, url: str) -> bytes:
    status, content = switch.request("GET", url)
    assert status == 200, content
    return bytes(content)


def check(content: bytes, duration_ms: int) -> None:
    """Each side its own tone, both from the begin, and the length of the file that of the talk."""
    with av.open(BytesIO(content)) as file:
        sides = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)[:, ::6]
    left, right = sides
    assert abs(len(left) / 8 - duration_ms) <= 20
    middle = slice(16_000, 32_000)
    for side, own, other in ((left, 440, 700), (right, 700, 440)):
        assert amplitude(side[middle], own) > 0.05
        assert amplitude(side[middle], other) < 0.005


def amplitude(side: np.ndarray, hertz: float) -> float:
    return float(2 * abs(np.mean(side * np.exp(-2j * np.pi * hertz * np.arange(len(side)) / 8000))))
