"""CPU and memory of the switch and how many channels are in use, once a second."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.day.staff import Rest

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """Of one hour of the day."""

    name: str
    clock: str
    began: float
    cpu_began: float
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    channels: Counter[str] = field(default_factory=Counter)
    waiting: int = 0

    @property
    def cores(self) -> float:
        return self.cpu_seconds / self.seconds if self.seconds else 0.0


class Meter:
    def __init__(self, pid: int, rest: Rest) -> None:
        self._pid, self._rest = pid, rest
        self.usages: list[Usage] = []

    def phase(self, name: str, clock: str) -> None:
        """The last one ends, this one begins."""
        self.close()
        self.usages.append(Usage(name, clock, time.monotonic(), self._cpu()))

    def close(self) -> None:
        if self.usages:
            now = self.usages[-1]
            now.seconds, now.cpu_seconds = time.monotonic() - now.began, self._cpu() - now.cpu_began

    async def run(self) -> None:
        while True:
            if self.usages:
                usage = self.usages[-1]
                usage.memory_mb = max(usage.memory_mb, self._memory())
                for trunk in (await self._rest("GET", "/trunks"))["items"]:
                    usage.channels[trunk["name"]] = max(usage.channels[trunk["name"]], trunk["calls"])
                queues = (await self._rest("GET", "/queues"))["items"]
                usage.waiting = max(usage.waiting, sum(queue["waiting"] for queue in queues))
            await asyncio.sleep(1)

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _memory(self) -> float:
        lines = Path(f"/proc/{self._pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
