"""B2BUA calls by SIPp: INVITE/100/180/200/ACK/BYE/200 with SDP on both sides, 100 ms ring, 200 ms hold; CPU per call.

Beside: Sippy B2BUA (Python) in the same run, which has no media port, no records and no routing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figures import Figure, cpu_seconds, load_average, rss_kib
from tests.support.sipp import Caller, Sipp, answering
from tests.support.sippy import sippy
from tests.support.switch import Switch

RATE = 50
SECONDS = 12
WARM_UP = 3
RUNS = 5
GOAL = 1.6


def apply_file(out_port: int) -> str:
    return f"""
[[trunk]]
name = "in"
addresses = ["127.0.0.1"]
[[trunk]]
name = "out"
addresses = ["127.0.0.1:{out_port}"]
[[route]]
pattern = "4*"
trunks = ["out"]
[[number]]
number = "4*"
to = "outside:4000"
"""


def drive(folder: Path, target: int, pid: int, called: Sipp, *, rate: int = RATE, seconds: int = SECONDS) -> tuple[float, int]:
    """(CPU ms per call, failed calls) of one run."""
    calls = rate * seconds
    scenario = Caller(formats="0 101").invite().answered().pause(0.2).hang_up().xml()
    caller = Sipp(
        folder,
        scenario,
        target=f"127.0.0.1:{target}",
        service="4000",
        calls=calls,
        rate=rate,
        limit=calls,
        seconds=seconds + 60,
    )
    before = cpu_seconds(pid)
    caller.start()
    status = caller.wait(seconds + 60)
    time.sleep(1)
    spent = cpu_seconds(pid) - before
    return spent / calls * 1000, 0 if status == 0 else -1


@contextmanager
def called_party(folder: Path, calls: int) -> Iterator[Sipp]:
    with Sipp(folder, answering(ring_ms=100), calls=calls, limit=calls, seconds=600, trace=False) as called:
        yield called


def bench() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with called_party(folder, 10**6) as called:
            with sippy(folder, called.port) as (port, pid):
                drive(folder, port, pid, called, seconds=WARM_UP)
                peer, peer_failed = drive(folder, port, pid, called)
            with Switch(folder, apply_file(called.port)) as switch:
                assert switch.process is not None
                pid = switch.process.pid
                drive(folder, switch.sip_port, pid, called, seconds=WARM_UP)
                runs, memory = [], []
                for _ in range(RUNS):
                    runs.append(drive(folder, switch.sip_port, pid, called))
                    memory.append(rss_kib(pid) / 1024)
                written = len(switch.ended_calls(200))
        costs = [cost for cost, _ in runs]
        assert not any(failed for _, failed in runs), "SIPp saw failed calls"
        assert written == 200, "records are missing"
        beside = "sippy, lost calls" if peer_failed else "sippy"
        shown = " ".join(f"{cost:.1f}" for cost in costs)
        note = f"best of {RUNS}: {shown}; {load_average()}"
        # transactions linger for 32 s (RFC 3261, timers D, H, J): from the third run on as many end as begin
        growth, more = memory[-1] - memory[2], RATE * SECONDS * (RUNS - 3)
        return [
            Figure(
                "signalling", f"B2BUA call at {RATE}/s, records written", min(costs), "CPU ms/call", GOAL, peer, beside, note
            ),
            Figure("signalling", f"run {RUNS} against run 1", costs[-1] / costs[0], "times", 1.1),
            Figure("signalling", f"memory growth over {more} more calls", growth, "MiB", note=f"of {memory[-1]:.0f}"),
        ]
