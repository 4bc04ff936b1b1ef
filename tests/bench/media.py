"""Sound through the whole switch: 200 bridged G.711 calls, rooms of three; recording on the engine alone. CPU per call-second.

Beside: the floor, a relay of one thread that reads and sends each packet once. Goals: design/peers.md and the issue.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.dialler import PACE, Dialler
from tests.bench.figures import Figure, cpu_seconds, load_average, rss_kib
from tests.support.switch import Switch, free_sip_port

CALLS, MANY = 200, 1000
ROOMS = 40
SECONDS = 12
SETTLE = 2.0
"""Seconds of sound before the measured span begins: latching, first statistics."""
GOAL = 0.9
GOAL_DELAY_P50, GOAL_DELAY_P99 = 0.25, 2.0
GOAL_ROOM = 0.5
GOAL_RECORDING = 0.3
BELOW, LISTEN, RELAY, FIRST_PORT, LAST_PORT = 20_000, 30_000, 33_000, 36_000, 39_998
"""Ports of the generator (without and with the switch), of the floor,
and the range of the switch; below the kernel's own range where it is the usual one."""
NATIVE = Path(__file__).parents[2] / "media" / "native"


def apply_file(trunk_port: int, others: str = "", *, calls: int = CALLS, rooms: int = ROOMS) -> str:
    """`4…` goes out again as it came, `5…` is a room of its own; `others` are objects beside them."""
    conferences = "".join(f'[[number]]\nnumber = "5{n:03}"\nto = "conference:room{n}"\n' for n in range(rooms))
    bridges = "".join(f'[[number]]\nnumber = "4{n:03}"\nto = "outside:6{2 * n + 1:03}"\n' for n in range(calls))
    return f"""
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1:{trunk_port}"]
[[route]]
pattern = "6*"
trunks = ["carrier"]
{others}{bridges}{conferences}"""


def example(name: str) -> Path:
    """A program of the engine's examples, built when it is not."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--package", "engine", "--example", name],
        cwd=NATIVE,
        check=True,
        timeout=900,
    )
    return Path(os.environ.get("CARGO_TARGET_DIR", NATIVE / "target")) / "release" / "examples" / name


@dataclass(frozen=True, slots=True)
class Run:
    """CPU of the process under test per leg-second, ms, and what the generator reports."""

    cpu_ms_per_leg: float
    generator: Mapping[str, Any]
    rss_kib: int


def drive(generator: Path, pid: int, targets: Mapping[int, int], seconds: int = SECONDS, base: int = LISTEN) -> Run:
    """Sends from `base` to `targets` (leg → port) and measures a process in the middle of it."""
    command = [str(generator), "send", "--base-port", str(base), "--seconds", str(int(seconds + 2 * SETTLE))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("".join(f"{leg} 127.0.0.1:{port}\n" for leg, port in targets.items()))
        process.stdin.close()
        time.sleep(SETTLE)
        cpu, began = cpu_seconds(pid), time.monotonic()
        time.sleep(seconds)
        spent, span = cpu_seconds(pid) - cpu, time.monotonic() - began
        memory = rss_kib(pid)
        report = json.loads(process.stdout.read())
    return Run(spent * 1000 / span / len(targets), report, memory)


async def bridged(dialler: Dialler) -> dict[int, int]:
    """Sets up the calls; the ports to send to, by leg."""
    targets: dict[int, int] = {}
    for number in range(CALLS):
        talk = await dialler.call(f"4{number:03}", LISTEN + 4 * number)
        targets[2 * number] = talk.answered.result()
        targets[2 * number + 1] = dialler.called[f"6{2 * number + 1:03}"]
        await asyncio.sleep(PACE)
    return targets


async def in_rooms(dialler: Dialler) -> dict[int, int]:
    """Three in each room."""
    targets: dict[int, int] = {}
    for leg in range(3 * ROOMS):
        talk = await dialler.call(f"5{leg // 3:03}", LISTEN + 2 * leg)
        targets[leg] = talk.answered.result()
        await asyncio.sleep(PACE)
    return targets


async def measured(generator: Path, switch: Switch, trunk_port: int) -> tuple[Run, Run, int, list[str]]:
    """The calls, then the rooms, through one switch; its memory before, and the calls that ended by themselves."""
    assert switch.process is not None
    pid, idle = switch.process.pid, rss_kib(switch.process.pid)
    async with Dialler(switch.sip_port, LISTEN, trunk_port) as dialler:
        calls = await asyncio.to_thread(drive, generator, pid, await bridged(dialler))
        await dialler.hang_up()
        rooms = await asyncio.to_thread(drive, generator, pid, await in_rooms(dialler))
    return calls, rooms, idle, dialler.failures


def floor(generator: Path, relay: Path, calls: int = CALLS) -> Run:
    """The same load through the relay of one thread."""
    legs = 2 * calls
    command = [str(relay), "--base-port", str(RELAY), "--to-base", str(BELOW), "--legs", str(legs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        run = drive(generator, process.pid, {leg: RELAY + 2 * leg for leg in range(legs)}, base=BELOW)
        process.stdin.close()
    return run


def engine_alone(generator: Path, mode: str, calls: int = CALLS, workers: int = 1) -> Mapping[str, Any]:
    """What the generator reports of a process that is the engine and nothing else."""
    command = [str(generator), "bench", "--calls", str(calls), "--seconds", "8", "--mode", mode, "--workers", str(workers)]
    done = subprocess.run([*command, "--base-port", str(BELOW)], check=True, capture_output=True, text=True, timeout=90)
    report: Mapping[str, Any] = json.loads(done.stdout)
    return report


def many(generator: Path, relay: Path) -> list[Figure]:
    """A thousand calls through the engine alone, beside the floor."""
    below = 2 * floor(generator, relay, MANY).cpu_ms_per_leg
    plain = engine_alone(generator, "relay", MANY, 2)
    recorded = engine_alone(generator, "record", MANY, 2)
    load = load_average()
    cost, lost = float(plain["cpu_ms_per_call_second"]), recorded["lost"]
    return [
        Figure("media", f"{MANY} calls over the floor", cost / below, "×", 1.4, below, "floor, ms", load),
        Figure("media", f"{MANY} recorded calls, 2 workers, lost", 100 * lost / recorded["sent"], "%", 0.01, note=load),
    ]


def bench() -> list[Figure]:
    generator, relay = example("rtp_load"), example("rtp_relay")
    below = floor(generator, relay)
    trunk_port = free_sip_port()
    with tempfile.TemporaryDirectory() as name:
        settings = {"SOFTSWITCH_MEDIA__PORTS": f"{FIRST_PORT}-{LAST_PORT}"}
        with Switch(Path(name), apply_file(trunk_port), settings=settings) as switch:
            calls, rooms, idle, failures = asyncio.run(measured(generator, switch, trunk_port))
    assert not failures, failures
    plain, recorded = (float(engine_alone(generator, mode)["cpu_ms_per_call_second"]) for mode in ("relay", "record"))
    load = load_average()
    lost, per_call, per_call_floor = calls.generator["lost"], 2 * calls.cpu_ms_per_leg, 2 * below.cpu_ms_per_leg
    delay = calls.generator

    def figure(name: str, value: float, unit: str, goal: float | None, beside: float | None = None, note: str = "") -> Figure:
        return Figure("media", name, value, unit, goal, beside, "floor" if beside else "", note)

    return [
        figure(f"bridged G.711, {CALLS} calls", per_call, "CPU ms/call-second", GOAL, per_call_floor, load),
        figure("one-way delay p50", delay["delay_p50_ms"], "ms", GOAL_DELAY_P50, below.generator["delay_p50_ms"], load),
        figure("one-way delay p99", delay["delay_p99_ms"], "ms", GOAL_DELAY_P99, below.generator["delay_p99_ms"], load),
        figure("packets lost", lost, f"of {delay['sent']}", 0),
        figure("memory per call", (calls.rss_kib - idle) / 1024 / CALLS, "MiB", 0.1),
        figure(f"{ROOMS} rooms of three, all talk", rooms.cpu_ms_per_leg, "CPU ms/party-second", GOAL_ROOM,
               below.cpu_ms_per_leg, load),
        figure("recording, on top (engine alone)", recorded - plain, "CPU ms/call-second", GOAL_RECORDING,
               note=f"{plain:.2f} → {recorded:.2f}"),
        *many(generator, relay),
    ]  # fmt: skip
