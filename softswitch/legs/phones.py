"""The legs of each extension's phones: how many calls they have, and what a watcher of the extension is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.ids import LegId


class PhoneLeg(Protocol):
    """`SipLeg`, as far as it matters here."""

    id: LegId
    facts: LegFacts

    @property
    def group(self) -> int: ...

    @property
    def is_answered(self) -> bool: ...

    @property
    def is_ended(self) -> bool: ...

    @property
    def answered_at(self) -> float:
        """0.0 for a call to the phone that it has not answered."""


class Phones:
    """Owned by `SipLegs`. `on_change(extension)` is told of each leg that comes, is answered or goes."""

    def __init__(self) -> None:
        self.on_change: Callable[[str], None] = lambda _extension: None
        self.now: Callable[[], float] = lambda: 0.0
        """The clock of the node."""
        self.idle_since: dict[str, float] = {}
        """When the last call of an extension ended, by that clock."""
        self._legs: dict[str, list[PhoneLeg]] = {}

    def add(self, leg: PhoneLeg) -> None:
        if leg.facts.kind is PartyKind.PHONE:
            self._legs.setdefault(leg.facts.party, []).append(leg)
            self.on_change(leg.facts.party)

    def remove(self, leg: PhoneLeg) -> None:
        if leg.facts.kind is PartyKind.PHONE:
            here = self._legs[leg.facts.party]
            here.remove(leg)
            if leg.facts.inbound or leg.answered_at:
                self.idle_since[leg.facts.party] = self.now()
            if not here:
                del self._legs[leg.facts.party]
            self.on_change(leg.facts.party)

    def changed(self, leg: PhoneLeg) -> None:
        """It was answered, or rings."""
        if leg.facts.kind is PartyKind.PHONE:
            self.on_change(leg.facts.party)

    def of(self, extension: str) -> Sequence[PhoneLeg]:
        """The legs of an extension now, the oldest first."""
        return self._legs.get(extension, ())

    def calls(self, extension: str) -> int:
        """How many calls the phones of an extension have now; several devices that ring for one call count once."""
        return len({leg.group for leg in self.of(extension)})

    def in_call(self, extension: str) -> bool:
        """Whether somebody speaks or dials there; a phone that only rings is not in a call."""
        return any(leg.is_answered or leg.facts.inbound for leg in self.of(extension))

    def is_waiting(self, leg: PhoneLeg) -> bool:
        """Whether the phone that is rung has another call."""
        return any(other.group != leg.group for other in self.of(leg.facts.party))
