"""The four-step reserve (call-centre.md §14): when the next tier is called up and when the last one goes. Pure, per queue.

Evaluated every five minutes. `growth` is the projected calls of this hour by the forecast; a trigger is either growth, or the
service level of the last 15 minutes against the goal; step 1 also looks at the longest wait; each later step also comes when
the step before is used up and did not help for five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EVERY_SECONDS = 300.0
EXHAUSTED_SECONDS = 300.0
RELEASE_SECONDS = 600.0
RELEASE_POINTS = 5.0
LONGEST_WAIT = 60.0
GROWTH = (1.10, 1.20, 1.35, 1.50)
BELOW_GOAL = (5.0, 10.0, 20.0, 30.0)
STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    goal: float  # per cent
    growth: float | None = None  # None: there is no forecast
    service_level: float | None = None  # per cent, of the last 15 minutes; None: no calls
    longest_wait: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one queue. `step`: the newest step that was called, 0 none. Times are epoch seconds."""

    step: int = 0
    called_at: float = 0.0
    exhausted: bool = False
    """Everybody of the step was called, and those who came are at work."""
    calm_since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    what: Literal["call", "release", "stay"]
    step: int
    why: str
    standing: Standing


def trigger(step: int, seen: Seen) -> str:
    """Why this step is needed, "" when it is not."""
    growth, points = GROWTH[step - 1], BELOW_GOAL[step - 1]
    if seen.growth is not None and seen.growth >= growth:
        return f"{seen.growth:.2f} times the forecast (step {step} from {growth:.2f})"
    if seen.service_level is not None and seen.service_level < seen.goal - points:
        return (
            f"service level {seen.service_level:.0f} %, goal {seen.goal:.0f} % (step {step} below {seen.goal - points:.0f} %)"
        )
    if step == 1 and seen.longest_wait > LONGEST_WAIT:
        return f"somebody has waited for {seen.longest_wait:.0f} s"
    return ""


def is_calm(step: int, seen: Seen) -> bool:
    """Below the step's trigger by 5 points."""
    growth, points = GROWTH[step - 1] - RELEASE_POINTS / 100, seen.goal - BELOW_GOAL[step - 1] + RELEASE_POINTS
    return (
        (seen.growth is None or seen.growth < growth)
        and (seen.service_level is None or seen.service_level >= points)
        and (step > 1 or seen.longest_wait <= LONGEST_WAIT)
    )


def decide(standing: Standing, seen: Seen, now: float) -> Decision:
    """What to do now. Steps are called one by one and released in the reverse order."""
    step = standing.step
    if step < STEPS and (why := _next_step(standing, seen, now)):
        return Decision("call", step + 1, why, Standing(step + 1, now))
    if step == 0:
        return Decision("stay", 0, "", standing)
    if not is_calm(step, seen):
        return Decision("stay", step, "", Standing(step, standing.called_at, standing.exhausted))
    since = now if standing.calm_since is None else standing.calm_since
    if now - since >= RELEASE_SECONDS:
        return Decision("release", step, "calm for ten minutes", Standing(step - 1, now, step > 1))
    return Decision("stay", step, "", Standing(step, standing.called_at, standing.exhausted, since))


def _next_step(standing: Standing, seen: Seen, now: float) -> str:
    step = standing.step
    if why := trigger(step + 1, seen):
        return why
    helpless = step > 0 and standing.exhausted and now - standing.called_at >= EXHAUSTED_SECONDS
    if helpless and (why := trigger(step, seen)):
        return f"step {step} is used up, and still {why}"
    return ""
