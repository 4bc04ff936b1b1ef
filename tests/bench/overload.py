"""Three times what the switch takes for a minute, and a loop that is late: what callers hear, how soon all is well (TRA-9)."""

from __future__ import annotations

import re
import signal
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.figures import Figure, load_average
from tests.interop.test_overload_and_end import APPLY, HOLD, MOST, greedy
from tests.support.raw_sip import RawSip, header, offer, status
from tests.support.sipp import Sipp
from tests.support.switch import Switch

SECONDS, RATE = 60, 60
LATE_SECONDS, PAUSE, GAP = 8.0, 0.25, 0.1
"""The process is stopped for PAUSE of each PAUSE + GAP seconds: its loop is as late as on a machine that has too much to do."""


def bench() -> list[Figure]:
    settings = {"SOFTSWITCH_SIP__MAX_CALLS": str(MOST), "SOFTSWITCH_SIP__OVERLOAD_MS": "150"}
    with tempfile.TemporaryDirectory() as name, Switch(Path(name), APPLY, settings=settings) as switch:
        return [*_too_many(switch, Path(name)), *_too_late(switch)]


def _too_many(switch: Switch, folder: Path) -> list[Figure]:
    target, calls = f"127.0.0.1:{switch.sip_port}", RATE * SECONDS
    with Sipp(folder, greedy(), target, "7000", calls, RATE, 1000, seconds=SECONDS + 60) as carrier:
        failed = "" if _went_well(carrier) else "SIPp counted failures"
        text = carrier.messages()
    waits = [int(each) for each in re.findall(r"^Retry-After: (\d+)", text, re.MULTILINE)]
    refused = len(set(re.findall(r"SIP/2\.0 503 [\s\S]*?Call-ID: (\S+)", text)))
    over = len(set(re.findall(r"^BYE [\s\S]*?Call-ID: (\S+)", text, re.MULTILINE)))
    lost = calls - refused - over
    nominal = f"{calls} calls at {RATE}/s, {MOST / HOLD:.0f}/s nominal"
    note = f"{nominal}; {refused} refused, {over} went to their end; {failed}{load_average()}"
    return [
        Figure(
            "overload",
            "admitted calls that went wrong",
            round(100 * max(0, lost) / max(1, calls - refused), 2),
            "%",
            0.1,
            note=note,
        ),
        Figure("overload", "shortest Retry-After", min(waits), "s", 5, more_is_better=True),
        Figure("overload", "longest Retry-After", max(waits), "s", 15),
    ]


def _went_well(carrier: Sipp) -> bool:
    try:
        carrier.succeed(SECONDS + 50)
    except AssertionError:
        return False
    return True


def _too_late(switch: Switch) -> list[Figure]:
    assert switch.process is not None
    process, over = switch.process, threading.Event()

    def stutter() -> None:
        while not over.is_set():
            process.send_signal(signal.SIGSTOP)
            time.sleep(PAUSE)
            process.send_signal(signal.SIGCONT)
            time.sleep(GAP)

    thread = threading.Thread(target=stutter)
    thread.start()
    until, refused, bad = time.monotonic() + LATE_SECONDS, 0, 0
    try:
        while time.monotonic() < until:
            answer = _try(switch)
            refused += answer.startswith("503 ")
            bad += answer not in ("200", "503 5-15")
    finally:
        over.set()
        thread.join()
    began = time.monotonic()
    while (answer := _try(switch)) != "200":
        assert time.monotonic() - began < 60, answer
        time.sleep(0.25)
    note = f"{refused} calls refused while it was late; {load_average()}"
    return [
        Figure("overload", "a late loop: calls refused", refused, "calls", 1, more_is_better=True, note=note),
        Figure("overload", "a late loop: calls neither taken nor told when to return", bad, "calls", 0),
        Figure("overload", "a late loop: until a call is taken again", round(time.monotonic() - began, 1), "s", 10),
    ]


def _try(switch: Switch) -> str:
    """One call: "200" (it is hung up), "503 5-15" when it is told to return in that time, else what came."""
    with RawSip(switch.sip_port) as caller:
        caller.send(caller.request("INVITE", f"sip:7000@127.0.0.1:{switch.sip_port}", body=offer()))
        answer = caller.final(5.0)
        if status(answer) == 200 and answer is not None:
            caller.hang_up(answer)
            return "200"
        wait = header(answer, "Retry-After")
        return "503 5-15" if status(answer) == 503 and wait.isdigit() and 5 <= int(wait) <= 15 else f"{status(answer)} {wait}"
