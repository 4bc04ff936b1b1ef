"""From the directory's objects to the core's configuration."""

from __future__ import annotations

from datetime import datetime

from softswitch.acd.config import AcdConfig, Rules
from softswitch.directory.snapshot import Snapshot


def config_of(snapshot: Snapshot, *, day_offset: float | None = None, seed: int = 0) -> AcdConfig:
    """`day_offset`: seconds ahead of UTC of the clock whose midnight begins a day; None = of this machine."""
    if day_offset is None:
        offset = datetime.now().astimezone().utcoffset()
        day_offset = offset.total_seconds() if offset else 0.0
    return AcdConfig(
        dict(snapshot.agents), dict(snapshot.queues), Rules(day_offset=day_offset), dict(snapshot.reasons), snapshot.version,
        seed,
    )  # fmt: skip
