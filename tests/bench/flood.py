"""5,000 packets a second that nobody wants, of four kinds, and what a good caller sees of them (SEC-4)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import uuid4

from tests.bench.figures import Figure, cpu_seconds, load_average, rss_kib
from tests.bench.flood_source import KINDS
from tests.support.raw_sip import RawSip, authorization, header, offer, status
from tests.support.switch import Switch

RATE, SECONDS, PER_SECOND = 5000, 8, 5
GOAL = 1000.0
MEANT = {
    "junk": "what is no SIP, one source", "invites": "INVITEs of one stranger", "scanner": "scanners at 100 addresses",
    "spoofed": "INVITEs of 100,000 sources",
}  # fmt: skip
APPLY = """
[[extension]]
number = "1001"
password = "s3cret-of-1001"
[[number]]
number = "9196"
to = "echo"
"""


class Flood:
    """One kind of packets from a process of its own; `sent` is known when it is over."""

    def __init__(self, kind: str, port: int, rate: float = RATE) -> None:
        self.sent = 0
        self._arguments = [sys.executable, "-m", "tests.bench.flood_source", kind, str(port), str(rate)]

    def __enter__(self) -> Flood:
        self._process = subprocess.Popen(self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.sent = int(self._process.communicate("\n", timeout=30)[0] or 0)
        assert self.sent, "nothing was sent"


def exchange(phone: RawSip, request: str, call_id: str, cseq: int) -> str | None:
    """The final answer to a request, which is repeated as a phone does; late answers to others are passed over."""
    for wait in (0.5, 1.0, 2.0, 4.0):
        phone.send(request)
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            answer = phone.final(left)
            if answer is not None and header(answer, "Call-ID") == call_id and header(answer, "CSeq").startswith(f"{cseq} "):
                return answer
    return None


def set_up(phone: RawSip, number: int) -> float:
    """Milliseconds from the first INVITE to the 200, the login between them included; -1 when there was none."""
    uri = f"sip:9196@127.0.0.1:{phone.switch[1]}"
    began = time.perf_counter()
    call_id = f"good-{number}-{began}"
    request = phone.request("INVITE", uri, caller="1001", call_id=call_id, body=offer())
    answer = exchange(phone, request, call_id, 1)
    if status(answer) != 401:
        return -1.0
    phone.send(request.partition("Content-Type")[0].replace("INVITE", "ACK") + "Content-Length: 0\n\n")
    credentials = authorization(answer or "", "INVITE", uri, "1001", "s3cret-of-1001")
    again = phone.request("INVITE", uri, caller="1001", call_id=call_id, cseq=2, headers=credentials, body=offer())
    answer = exchange(phone, again, call_id, 2)
    if status(answer) != 200:
        return -1.0
    spent = (time.perf_counter() - began) * 1000
    _end(phone, answer or "", call_id)
    return spent


def _end(phone: RawSip, answer: str, call_id: str) -> None:
    contact = header(answer, "Contact").strip("<>")
    dialog = f"From: {header(answer, 'From')}\nTo: {header(answer, 'To')}\nCall-ID: {call_id}\nMax-Forwards: 70\n"
    for method, cseq in (("ACK", 2), ("BYE", 3)):
        host, port = phone.address
        via = f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid4().hex};rport\n"
        text = f"{method} {contact} SIP/2.0\n{via}{dialog}CSeq: {cseq} {method}\nContent-Length: 0\n\n"
        if method == "ACK":
            phone.send(text)
        else:
            assert status(exchange(phone, text, call_id, cseq)) == 200, "no answer to BYE"


def under(kind: str, switch: Switch, phone: RawSip) -> list[Figure]:
    """One kind of flood, with good calls all the while."""
    assert switch.process is not None
    pid = switch.process.pid
    memory, spent = rss_kib(pid), cpu_seconds(pid)
    found = []
    with Flood(kind, switch.sip_port) as flood:
        began = time.monotonic()
        for number in range(SECONDS * PER_SECOND):
            found.append(set_up(phone, number))
            time.sleep(max(0.0, began + (number + 1) / PER_SECOND - time.monotonic()))
        lasted = time.monotonic() - began
        load = (cpu_seconds(pid) - spent) / lasted * 100
        grown = (rss_kib(pid) - memory) / 1024
    failed = sum(each < 0 for each in found)
    worst = float("inf") if failed else max(found)
    note = f"median {median(found):.0f} ms; {flood.sent / lasted:.0f} packets/s; CPU {load:.0f} % of a core; {load_average()}"
    return [
        Figure("flood", f"slowest set-up, {MEANT[kind]}", round(worst, 1), "ms", GOAL, note=note),
        Figure("flood", f"good calls that failed, {MEANT[kind]}", failed, f"of {len(found)}", 0),
        Figure("flood", f"memory growth, {MEANT[kind]}", round(grown, 1), "MiB", 100.0),
    ]


def bench() -> list[Figure]:
    as_shipped = {"SOFTSWITCH_SIP__OVERLOAD_MS": "150"}  # other tests switch it off: their machines are busy with other things
    with (
        tempfile.TemporaryDirectory() as name,
        Switch(Path(name), APPLY, settings=as_shipped) as switch,
        RawSip(switch.sip_port) as phone,
    ):
        quiet = [set_up(phone, number) for number in range(10)]
        assert min(quiet) > 0, quiet
        figures = [Figure("flood", "slowest of 10 set-ups, no flood", round(max(quiet), 1), "ms", GOAL, note=load_average())]
        for kind in KINDS:
            figures += under(kind, switch, phone)
        assert "Traceback" not in switch.log, switch.log[-3000:]
    return figures
