"""Where a call has been sent on by people's own services (sip.md §5.5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from softswitch.legs.base import LegFacts
from softswitch.model.identity import Diversion


@dataclass(slots=True)
class Journey:
    """Of one call, from its arrival here."""

    diverted: tuple[Diversion, ...] = ()
    """Who has sent it on, the first one first."""
    by: list[str] = field(default_factory=list)
    """The extensions among them: a second time is a loop."""
    label: str = ""
    """Shown instead of the caller's name: where the caller has been parked."""
    _moved: str = ""

    def told(self, facts: LegFacts) -> LegFacts:
        """The caller's facts with what happened here added to what its network has told."""
        if self.label:
            facts = replace(facts, caller_name=self.label)
        return replace(facts, diverted=(*facts.diverted, *self.diverted)) if self.diverted else facts

    def move(self, number: str) -> None:
        """The phone that was rung sends its callers there (a 302)."""
        self._moved = number

    def take_moved(self) -> str:
        """Where the phone that was rung last sends its callers, "" for nowhere; said once."""
        moved, self._moved = self._moved, ""
        return moved

    def goes_on(self, extension: str, diversion: Diversion) -> None:
        self.by.append(extension)
        self.diverted = (*self.diverted, diversion)
