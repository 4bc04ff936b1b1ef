"""One day under two configurations."""

from __future__ import annotations

from softswitch.acd.model import AcdConfig
from softswitch.replay.day import Day
from softswitch.replay.report import Comparison, changes_between, figures_of, reproduced
from softswitch.replay.run import Replay


def compare(day: Day, base: AcdConfig, changed: AcdConfig, *, check: bool = False) -> Comparison:
    """The recorded day beside what `changed` would have made of it. `check` also replays it under `base`."""
    outcome = Replay(day, changed, base).run()
    share = reproduced(day.decisions, Replay(day, base, base).run().decisions) if check else None
    return Comparison(
        figures_of(day.events, base), figures_of(outcome.events, changed), changes_between(day.decisions, outcome.decisions),
        len(outcome.decisions), outcome.refused, share,
    )  # fmt: skip
