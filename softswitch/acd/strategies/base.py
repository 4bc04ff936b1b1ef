"""What a strategy is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """The caller to be served. `entered_at` is epoch seconds."""

    visit: str
    queue: str
    entered_at: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who may be offered the call now. `idle_since`: end of the last contact, sign-in or return from not ready."""

    login: str
    idle_since: float
