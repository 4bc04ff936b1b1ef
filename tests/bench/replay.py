"""A day of 50,000 calls replayed: the time it takes, and that every decision comes out as it was.

python -m tests.bench replay
"""

from __future__ import annotations

import time
from dataclasses import replace

from softswitch.replay.day import take_apart
from softswitch.replay.report import reproduced
from softswitch.replay.run import Replay
from tests.bench.figures import Figure, load_average
from tests.support.acd_day import MORNING, DayMaker, centre

CALLS, SECONDS, AGENTS = 50_000, 12 * 3600.0, 220


def bench() -> list[Figure]:
    config = centre(AGENTS)
    events = DayMaker(config, CALLS, SECONDS).make()
    began = time.perf_counter()
    day = take_apart(events, MORNING, config.rules)
    same = Replay(day, config, config).run()
    spent = time.perf_counter() - began
    share = reproduced(day.decisions, same.decisions)
    queues = {name: replace(queue, strategy="most_skilled") for name, queue in config.queues.items()}
    began = time.perf_counter()
    Replay(day, replace(config, queues=queues), config).run()
    other = time.perf_counter() - began
    note = f"{len(events)} events, {len(day.decisions)} decisions, {share:.2%} reproduced, {load_average()}"
    return [
        Figure("replay", f"a day of {CALLS} calls, same configuration", round(spent, 1), "s", 60.0, note=note),
        Figure("replay", "the same, another strategy", round(other, 1), "s", 60.0),
    ]
