"""Why somebody is not ready: only reasons that the centre knows, so that reports and pages have a word for each."""

from __future__ import annotations

from softswitch.directory.snapshot import Snapshot
from softswitch.model.errors import Invalid

BUILT_IN = ("break", "lunch", "meeting", "training")
"""Of a centre that has declared none; the pages have the same."""
BY_SUPERVISOR = "supervisor"
"""What a leader's page gives who sends somebody away."""


def check_reason(snapshot: Snapshot, state: str, reason: str, *, for_other: bool) -> None:
    """Of a state that is asked for. Raises Invalid with the reasons there are."""
    if state != "not_ready" or not reason or (for_other and reason == BY_SUPERVISOR):
        return
    known = tuple(snapshot.reasons) or BUILT_IN
    if reason not in known:
        raise Invalid("reason", f"expected one of {' '.join(known)}, got {reason}")
