"""The service time and the limit of short abandonments, as each queue has them."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.directory.snapshot import Snapshot
from softswitch.reports.ledger import SHORT_MS, TARGET_MS


def targets_of(directory: Callable[[], Snapshot]) -> Callable[[str], tuple[int, int]]:
    """The service time and the short abandonment of a queue now; those of a queue that is gone are the defaults."""

    def targets(name: str) -> tuple[int, int]:
        queue = directory().queues.get(name)
        return (queue.service_seconds * 1000, queue.short_abandon * 1000) if queue else (TARGET_MS, SHORT_MS)

    return targets
