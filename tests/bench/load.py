"""What the switch carries, SIPp on both sides: set-up time at 50 calls/s, the highest rate, memory after 10,000 calls.

`prf1` has Sippy B2BUA and the bare called party beside; `rate` goes up until calls fail or are repeated; `endurance` makes ten
equal runs of a thousand calls and waits until all of them are forgotten.
"""

from __future__ import annotations

import csv
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Figure, cpu_seconds, load_average, rss_kib
from tests.bench.signalling import apply_file, called_party
from tests.support.sipp import Caller, Sipp
from tests.support.sippy import sippy
from tests.support.switch import Switch

RING = 0.1
FORGOTTEN = 45.0  # seconds: timers D, H, J and M (32 s) and the trace of calls (40 s)
SETTLED = 20.0  # seconds after a rate that did not hold
STEPS = (25, 50, 75, 100, 125, 150, 200, 250, 300, 350, 400)
STEP_SECONDS, FULL_SECONDS = 12, 60
MOST_FAILED, MOST_REPEATED = 0.001, 0.02
PORTS = {"SOFTSWITCH_MEDIA__PORTS": "33000-64998"}
"""A port rests after its call: the usual range of a test carries less than 200 calls/s however fast the switch is."""


@dataclass(frozen=True, slots=True)
class Load:
    """One run. `repeated`: requests that SIPp sent again; `set_ups`: seconds from INVITE to 200, in order of size."""

    calls: int
    failed: int
    repeated: int
    set_ups: tuple[float, ...]
    cpu: float  # ms per call

    @property
    def holds(self) -> bool:
        return self.failed <= self.calls * MOST_FAILED and self.repeated <= self.calls * MOST_REPEATED

    def percentile(self, part: float) -> float:
        return self.set_ups[min(len(self.set_ups) - 1, int(len(self.set_ups) * part))] if self.set_ups else float("inf")


def drive(folder: Path, target: int, pid: int, *, rate: float, seconds: float, pause: float = 0.2) -> Load:
    """Calls at a steady rate; counted and timed by SIPp."""
    calls = int(rate * seconds)
    scenario = Caller(formats="0 101").invite().answered().pause(pause).hang_up().xml()
    scenario = scenario.replace('<send retrans="500">', '<send retrans="500" start_rtd="1">', 1)
    scenario = scenario.replace('<recv response="200"', '<recv response="200" rtd="1"', 1)
    figures, times = folder / "load.csv", folder / "rtt.csv"
    for former in (figures, *folder.glob("sipp-*_rtt.csv")):
        former.unlink(missing_ok=True)
    extra = ("-trace_stat", "-fd", "1", "-stf", str(figures), "-trace_rtt", "-rtt_freq", "1")
    caller = Sipp(
        folder, scenario, target=f"127.0.0.1:{target}", service="4000", calls=calls, rate=rate, limit=calls,
        seconds=int(seconds) + 60, trace=False, extra=extra,
    )  # fmt: skip
    before = cpu_seconds(pid)
    caller.start()
    caller.wait(seconds + 90)
    spent = cpu_seconds(pid) - before
    with figures.open(encoding="latin-1") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    (times,) = folder.glob("sipp-*_rtt.csv")
    with times.open(encoding="latin-1") as file:
        set_ups = sorted(float(row["response_time_ms"]) / 1000 for row in csv.DictReader(file, delimiter=";"))
    good = int(last["SuccessfulCall(C)"])
    return Load(calls, calls - good, int(last["Retransmissions(C)"]), tuple(set_ups), spent / calls * 1000)


def prf1() -> list[Figure]:
    """PRF-1: what the switch adds to the time between INVITE and 200."""
    rate, seconds = 50, 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with called_party(folder, 10**6) as called:
            assert called.process is not None
            bare = drive(folder, called.port, called.process.pid, rate=rate, seconds=5)
            with sippy(folder, called.port) as (port, pid):
                drive(folder, port, pid, rate=rate, seconds=3)
                peer = drive(folder, port, pid, rate=rate, seconds=seconds)
            with Switch(folder, apply_file(called.port)) as switch:
                assert switch.process is not None
                drive(folder, switch.sip_port, switch.process.pid, rate=rate, seconds=3)
                ours = drive(folder, switch.sip_port, switch.process.pid, rate=rate, seconds=seconds)
    floor = bare.percentile(0.5)
    added, beside = ((run.percentile(0.95) - floor) * 1000 for run in (ours, peer))
    note = f"median {(ours.percentile(0.5) - floor) * 1000:.1f}; alone {floor * 1000:.1f} ms; {load_average()}"
    return [
        Figure("prf1", f"failed of {ours.calls} calls at {rate}/s", ours.failed, "calls", 0, peer.failed, "sippy"),
        Figure("prf1", "set-up time added, p95", round(added, 2), "ms", 25.0, round(beside, 2), "sippy", note),
        Figure("prf1", "requests sent again", ours.repeated, "requests", 0, peer.repeated, "sippy"),
        Figure("prf1", "CPU", round(ours.cpu, 2), "ms/call", None, round(peer.cpu, 2), "sippy"),
    ]


def rate() -> list[Figure]:
    """The highest rate that holds: twelve seconds a step, and a minute at the last good one."""
    told = []
    as_shipped = {"SOFTSWITCH_SIP__OVERLOAD_MS": "150", **PORTS}  # who is late refuses calls before its peers repeat themselves
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with called_party(folder, 10**7) as called, Switch(folder, apply_file(called.port), settings=as_shipped) as switch:
            assert switch.process is not None
            pid, best = switch.process.pid, 0
            drive(folder, switch.sip_port, pid, rate=50, seconds=3)
            for step in STEPS:
                run = drive(folder, switch.sip_port, pid, rate=step, seconds=STEP_SECONDS)
                told.append(f"{step}: {run.failed} failed, {run.repeated} again, p95 {run.percentile(0.95) * 1000:.0f} ms")
                if not run.holds:
                    break
                best = step
            time.sleep(SETTLED)
            while best and not (run := drive(folder, switch.sip_port, pid, rate=best, seconds=FULL_SECONDS)).holds:
                told.append(f"{best} for {FULL_SECONDS} s: {run.failed} failed, {run.repeated} again")
                best = next((step for step in reversed(STEPS) if step < best), 0)
                time.sleep(SETTLED)
    if not best:
        return [Figure("rate", "calls/s that hold for a minute", 0, "calls/s", 400, note="; ".join(told), more_is_better=True)]
    note = f"{'; '.join(told)}; {load_average()}"
    return [
        Figure("rate", f"calls/s that hold for {FULL_SECONDS} s", best, "calls/s", 400, note=note, more_is_better=True),
        Figure("rate", f"failed of {run.calls} calls", run.failed, "calls", run.calls * MOST_FAILED),
        Figure("rate", "requests sent again", run.repeated, "requests", run.calls * MOST_REPEATED),
        Figure("rate", "set-up time, p95", round((run.percentile(0.95) - RING) * 1000, 1), "ms"),
        Figure("rate", f"CPU at {best}/s", round(run.cpu, 2), "ms/call", 1.0),
    ]


def endurance(*, runs: int = 10, calls: int = 1000, rate: int = 50) -> list[Figure]:
    """Ten equal runs: the CPU of the last against the first, and the memory when all calls are forgotten."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with called_party(folder, 10**7) as called, Switch(folder, apply_file(called.port)) as switch:
            assert switch.process is not None
            pid = switch.process.pid
            drive(folder, switch.sip_port, pid, rate=rate, seconds=5)
            time.sleep(FORGOTTEN)
            before, done, memory = rss_kib(pid) / 1024, [], []
            for _ in range(runs):
                done.append(drive(folder, switch.sip_port, pid, rate=rate, seconds=calls / rate))
                memory.append(rss_kib(pid) / 1024)
            time.sleep(FORGOTTEN)
            drive(folder, switch.sip_port, pid, rate=rate, seconds=1)  # lets the collector run
            after = rss_kib(pid) / 1024
    shown = " ".join(f"{run.cpu:.1f}" for run in done)
    held = " ".join(f"{each:.0f}" for each in memory)
    return [
        Figure("endurance", f"failed of {runs * calls} calls at {rate}/s", sum(run.failed for run in done), "calls", 0),
        Figure("endurance", f"CPU of run {runs} against run 1", round(done[-1].cpu / done[0].cpu, 3), "times", 1.1, note=shown),
        Figure("endurance", f"memory after {runs * calls} calls against before", round(after / before, 3), "times", 1.2,
               note=f"before {before:.0f}, after each run {held}, forgotten {after:.0f} MiB; {load_average()}"),
    ]  # fmt: skip
