"""How soon an agent's page knows of an offer: from the decision (the offer's own time) to the frame on the WebSocket."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.bench.dialler import Dialler
from tests.bench.figures import Figure, load_average
from tests.support.switch import Switch, free_sip_port
from tests.support.web_client import WebClient

OFFERS = 30
GOAL = 150.0


def apply_file(trunk_port: int) -> str:
    return f"""
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1:{trunk_port}"]
[[queue]]
name = "sales"
[[agent]]
login = "li"
queues = ["sales"]
[[number]]
number = "4000"
to = "queue:sales"
"""


async def measured(switch: Switch, trunk_port: int) -> list[float]:
    """ms for each offer; the caller gives up, and the agent is free again."""
    waits: list[float] = []
    async with WebClient(switch, "li") as agent, Dialler(switch.sip_port, port=trunk_port) as dialler:
        await agent.start_work()
        for _ in range(OFFERS):
            await dialler.call("4000", 30_000)
            offer = (await agent.event("offer.made"))["offer"]
            waits.append((time.time() - datetime.fromisoformat(offer["made"]).timestamp()) * 1000)
            await dialler.hang_up()
            await agent.event("offer.withdrawn")
    return waits


def bench() -> list[Figure]:
    trunk_port = free_sip_port()
    with tempfile.TemporaryDirectory() as name, Switch(Path(name), apply_file(trunk_port)) as switch:
        waits = sorted(asyncio.run(measured(switch, trunk_port)))
    p95 = statistics.quantiles(waits, n=20, method="inclusive")[-1]
    note = f"median {statistics.median(waits):.0f}, {load_average()}"
    return [Figure("offer", f"decision to the agent's page, p95 of {OFFERS} offers", p95, "ms", GOAL, note=note)]
