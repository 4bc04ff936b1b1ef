"""The result as a page: what was played, what was found, pictures, files, and one JSON line for machines."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.day.configuration import CARRIERS, CHANNELS
from tests.day.plan import Plan
from tests.day.proof import TITLES, Proof
from tests.day.script import Outcome

_QUEUE_COLUMNS = (
    "off", "ans", "abd", "sab", "xkey", "xto", "xov", "xcb", "xcl", "xsup", "sl1", "abandon_rate", "asa_ms", "longest_ms",
)  # fmt: skip
_WORK_COLUMNS = ("answered", "talk_ms", "document_ms", "ready_ms", "away_ms", "signed_in_ms", "occupancy")
_LINE_COLUMNS = ("calls_in", "calls_out", "busy_ms", "occupancy", "erlang")


def write(out: Path, plan: Plan, outcome: Outcome, proof: Proof) -> None:
    """README.md and day.jsonl."""
    parts = [
        _head(plan, outcome, proof), _checks(proof), _phases(outcome), _pictures(outcome), _files(out),
        _table("Queues", "queue", proof.reports["queues"], _QUEUE_COLUMNS),
        _table("Lines", "trunk", proof.reports["lines"], _LINE_COLUMNS),
        _table("Workload", "agent", proof.reports["workload"], _WORK_COLUMNS),
    ]  # fmt: skip
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")
    (out / "day.jsonl").write_text(json.dumps(_line(plan, outcome, proof), ensure_ascii=False) + "\n", encoding="utf-8")


def _head(plan: Plan, outcome: Outcome, proof: Proof) -> str:
    seconds = (outcome.ended - outcome.began).total_seconds()
    verdict = "everything agrees" if not proof.faults else f"{len(proof.faults)} figures or checks differ"
    carriers = ", ".join(f"{name} {host}" for name, host in CARRIERS.items())
    return f"""# A scripted day

A working day of a centre of {plan.agents} agents, 08:45 to 18:00, played in {seconds:.0f} s on
{outcome.began:%Y-%m-%d %H:%M} UTC by
`script/day` ([tests/day](../../../tests/day/README.md)) against one `softswitch run` with SQLite:
**{outcome.sent} calls, {proof.figures} figures counted again from the raw journal, {verdict}.**
Machine: {_machine()}, shared by everything that plays the day.

- Callers: SIPp at {len(CARRIERS)} carriers ({carriers}) of {CHANNELS} channels. They press 1 or 2 (SIP INFO), dial the
  number of the VIP queue, ask for a callback by key, leave early, or talk until their time is over; all speak all the time.
- {len(outcome.desks)} agents at browsers: the product's WebSocket and a WebRTC peer connection each (aiortc: ICE, DTLS-SRTP,
  PCMU), all in the process of the script; they send speech during conversations only, real pages send silence in between.
  {len(outcome.phones.people)} agents at registered SIP phones: one SIPp process for all.
- Agents refuse 5 % of the offers, let 4 % ring until the switch gives up, end a quarter of the conversations, write results.
- The clock of the switch is the real one: minutes stand for hours, so a conversation of ten seconds stands for one of many
  minutes, and all figures fall into one or two quarters of an hour.
"""


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    cores = sum(line.startswith("processor") for line in lines)
    return f"{cores} cores{', ' + cpu if cpu else ''}, {platform.system()}"


def _checks(proof: Proof) -> str:
    rows = "\n".join(f"| {what} | {found} |" for what, found in proof.checks.items())
    faults = "".join(f"\n- DIFFERS: {fault}" for fault in proof.faults)
    again = "figures counted again: queues, service, workload, agents, states, lines, traffic, recordings, callbacks, results"
    return f"## Proof\n\n| check | found |\n|---|---|\n{rows}\n| {again} | {proof.figures} |\n{faults}\n"


def _phases(outcome: Outcome) -> str:
    rows = "\n".join(
        f"| {one.clock} {one.name} | {one.seconds:.1f} | "
        + " | ".join(str(one.channels[name]) for name in CARRIERS)
        + f" | {one.waiting} | {one.cpu_seconds:.1f} | {one.cores:.2f} | {one.memory_mb:.0f} |"
        for one in outcome.usages
    )
    names = " | ".join(CARRIERS)
    return (
        f"## Hours\n\nMost channels in use, most callers waiting, and what the process of the switch took (media included).\n\n"
        f"| hour | seconds | {names} | waiting | CPU s | cores | memory MB |\n"
        f"|---|---|{'---|' * len(CARRIERS)}---|---|---|---|\n{rows}\n"
    )


def _pictures(outcome: Outcome) -> str:
    return "## Pictures\n\n" + "\n\n".join(f"![{name}]({name})" for name in outcome.pictures) + "\n" if outcome.pictures else ""


def _files(out: Path) -> str:
    files = ", ".join(f"[{file.name}]({file.name})" for file in sorted(out.iterdir()) if file.suffix in (".xlsx", ".pdf"))
    return f"## Reports\n\nAs REST gives them at the end; times in seconds, rates in per cent. As files: {files}.\n"


def _table(title: str, name: str, report: dict[str, Any], columns: Sequence[str]) -> str:
    titles = {column["id"]: column["title"]["en"] for column in report["columns"]}
    head = " | ".join([titles.get(name, name), *(titles[column] for column in columns)])
    rows = [[str(TITLES.get(row[name], row[name])), *(_shown(row, column) for column in columns)] for row in report["rows"]]
    rows.append(["**total**", *(_shown(report["totals"], column) for column in columns)])
    lines = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"### {title}\n\n| {head} |\n|{'---|' * (len(columns) + 1)}\n{lines}\n"


def _shown(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return "-"
    return f"{value / 1000:.1f}" if column.endswith("_ms") else str(value)


def _line(plan: Plan, outcome: Outcome, proof: Proof) -> dict[str, Any]:
    return {
        "at": outcome.ended.isoformat(), "seconds": plan.seconds, "agents": plan.agents, "calls": outcome.sent,
        "called_back": outcome.called_back, "figures": proof.figures, "faults": proof.faults, "checks": proof.checks,
        "queues": [{key: value for key, value in row.items() if key != "drill"} for row in proof.reports["queues"]["rows"]],
        "hours": [
            {"name": one.name, "seconds": round(one.seconds, 1), "cpu_seconds": round(one.cpu_seconds, 2),
             "memory_mb": round(one.memory_mb), "channels": dict(one.channels), "waiting": one.waiting}
            for one in outcome.usages
        ],
    }  # fmt: skip
