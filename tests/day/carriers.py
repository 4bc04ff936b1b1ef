"""Two carriers: for every hour and kind of caller a SIPp process, and one that answers the callbacks."""

from __future__ import annotations

import csv
import os
import random
import socket
from pathlib import Path

from tests.day.calls import Customer, phone
from tests.day.configuration import CARRIERS, MAIN, VIP
from tests.day.plan import LIMITS, SHARES, Phase, Plan
from tests.support.sipp import Sipp

STATISTICS = ("-trace_stat", "-fd", "1")
MEDIA_PORTS = 12_000
"""Where the ports of RTP streams begin; SIPp counts upwards from the first and gives up when one is taken."""
AREAS = {"carrier-a": "138", "carrier-b": "139"}
"""Whose numbers are whose; a callback goes where the call came from."""


def scenario(kind: str, caller: str, voice: Path) -> tuple[str, str]:
    """The number that is called, and what happens then."""
    customer = Customer(caller, voice)
    match kind:
        case "sales":
            return MAIN, customer.listen(1.0).press("1").hang_up_after_one_of(9, 13, 17)
        case "service":
            return MAIN, customer.listen(1.5).press("2").hang_up_after_one_of(9, 13, 17)
        case "impatient":
            return MAIN, customer.listen(1.0).press("1").hang_up_after_one_of(1, 2.5, 4)
        case "vip":
            return VIP, customer.hang_up_after_one_of(8, 12)
        case _:
            return MAIN, customer.listen(1.0).press("1").listen(0.8).press("2").listen(1.5).press("1").hang_up_after_one_of(25)


class Carriers:
    """All of them; what they send is counted by SIPp itself."""

    def __init__(self, folder: Path, target: str, voice: Path, ports: dict[str, int]) -> None:
        self._folder, self._target, self._voice = folder, target, voice
        self.running: list[Sipp] = []
        self._next_media = dict.fromkeys(CARRIERS.values(), MEDIA_PORTS + os.getpid() % 4 * 5000)
        customers = phone(voice, ring_ms=700, refuse=0.1, ignore=0.0, end_early=1.0, talk_ms=5000)
        self._answering = [
            Sipp(folder / f"{name}-answers", customers, host=CARRIERS[name], port=port,
                 media_port=self._media_ports(CARRIERS[name], 30),
                 calls=100_000, limit=30, seconds=3600, trace=False, extra=STATISTICS)
            for name, port in ports.items()
        ]  # fmt: skip
        for process in self._answering:
            process.start()

    def _media_ports(self, host: str, calls: int) -> int:
        """The first of the ports that this many calls of one process use for their streams."""
        first = self._next_media[host]
        self._next_media[host] += 4 * calls + 20
        return first

    def begin(self, plan: Plan, number: int, phase: Phase) -> None:
        """All callers of one hour. Blocks for some seconds: SIPp binds its sockets without telling anybody."""
        for carrier, host in CARRIERS.items():
            for place, kind in enumerate(SHARES):
                calls = plan.calls(phase, kind)
                # 138 0 0 100001: eleven digits as in China
                caller = f"{AREAS[carrier]}{number}{place}10[call_number]00"
                called, xml = scenario(kind, caller, self._voice)
                rate = max(0.1, calls / plan.length(phase))
                folder = self._folder / f"{carrier}-{number}-{kind}"
                media = self._media_ports(host, LIMITS[kind])
                process = Sipp(folder, xml, target=self._target, service=called, calls=calls, rate=round(rate, 3),
                               limit=LIMITS[kind], seconds=300, host=host, port=free_port_of(host),
                               media_port=media, trace=False, extra=STATISTICS)  # fmt: skip
                self.running.append(process.start())

    def finish(self, seconds: float) -> list[str]:
        """Waits until every caller is done; what went wrong."""
        faults = []
        for process in self.running:
            status = process.wait(seconds)
            if status:
                faults.append(f"{process.folder.name}: SIPp ended with {status}: {process.errors()[-600:]}")
        return faults

    def sent(self) -> int:
        """Calls that were begun, as SIPp says."""
        return sum(_column(process, "TotalCallCreated") for process in self.running)

    def called_back(self) -> int:
        return sum(_column(process, "TotalCallCreated") for process in self._answering)

    def stop(self) -> None:
        for process in (*self.running, *self._answering):
            process.stop()


def free_port_of(host: str) -> int:
    """Below the ports of the RTP streams: with dozens of processes at one address these meet."""
    while True:
        port = random.randrange(10_000, MEDIA_PORTS)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((host, port))
        except OSError:
            continue
        return port


def _column(process: Sipp, name: str) -> int:
    (file,) = process.folder.glob("*_.csv")
    with file.open(encoding="latin-1", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return int(rows[-1][name]) if rows else 0
