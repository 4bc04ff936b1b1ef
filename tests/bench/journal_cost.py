"""What the journal costs: CPU of the whole process (loop and writer thread) per call, 100 calls/s with 15 events each.

    python -m tests.bench journal_cost       or longer: python -m tests.bench.journal_cost [SECONDS] [CALLS_PER_SECOND]

Goal: ≤ 0.3 ms at 100 calls/s, facts for reports at most 0.1 more. The events are made outside the measured span. Runs without
and with facts take turns and the best of each counts: what a busy machine adds comes and goes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import uvloop

from softswitch.cluster.bus import Bus
from softswitch.model import events as ev
from softswitch.observe.clock import SystemClock
from softswitch.reports.recorder import Recorder
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from softswitch.store.rows import CdrRow
from tests.bench.figures import Figure, load_average

ROUNDS = 4
GOAL, GOAL_FACTS = 0.3, 0.1


def events_of(call: str) -> list[ev.Event]:
    """A trunk call through flow and queue to an agent, as it goes by in production."""
    base: dict[str, Any] = {"call": call, "at": 1_700_000_000.123}
    made: list[ev.Event] = [
        ev.CallCreated(**base, direction="in", caller="13800138000", called="4008001000", trunk="carrier"),
        ev.CallAnswered(**base),
        ev.LegMedia(**base, leg="l1", codec="PCMA", first_rtp_ms=30),
        ev.IvrEntered(**base, flow="main"),
        ev.IvrNode(**base, flow="main", node="menu", verb="menu", result="1", ms=2300),
        ev.LegDtmf(**base, leg="l1", digit="1", way="rfc4733"),
        ev.IvrLeft(**base, flow="main", node="sales", result="queue"),
        ev.QueueEntered(**base, queue="sales", visit="v1", position=1),
        ev.AcdDecision(**base, queue="sales", visit="v1", strategy="longest_idle", candidates=("li", "wang"),
                       keys={"li": 12.5, "wang": 3.5}, chosen="li"),
        ev.OfferMade(**base, agent="li", queue="sales", offer="o1", visit="v1", station="browser", ring_timeout_ms=20000),
        ev.OfferAnswered(**base, agent="li", offer="o1", ring_ms=2100),
        ev.QueueLeft(**base, queue="sales", visit="v1", result="answered", wait_ms=4000),
        ev.CallConnected(**base, agent="li", other="agent:li"),
        ev.LegQuality(**base, leg="l1", packets_received=3000, packets_sent=3000, lost=2, jitter_ms=1.2),
        ev.CallEnded(**base, who="caller", cause="normal", q850=16, sip_status=200),
    ]  # fmt: skip
    return [ev.stamped(event, call=call, seq=seq, at=event.at) for seq, event in enumerate(made, 1)]


def fold(timeline: Sequence[ev.Event]) -> CdrRow:
    """A stand-in of constant cost; the real fold is measured with the call."""
    first, last = timeline[0], timeline[-1]
    return CdrRow(first.call, "in", "13800138000", "", "4008001000", "carrier", "sip", "sales", "li", "answered", "normal", 16,
                  200, "caller", first.at, first.at, first.at, last.at, 1, 2, 3, 4, 5, "a" * 32, {})  # fmt: skip


async def measure(seconds: float, rate: int, *, facts: bool) -> float:
    """CPU per call, ms."""
    with tempfile.TemporaryDirectory() as directory:
        store = await Store.open(f"sqlite:///{directory}/bench.db")
        journal = Journal(store, Bus().publish, SystemClock(), fold, followers=[Recorder()] if facts else [])
        journal.start()
        calls = [events_of(f"c{number:012}") for number in range(int(seconds * rate))]
        empty = await idle_cost(seconds, rate)
        cpu, began = time.process_time(), time.monotonic()
        for number, events in enumerate(calls):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            for event in events:
                journal.append(event)
        await journal.flush()
        spent = time.process_time() - cpu - empty
        await journal.close()
        await store.close()
        return spent / len(calls) * 1000


async def idle_cost(seconds: float, rate: int) -> float:
    """CPU of the pacing itself, to be taken off."""
    cpu, began = time.process_time(), time.monotonic()
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
    return time.process_time() - cpu


def bench(seconds: float = 3.0, rate: float = 100.0) -> list[Figure]:
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for facts, values in found.items():
            values.append(uvloop.run(measure(seconds, int(rate), facts=facts)))
    alone, both = min(found[False]), min(found[True])
    notes = [" ".join(f"{value:.3f}" for value in sorted(values)) for values in found.values()]
    return [
        Figure(
            "journal_cost", f"journal at {rate:.0f} calls/s", alone, "ms CPU/call", GOAL, note=f"{notes[0]}, {load_average()}"
        ),
        Figure(
            "journal_cost", "… facts for reports beside it", both - alone, "ms CPU/call", GOAL_FACTS, note=f"with: {notes[1]}"
        ),
    ]


if __name__ == "__main__":
    for figure in bench(*(float(text) for text in sys.argv[1:])):
        print(f"{figure.name}: {figure.value:.3f} {figure.unit} {figure.verdict} ({figure.note})")
