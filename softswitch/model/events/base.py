"""What every event of the timeline has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    type: ClassVar[str] = ""
    committed_only: ClassVar[bool] = False
    """Shown to anybody only after the journal has committed it (interfaces.md §3)."""

    call: str = ""
    seq: int = 0
    at: float = 0.0
    leg: str = ""
    agent: str = ""
    queue: str = ""
    actor: str = ""  # who ordered it: a login, token name, "caller", "system"
