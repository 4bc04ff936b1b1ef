"""How soon a caller hears the switch: from the 200 to the first packet of the greeting, for calls into a flow."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.dialler import Dialler
from tests.bench.figures import Figure, load_average
from tests.support.switch import Switch, free_sip_port

CALLS = 20
GOAL = 300.0
LISTEN = 30_000


def apply_file(trunk_port: int) -> str:
    return f"""
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1:{trunk_port}"]
[[flow]]
name = "main"
start = "hello"
[flow.nodes.hello]
verb = "answer"
next = "greet"
[flow.nodes.greet]
verb = "play"
prompts = ["welcome"]
next = "bye"
[flow.nodes.bye]
verb = "hangup"
cause = "normal"
[[number]]
number = "4000"
to = "flow:main"
"""


class Ear(asyncio.DatagramProtocol):
    """Notes when the first packet came."""

    def __init__(self) -> None:
        self.first: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.first.done():
            self.first.set_result(time.monotonic())


async def measured(switch: Switch, trunk_port: int) -> list[float]:
    """ms from the 200 to the first packet, one call after the other. Sound that came before the 200 counts as 0."""
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    async with Dialler(switch.sip_port, port=trunk_port) as dialler:
        for number in range(CALLS):
            port = LISTEN + 2 * number
            transport, ear = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", port))
            talk = await dialler.call("4000", port)
            async with asyncio.timeout(5):
                waits.append(max(0.0, (await ear.first - talk.answered_at) * 1000))
            transport.close()
    return waits


def bench() -> list[Figure]:
    trunk_port = free_sip_port()
    with tempfile.TemporaryDirectory() as name, Switch(Path(name), apply_file(trunk_port)) as switch:
        waits = sorted(asyncio.run(measured(switch, trunk_port)))
    p95 = statistics.quantiles(waits, n=20, method="inclusive")[-1]
    note = f"median {statistics.median(waits):.0f}, {load_average()}"
    return [Figure("first_audio", f"200 OK to first packet, p95 of {CALLS} calls", p95, "ms", GOAL, note=note)]
