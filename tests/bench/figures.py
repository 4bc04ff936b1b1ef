"""Figures of a benchmark: one JSON line each, a table at the end, kept in results/."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """`goal`: what to reach (lower is better unless `more_is_better`), None when it only tells.

    `beside`: the same of the peer or floor in this run.
    """

    bench: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    beside: float | None = None
    beside_name: str = ""
    note: str = ""
    more_is_better: bool = False
    at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "reached" if (self.value >= self.goal if self.more_is_better else self.value <= self.goal) else "MISSED"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_kib(pid: int) -> int:
    return int(
        next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1]
    )


def load_average() -> str:
    """Of the last minute: figures of a busy machine are too high."""
    return f"load {os.getloadavg()[0]:.1f}"


def report(figures: list[Figure]) -> None:
    """Prints JSON lines, then the table; keeps the lines."""
    lines = [json.dumps(asdict(figure), ensure_ascii=False) for figure in figures]
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "latest.jsonl").open("w", encoding="utf-8") as file:
        for line in lines:
            print(line)
            file.write(line + "\n")
    print()
    print(f"{'benchmark':<12}{'figure':<44}{'value':>10} {'unit':<20}{'goal':>8}  {'beside':<26}{'':<8}")
    for f in figures:
        beside = f"{f.beside_name} {f.beside:.2f} (×{f.value / f.beside:.2f})" if f.beside else ""
        goal = "" if f.goal is None else f"{f.goal:g}"
        print(f"{f.bench:<12}{f.name:<44}{f.value:>10.3f} {f.unit:<20}{goal:>8}  {beside:<26}{f.verdict:<8} {f.note}")
