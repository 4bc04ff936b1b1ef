"""5,000 junk packets a second from one address, and what a caller at another one sees of it (SEC-4)."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, cpu_seconds, load_average, rss_kib
from tests.support.raw_sip import RawSip, authorization, header, offer, status
from tests.support.switch import Switch

RATE, SECONDS, CALLS = 5000, 12, 40
GOAL = 1000.0
JUNK = (b"INVITE sip:x SIP/2.0\r\n", b"\x00\xffjunk ")
APPLY = """
[[extension]]
number = "1001"
password = "s3cret-of-1001"
[[number]]
number = "9196"
to = "echo"
"""


class Flood:
    """Junk from 127.0.0.66, half of it INVITE by its first octets; `sent` counts."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.66", 0))
            began = time.monotonic()
            while not self._over.is_set():
                while self.sent < (time.monotonic() - began) * RATE:
                    sender.sendto(JUNK[self.sent % 2] * 20, ("127.0.0.1", self._port))
                    self.sent += 1
                time.sleep(0.005)


def set_up(phone: RawSip, number: int) -> float:
    """Milliseconds from the first INVITE to the 200, the login between them included; -1 when there was none."""
    uri = f"sip:9196@127.0.0.1:{phone.switch[1]}"
    began = time.perf_counter()
    call_id = f"flood-{number}-{began}"
    credentials, answer = "", None
    for cseq in (1, 2):
        request = phone.request("INVITE", uri, caller="1001", call_id=call_id, cseq=cseq, headers=credentials, body=offer())
        for wait in (0.5, 1.0, 2.0):  # repeated as by a phone
            phone.send(request)
            if (answer := phone.final(wait)) is not None:
                break
        if status(answer) != 401:
            break
        phone.send(request.replace("INVITE sip", "ACK sip", 1).replace(f"CSeq: {cseq} INVITE", f"CSeq: {cseq} ACK"))
        credentials = authorization(answer or "", "INVITE", uri, "1001", "s3cret-of-1001")
    if status(answer) != 200 or "sdp" not in header(answer, "Content-Type"):
        return -1.0
    spent = (time.perf_counter() - began) * 1000
    phone.hang_up(answer or "")
    return spent


def bench() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, Switch(Path(name), APPLY) as switch:
        assert switch.process is not None
        pid = switch.process.pid
        with RawSip(switch.sip_port) as phone:
            quiet = [set_up(phone, number) for number in range(10)]
            memory, spent = rss_kib(pid), cpu_seconds(pid)
            began = time.monotonic()
            with Flood(switch.sip_port) as flood:
                found = []
                for number in range(CALLS):
                    found.append(set_up(phone, number))
                    time.sleep(max(0.0, began + (number + 1) * SECONDS / CALLS - time.monotonic()))
            lasted = time.monotonic() - began
            load = (cpu_seconds(pid) - spent) / lasted * 100
            grown = (rss_kib(pid) - memory) / 1024
    assert min(quiet) > 0, quiet
    done = sum(each >= 0 for each in found) / CALLS * 100
    worst = max(found) if min(found) >= 0 else float("inf")
    note = f"{flood.sent / lasted:.0f} packets/s; median {median(found):.0f} ms, quiet {median(quiet):.0f} ms; {load_average()}"
    return [
        Figure("flood", "slowest set-up of a good caller", round(worst, 1), "ms", GOAL, note=note),
        Figure("flood", "calls that were set up", done, "%", 99.9, more_is_better=True),
        Figure("flood", "memory growth", round(grown, 1), "MiB", 100.0),
        Figure("flood", "CPU of the switch meanwhile", round(load, 1), "% of a core"),
    ]
