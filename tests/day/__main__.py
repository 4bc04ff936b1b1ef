"""`python -m tests.day [--minutes 4] [--out docs/results/day]`: exit status 1 when anything differs."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from tests.day.plan import Plan
from tests.day.proof import prove, span
from tests.day.result import write
from tests.day.script import Day, new_folder


async def run(minutes: float, out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    folder = new_folder()
    day = Day(Plan(minutes * 60), folder, out)
    async with day.lived() as outcome:
        await day.show_reports(outcome)
        proof = await prove(day.rest, outcome)
        for report, form in (("queues", "xlsx"), ("queues", "pdf"), ("workload", "xlsx")):
            content = await day.rest.file(f"/reports/{report}?{span(outcome)}&format={form}&language=zh-CN")
            (out / f"report-{report}.{form}").write_bytes(content)
        write(out, day.plan, outcome, proof)
    for fault in proof.faults:
        print(f"DIFFERS: {fault}", file=sys.stderr)
    print(f"{len(proof.checks)} checks, {proof.figures} figures counted again, {len(proof.faults)} faults; {out / 'README.md'}")
    if not proof.faults:
        shutil.rmtree(folder)
    return 1 if proof.faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.day", description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0, help="how long the day between opening and closing lasts")
    parser.add_argument("--out", type=Path, default=Path("docs/results/day"), help="where the result is written")
    given = parser.parse_args()
    return asyncio.run(run(given.minutes, given.out))


if __name__ == "__main__":
    sys.exit(main())
