"""Hours of sound through one switch: bridged and recorded calls, rooms, calls that come, are transferred and go.

`python -m tests.bench.soak [SECONDS]`, or `script/soak media`: an hour when nothing is said. What is found
is added to results/soak.jsonl; the exit status tells whether every goal was reached.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.dialler import PACE, Dialler
from tests.bench.figures import RESULTS, Figure, load_average, rss_kib
from tests.bench.media import FIRST_PORT, LAST_PORT, LISTEN, apply_file, example
from tests.support.audio import Samples, read_wav, tone
from tests.support.sipp import ulaw
from tests.support.switch import Switch, free_sip_port

CALLS, ROOMS = 20, 3
BURST_LEG, AGENT_LEG, THIRD_LEG = 201, 400, 401
BURST_SECONDS = 10
"""Both parties of one call say a burst at the same time, so often: the recording must have them at the same time too."""
CHURN_SECONDS = 5.0
WARM = 30.0
"""Memory before that is not looked at: caches fill."""


DESK = f"""
[[queue]]
name = "desk"
announce = "none"
wrap_up = 0
[[agent]]
login = "li"
queues = ["desk"]
station = "outside:6{AGENT_LEG}"
[[number]]
number = "4900"
to = "outside:6{BURST_LEG}"
[[number]]
number = "7000"
to = "queue:desk"
[[recording_rule]]
name = "all"
"""


class Bursts:
    """Two parties in a thread of their own, both on one clock."""

    def __init__(self, listen: Sequence[int]) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in listen]
        for one, port in zip(self.sockets, listen, strict=True):
            one.bind(("127.0.0.1", port))
        self.targets: list[tuple[str, int]] = []
        self.frames = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, ports: Sequence[int]) -> None:
        self.targets = [("127.0.0.1", port) for port in ports]
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(2)
        for one in self.sockets:
            one.close()

    def _run(self) -> None:
        loud, quiet = ulaw(tone(1000.0, 0.02)), b"\xff" * 160
        began = time.monotonic()
        while not self._over.wait(max(0.0, began + self.frames * 0.02 - time.monotonic())):
            payload = loud if 1 <= self.frames % (BURST_SECONDS * 50) <= 10 else quiet
            head = struct.pack(">BBHII", 0x80, 0, self.frames & 0xFFFF, self.frames * 160 & 0xFFFFFFFF, 77)
            for one, target in zip(self.sockets, self.targets, strict=True):
                one.sendto(head + payload, target)
            self.frames += 1


async def churn(switch: Switch, dialler: Dialler, until: float) -> tuple[int, int]:
    """Calls to an agent that are transferred to an outside number and end; how many, and how many went wrong."""
    done = failed = 0
    await asyncio.to_thread(switch.api, "PUT", "/agents/li/state", {"state": "ready"})
    while time.monotonic() < until - CHURN_SECONDS:
        began = time.monotonic()
        try:
            talk = await dialler.call("7000", LISTEN + 2 * (THIRD_LEG + 1))
            await asyncio.sleep(1.5)
            live = (await asyncio.to_thread(switch.api, "GET", "/calls?state=live&limit=200"))["items"]
            call = next(each["id"] for each in live if each["agent"] == "li")
            order = {"command": "transfer", "to": f"outside:6{THIRD_LEG}"}
            await asyncio.to_thread(switch.api, "POST", f"/calls/{call}/commands", order)
            await asyncio.sleep(1.5)
            dialler.end(talk)
            done += 1
        except (AssertionError, TimeoutError, StopIteration, OSError, RuntimeError) as fault:
            print(f"! churn: {fault!r}", file=sys.stderr)
            failed += 1
        await asyncio.sleep(max(0.0, CHURN_SECONDS - (time.monotonic() - began)))
    return done, failed


async def run(switch: Switch, trunk_port: int, seconds: int) -> dict[str, Any]:
    """Everything at once, for so long."""
    assert switch.process is not None
    pid = switch.process.pid
    bursts = Bursts([LISTEN + 2 * (BURST_LEG - 1), LISTEN + 2 * BURST_LEG])
    memory: list[tuple[float, int]] = []
    async with Dialler(switch.sip_port, LISTEN, trunk_port) as dialler:
        targets: dict[int, int] = {}
        for number in range(CALLS):
            targets[2 * number] = await (await dialler.call(f"4{number:03}", LISTEN + 4 * number)).answered
            targets[2 * number + 1] = dialler.called[f"6{2 * number + 1:03}"]
            await asyncio.sleep(PACE)
        for leg in range(2 * CALLS, 2 * CALLS + 3 * ROOMS):
            targets[leg] = await (await dialler.call(f"5{(leg - 2 * CALLS) // 3:03}", LISTEN + 2 * leg)).answered
        caller = await dialler.call("4900", LISTEN + 2 * (BURST_LEG - 1))
        bursts.start([await caller.answered, dialler.called[f"6{BURST_LEG}"]])
        generator = subprocess.Popen(
            [str(example("rtp_load")), "send", "--base-port", str(LISTEN), "--seconds", str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert generator.stdin is not None and generator.stdout is not None
        generator.stdin.write("".join(f"{leg} 127.0.0.1:{port}\n" for leg, port in targets.items()))
        generator.stdin.close()
        began = time.monotonic()
        churning = asyncio.create_task(churn(switch, dialler, began + seconds))
        while generator.poll() is None:
            if time.monotonic() - began > min(WARM, seconds / 4):
                memory.append((time.monotonic() - began, rss_kib(pid)))
            await asyncio.sleep(2)
        churned, failed = await churning
        load = json.loads(generator.stdout.read())
        bursts.stop()
        await dialler.hang_up()
        lost_calls = list(dialler.failures)
    return {
        "load": load, "memory": memory, "churned": churned, "failed": failed, "lost_calls": lost_calls, "frames": bursts.frames,
        "alive": switch.process.poll() is None,
    }  # fmt: skip


def onsets(channel: Samples, rate: int) -> list[float]:
    """When each burst begins, in seconds."""
    loud = np.flatnonzero(np.abs(channel) > 0.05)
    if not len(loud):
        return []
    first = np.concatenate([[True], np.diff(loud) > rate])
    return [float(at) / rate for at in loud[first]]


def judge_sound(files: Sequence[Path]) -> dict[str, float]:
    """Skew of the two sides, drift and worst step of the bursts, ms, from the recording that has them."""
    for path in files:
        rate, (left, right) = read_wav(path)
        ours, theirs = onsets(left, rate), onsets(right, rate)
        if len(ours) < 3 or len(ours) != len(theirs) or not 9.5 < ours[1] - ours[0] < 10.5:
            continue
        steps = np.diff(ours) - BURST_SECONDS
        span = ours[-1] - ours[0]
        return {
            "skew": 1000 * float(np.max(np.abs(np.array(ours) - np.array(theirs)))),
            "drift": 1000 * abs(span - BURST_SECONDS * (len(ours) - 1)) * 3600 / span,
            "step": 1000 * float(np.max(np.abs(steps))),
            "bursts": float(len(ours)),
        }
    return {"skew": 1e9, "drift": 1e9, "step": 1e9, "bursts": 0}


def figures(seconds: int, found: dict[str, Any], sound: dict[str, float], statuses: Sequence[str]) -> list[Figure]:
    note, load = f"{seconds} s, {load_average()}", found["load"]
    times, sizes = zip(*found["memory"], strict=True)
    slope = float(np.polyfit(times, sizes, 1)[0]) * 3600 / 1024
    expected = found["frames"] // (BURST_SECONDS * 50)
    values: list[tuple[str, float, str, float | None]] = [
        ("packets lost", 100 * load["lost"] / load["sent"], f"% of {load['sent']}", 0.01),
        ("delay p99", load["delay_p99_ms"], "ms", None),
        ("memory, slope", slope, "MiB/h", 20.0 if seconds >= 1800 else None),
        ("memory, end", sizes[-1] / 1024, "MiB", None),
        ("recording, skew", sound["skew"], "ms", 20.0),
        ("recording, drift", sound["drift"], "ms/h", 20.0 if seconds >= 1800 else None),
        ("recording, worst step", sound["step"], "ms", 20.0),
        ("recording, bursts missing", max(0.0, expected - sound["bursts"]), f"of {expected}", 0.0),
        ("recordings not complete", sum(status != "complete" for status in statuses), f"of {len(statuses)}", 0.0),
        ("calls transferred, failed", found["failed"], f"of {found['churned'] + found['failed']}", 0.0),
        ("calls lost", len(found["lost_calls"]), f"of {CALLS + 3 * ROOMS + 1}", 0.0),
        ("process gone", float(not found["alive"]), "", 0.0),
    ]
    return [Figure("soak", name, value, unit, goal, note=note) for name, value, unit, goal in values]


def main(seconds: int) -> int:
    trunk_port = free_sip_port()
    example("rtp_load")
    settings = {"SOFTSWITCH_MEDIA__PORTS": f"{FIRST_PORT}-{LAST_PORT}", "SOFTSWITCH_RECORDINGS__FORMAT": "wav"}
    with (
        tempfile.TemporaryDirectory() as name,
        Switch(Path(name), apply_file(trunk_port, DESK, calls=CALLS, rooms=ROOMS), settings=settings) as switch,
    ):
        found = asyncio.run(run(switch, trunk_port, seconds))
        calls = switch.ended_calls(min(200, CALLS + 1 + found["churned"]), 60)  # the newest
        details = [switch.api("GET", f"/calls/{each['id']}") for each in calls]
        statuses = [recording["status"] for each in details for recording in each["recordings"]]
        sound = judge_sound(sorted((switch.data / "recordings").rglob("*.wav"), key=lambda path: -path.stat().st_size))
    made = figures(seconds, found, sound, statuses)
    with (RESULTS / "soak.jsonl").open("a", encoding="utf-8") as file:
        for figure in made:
            file.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")
            print(f"{figure.name:<30}{figure.value:>12.3f} {figure.unit:<20}{figure.verdict}")
    return any(figure.verdict == "MISSED" for figure in made)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3600))
