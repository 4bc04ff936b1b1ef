"""The hours of the day and how much of the run each of them lasts; who calls how often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    clock: str
    share: float
    """Of the length of the run."""
    rate: float
    """Calls a second at both carriers together, for 30 agents."""


PHASES = (
    Phase("opening", "09:00", 0.12, 1.0),
    Phase("morning peak", "10:00", 0.27, 3.4),
    Phase("lunch", "12:00", 0.14, 0.9),
    Phase("afternoon peak", "14:00", 0.24, 3.0),
    Phase("emergency", "16:00", 0.11, 1.2),
    Phase("closing", "17:45", 0.12, 0.6),
)
SHARES = {"sales": 0.38, "service": 0.30, "impatient": 0.14, "vip": 0.10, "callback": 0.08}
"""Which kind of caller, of all."""
LIMITS = {"sales": 12, "service": 10, "impatient": 3, "vip": 3, "callback": 2}
"""Channels of each kind at one carrier: 30 together."""


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float
    agents: int = 30
    pictures: bool = True

    def length(self, phase: Phase) -> float:
        return self.seconds * phase.share

    def calls(self, phase: Phase, kind: str) -> int:
        """Of one kind at one carrier."""
        wanted = phase.rate * self.agents / 30 * SHARES[kind] * self.length(phase) / 2
        return max(1, round(wanted))
