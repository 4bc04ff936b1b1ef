"""Several devices of one person rung as one leg: the first answer wins, from then on the fork is that device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from media.events import PortStats
from softswitch.legs import base
from softswitch.legs.base import Leg, LegEvent, LegFacts, Listener
from softswitch.model.cause import Cause
from softswitch.model.identity import Person
from softswitch.model.ids import LegId
from softswitch.model.release import Release

Start = Callable[[Listener], Leg]


class ForkedLeg:
    """A `Leg` over the legs that `starts` begin. One that cannot be begun raises and is left out, unless it is the last one."""

    def __init__(self, starts: Sequence[Start], *, skips: tuple[type[Exception], ...] = ()) -> None:
        self.listener: Listener = base.ignore
        self._legs: list[Leg] = []
        self._winner: Leg | None = None
        for number, start in enumerate(starts):
            try:
                self._add(start)
            except skips:
                if not self._legs and number == len(starts) - 1:
                    raise
        self._first = self._legs[0]

    def _add(self, start: Start) -> None:
        holder: list[Leg] = []

        def heard(event: LegEvent) -> None:
            if holder:
                self._heard(holder[0], event)

        leg = start(heard)
        holder.append(leg)
        self._legs.append(leg)

    @property
    def _leg(self) -> Leg:
        return self._winner if self._winner is not None else self._first

    def _pass_on(self, event: LegEvent) -> None:
        """To whoever listens to the fork at that time."""
        self.listener(event)

    def _heard(self, leg: Leg, event: LegEvent) -> None:
        if self._winner is not None:
            if leg is self._winner:
                self.listener(event)
            return
        match event:
            case base.Answered():
                self._winner = leg
                leg.listener = self._pass_on
                for other in self._legs:
                    if other is not leg:
                        other.hang_up(Cause.ANSWERED_ELSEWHERE)
                self.listener(event)
            case base.Ended():
                self._legs.remove(leg)
                if not self._legs:
                    self.listener(event)
            case _:
                self.listener(event)

    # what the call sees

    @property
    def id(self) -> LegId:
        return self._first.id

    @property
    def facts(self) -> LegFacts:
        return self._first.facts

    @property
    def port(self) -> int:
        return self._winner.port if self._winner is not None else 0

    @property
    def group(self) -> int:
        return self._first.group

    @property
    def announces(self) -> int:
        return self._leg.announces

    @property
    def codec(self) -> str:
        return self._leg.codec

    @property
    def codecs(self) -> tuple[str, ...]:
        return self._leg.codecs

    @property
    def secured(self) -> str:
        return self._leg.secured

    @property
    def fax(self) -> base.FaxSide | None:
        return self._winner.fax if self._winner is not None else None

    @property
    def quality(self) -> PortStats | None:
        return self._winner.quality if self._winner is not None else None

    @property
    def is_answered(self) -> bool:
        return self._winner is not None and self._winner.is_answered

    @property
    def is_ended(self) -> bool:
        return not self._legs if self._winner is None else self._winner.is_ended

    def ring(self, *, forwarded: bool = False) -> None:
        self._leg.ring(forwarded=forwarded)

    def open_early(self, *, prefer: str = "", q850: int = 0) -> None:
        self._leg.open_early(prefer=prefer, q850=q850)

    def refusal(self) -> Cause | None:
        return self._leg.refusal()

    def answer(self, *, prefer: str = "") -> None:
        self._leg.answer(prefer=prefer)

    def press(self, digits: str, *, carried: str = "") -> None:
        self._leg.press(digits, carried=carried)

    def hold(self, *, held: bool) -> None:
        self._leg.hold(held=held)

    @property
    def person(self) -> Person:
        return self._leg.person

    def shows(self, person: Person) -> None:
        self._leg.shows(person)

    def report_transfer(self, status: int, slot: str = "") -> None:
        self._leg.report_transfer(status, slot)

    def refer(self, target: str, by: str) -> None:
        self._leg.refer(target, by)

    def join(self, group: int) -> None:
        self._leg.join(group)

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        if self._winner is not None:
            self._winner.hang_up(cause, retry_after=retry_after, release=release)
            return
        legs, self._legs = self._legs, []
        for leg in legs:
            leg.hang_up(cause, retry_after=retry_after, release=release)
