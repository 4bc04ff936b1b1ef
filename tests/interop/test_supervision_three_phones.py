"""A customer, an agent and a supervisor at three PJSIP phones: who hears whom in each mode, how soon, and what is signalled.

Times are those of packets at the ear's port against the order's; the machine's load is in them, so the bound is wide and the
figure is printed.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.support.apply import extensions
from tests.support.audio import tone_level
from tests.support.pjsua import Pjsua
from tests.support.sniff import DECODE, Sniffer
from tests.support.switch import Switch, wait_for

APPLY = extensions("1001", "1002", "1003") + (
    """
[[queue]]
name = "sales"
announce = "none"
[[number]]
number = "6000"
to = "queue:sales"
[[agent]]
login = "8002"
queues = ["sales"]
station = "extension:1002"
[[user]]
login = "wang"
role = "supervisor"
[[agent]]
login = "wang"
station = "extension:1003"
"""
)
TONES = {"customer": 440.0, "agent": 1000.0, "supervisor": 1700.0}
NUMBERS = {"customer": "1001", "agent": "1002", "supervisor": "1003"}
MATRIX = {
    "listen": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    "whisper": {"customer": {"agent"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "barge": {"customer": {"agent", "supervisor"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "take_over": {"customer": {"supervisor"}, "supervisor": {"customer"}},
}
"""Mode → who hears whom (sip.md §8.1)."""
PROOF = {"whisper": ("agent", "supervisor"), "barge": ("customer", "supervisor"), "take_over": ("customer", "agent")}
"""Mode → at whose ear whose tone tells that it works: it begins; with take-over the agent's ends."""
MOST = 0.1
LOADED = 1.5
"""Seconds; what the row allows on a quiet machine, and what a busy one may make of it."""
pytestmark = pytest.mark.timeout(150)


class Ear(Sniffer):
    """Also remembers when each packet came, and what was signalled to and by the phone of a SIP port."""

    def __init__(self, port: int, sip_port: int) -> None:
        super().__init__(port)
        self.packets: list[tuple[float, bytes, int]] = []
        self.signalled: list[str] = []
        self._sip_port = sip_port

    def _take(self, frame: bytes) -> None:
        super()._take(frame)
        header = (frame[14] & 0x0F) * 4
        udp = frame[14 + header :]
        ports = int.from_bytes(udp[0:2], "big"), int.from_bytes(udp[2:4], "big")
        if self._sip_port in ports and len(udp) > 30 and b"REGISTER" not in udp and b"OPTIONS" not in udp:
            self.signalled.append(udp[8:].split(b"\r\n", 1)[0].decode(errors="replace"))
        if ports[1] == self._port and len(udp) > 20 and udp[9] & 0x7F in DECODE:
            self.packets.append((time.time(), udp[20:], udp[9] & 0x7F))

    def changed(self, since: float, hertz: float) -> float | None:
        """When a tone began or ended after a moment: the first packet of which the 60 ms from it on are the other way."""
        window = [(at, DECODE[kind][np.frombuffer(data, np.uint8)]) for at, data, kind in self.packets if at >= since - 0.1]
        heard = [
            (at, tone_level(np.concatenate([part for _, part in window[index : index + 3]]), hertz) > -35)
            for index, (at, _) in enumerate(window[:-3])
        ]
        before = [state for at, state in heard if at < since]
        return next((at for at, state in heard if at >= since and before and state != before[0]), None)


@pytest.mark.acceptance("FEA-4")
def test_listen_whisper_barge_take_over(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch, ExitStack() as stack:
        phones = {
            name: stack.enter_context(
                Pjsua(number, f"secret-{number}", f"127.0.0.1:{switch.sip_port}", TONES[name], codecs=("pcmu",))
            )
            for name, number in NUMBERS.items()
        }  # fmt: skip
        ears = {name: stack.enter_context(Ear(phones[name].media_port, phones[name].port)) for name in ("customer", "agent")}
        for phone in phones.values():
            phone.do("register")
        switch.api("PUT", "/agents/8002/state", {"state": "ready"})
        phones["customer"].dial("6000", wait=False)
        phones["agent"].do("ringing")
        phones["agent"].do("answer")
        _hear(phones, {"customer": {"agent"}, "agent": {"customer"}})
        (call,) = (each["id"] for each in switch.api("GET", "/calls?state=live")["items"])

        figures = {}
        for mode, heard in MATRIX.items():
            order = {"mode": mode, "supervisor": "wang", "device": "extension:1003"}
            since = time.time()
            for ear in ears.values():
                ear.signalled.clear()
            switch.api("PUT", f"/calls/{call}/monitor", order)
            if mode == "listen":
                phones["supervisor"].do("ringing")
                phones["supervisor"].do("answer")
            _hear(phones, heard)
            assert ears["customer"].signalled == [], "no message to who talks"
            left = mode == "take_over"
            assert ("BYE" in " ".join(ears["agent"].signalled)) is left and (left or not ears["agent"].signalled)
            if mode in PROOF:
                at_ear, whose = PROOF[mode]
                at = wait_for(lambda ear=ears[at_ear], tone=TONES[whose], since=since: ear.changed(since, tone), 5, mode)
                figures[mode] = round((at - since) * 1000)
        print(f"effect of a change of role at the ear, ms (row: {MOST * 1000:.0f}): {figures}")
        assert max(figures.values()) < LOADED * 1000, figures
        assert phones["agent"].state() == "CLOSED"
        phones["supervisor"].do("hangup")


def _hear(phones: dict[str, Pjsua], wanted: dict[str, set[str]]) -> None:
    def heard() -> dict[str, set[str]]:
        return {name: phones[name].hears(TONES, 0.3) for name in wanted}

    try:
        wait_for(lambda: heard() == wanted, 10, "the tones")
    except AssertionError as fault:
        raise AssertionError(f"{heard()} instead of {wanted}") from fault
