"""Trunk groups of a gateway to E1 lines: which are full, which are doubtful, how many calls went (sip.md §7). Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sip_profiles.schema import Gateway
from softswitch.trunks.health import TRIAL_EVERY

PER_E1 = 30
"""B-channels; slot 0 is framing and slot 16 the D-channel, both the gateway's."""
FULL_SECONDS = 2.0
FULL = frozenset((34, 44, 47))
"""Q.850: no circuit, the one asked for is not there, no resources: the group has no free line."""
BROKEN = frozenset((27, 38, 41))
"""Q.850: out of order, network out of order, temporary failure: the line itself may be cut."""
BROKEN_TIMES, BROKEN_WITHIN = 3, 60.0


@dataclass(slots=True)
class Group:
    """One trunk group. Its channels are the trunk's numbers `first` to `last`."""

    name: str
    first: int
    last: int
    seizures: int = 0
    refused: int = 0
    full_until: float = 0.0
    suspect: bool = False
    _broken: deque[float] = field(default_factory=lambda: deque(maxlen=BROKEN_TIMES))
    _trial_at: float = 0.0

    @property
    def channels(self) -> int:
        return self.last - self.first + 1

    def may(self, now: float) -> bool:
        return now >= self.full_until and (not self.suspect or now >= self._trial_at)

    def took(self, now: float) -> None:
        """A call goes out by it."""
        self.seizures += 1
        if self.suspect:
            self._trial_at = now + TRIAL_EVERY

    def went(self, well: bool, q850: int, now: float) -> bool:
        """How a call by it went; whether it became suspect or is so no more."""
        before = self.suspect
        if well:
            self.suspect = False
            self._broken.clear()
        else:
            self.refused += 1
        if q850 in FULL:
            self.full_until = now + FULL_SECONDS
        elif q850 in BROKEN and not well:
            self._broken.append(now)
            if len(self._broken) == BROKEN_TIMES and now - self._broken[0] <= BROKEN_WITHIN and not self.suspect:
                self.suspect, self._trial_at = True, now + TRIAL_EVERY
        return self.suspect is not before

    def state(self, now: float) -> str:
        return "suspect" if self.suspect else "full" if now < self.full_until else "up"


def groups_of(gateway: Gateway) -> list[Group]:
    """The groups with their channels; what does not divide evenly is the last one's."""
    total = PER_E1 * gateway.e1
    names = gateway.groups or ("",)
    if not total:
        return []
    share = total // len(names)
    return [
        Group(name, index * share + 1, total if index == len(names) - 1 else (index + 1) * share)
        for index, name in enumerate(names)
    ]


def channel_of(text: str, first: int, last: int) -> int:
    """The channel for a time slot that a gateway tells ("17", "ts=17", "1/17"), 0 for none. Slot 16 carries no call."""
    digits = "".join(sign if sign.isdigit() else " " for sign in text).split()
    slot = int(digits[-1]) if digits and len(digits[-1]) <= 3 else 0
    channel = first - 1 + (slot - 1 if slot > 16 else slot)
    return channel if slot not in (0, 16) and first <= channel <= last else 0
