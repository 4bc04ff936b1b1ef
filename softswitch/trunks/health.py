"""What is known of an address from OPTIONS and from calls: up, down, or half open (sip.md §7, health). Pure; `now` is seconds.

An address that is silent in a call is avoided at once by `DeadTargets` of signalling; here is what needs several signs.
"""

from __future__ import annotations

from dataclasses import dataclass

from sip_profiles.schema import Health as Rules

DOWN_EVERY = 5.0
"""Seconds between probes of an address that is down."""
TRIAL_EVERY = 30.0
"""Seconds between the single calls that something doubtful gets."""


@dataclass(slots=True)
class Health:
    """Of one address. `up` follows the probes, `doubtful` the calls."""

    rules: Rules
    up: bool = True
    doubtful: bool = False
    _probe_at: float = 0.0
    _probing: bool = False
    _missed: int = 0
    _answered: int = 0
    _failed: int = 0
    _trial_at: float = 0.0

    def is_due(self, now: float) -> bool:
        """Whether an OPTIONS is to be sent; true once until `probed` is told."""
        if not self.rules.options or self._probing or now < self._probe_at:
            return False
        self._probing = True
        return True

    def probed(self, alive: bool, now: float) -> bool:
        """What became of an OPTIONS; whether the address changed its state."""
        before = self.up
        self._probing = False
        self._missed, self._answered = (0, self._answered + 1) if alive else (self._missed + 1, 0)
        if self.up and self._missed >= self.rules.fail_after:
            self.up = False
        elif not self.up and self._answered >= self.rules.recover_after:
            self.up = True
        self._probe_at = now + (self.rules.options if self.up else min(DOWN_EVERY, self.rules.options))
        return self.up is not before

    def called(self, well: bool, now: float) -> bool:
        """How a call went, as far as that is the carrier's doing; whether the address changed its state."""
        before = self.doubtful
        self._failed = 0 if well else self._failed + 1
        if well:
            self.doubtful = False
        elif self._failed >= self.rules.half_open > 0 and not self.doubtful:
            self.doubtful, self._trial_at = True, now + TRIAL_EVERY
        return self.doubtful is not before

    def may(self, now: float) -> bool:
        """Whether a call may go there: always when up, one in 30 seconds when that is to find out."""
        return self.up and (not self.doubtful or now >= self._trial_at)

    def took(self, now: float) -> None:
        """A call goes there."""
        if self.doubtful:
            self._trial_at = now + TRIAL_EVERY


@dataclass(slots=True)
class Bucket:
    """Calls a second with a burst. `rate` 0 limits nothing."""

    rate: float
    burst: int = 0
    _level: float = -1.0
    _at: float = 0.0

    def may(self, now: float) -> bool:
        if not self.rate:
            return True
        most = float(max(self.burst, int(self.rate), 1))
        self._level = most if self._level < 0 else min(most, self._level + (now - self._at) * self.rate)
        self._at = now
        return self._level >= 1.0

    def take(self) -> None:
        self._level -= 1.0 if self.rate else 0.0
