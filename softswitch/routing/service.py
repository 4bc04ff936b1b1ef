"""Routing: what a new call may do and where it goes, and which places are rung for a destination."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from softswitch.directory.model import Route
from softswitch.directory.snapshot import Snapshot
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Unreachable
from softswitch.model.target import Plan, Target
from softswitch.registrar.service import Registrar
from softswitch.routing.codes import CodeBook
from softswitch.routing.ways import trunks_of
from softswitch.trunks.service import TrunkBook

LONGEST_CALL = 14_400.0  # seconds, where no trunk says otherwise

HIDE = ("*67", "#31#", "*31#")
"""Dialled before a number: the own number is withheld for this call (CLIR; sip.md §5.4)."""


def _draw(most: int) -> int:
    return secrets.randbelow(max(0, most) + 1)


@dataclass(frozen=True, slots=True)
class Admission:
    """Where a new call goes, or (`destination` None) the cause and the rule that refused it. 0 seconds: no limit."""

    destination: Destination | None
    cause: Cause = Cause.NORMAL
    rule: str = ""
    max_duration: float = LONGEST_CALL
    values: Mapping[str, str] = field(default_factory=dict)
    """Variables that the call begins with: what lists say about the caller."""
    is_emergency: bool = False  # no limit of ours stops it


class Routing:
    """Answers from the directory's snapshot and what is registered or up now; changes nothing."""

    def __init__(self, directory: Callable[[], Snapshot], trunks: TrunkBook, registrar: Registrar, plan: str = "cn") -> None:
        self._directory = directory
        self._trunks = trunks
        self._registrar = registrar
        self.is_open: Callable[[str], bool] = lambda _calendar: True
        """Whether a calendar is open now; set by the part that has the calendars."""
        self.draw: Callable[[int], int] = _draw
        """A random whole number from 0 to n."""
        self._read: Snapshot | None = None
        self._plan = plan
        self._book = CodeBook(plan=plan)
        self._groups: Mapping[str, Destination] = {}

    def from_trunk(self, trunk: str, called: str) -> Admission:
        """A carrier reaches the numbers that are declared, and nothing else: it may not pass through to the outside."""
        snapshot = self._directory()
        if self._trunks.is_full(trunk, arriving=1) and not self.is_emergency(called):
            return Admission(None, Cause.CONGESTION, "channels")
        destination = snapshot.number_for(*forms(called)) or self._unknown(trunk, called)
        if destination is not None:
            return Admission(destination, max_duration=self._trunks.longest_call(trunk))
        if called not in snapshot.extensions and snapshot.route_for(called) is not None:
            return Admission(None, Cause.FORBIDDEN, "transit")
        return Admission(None, Cause.UNALLOCATED, "unknown number")

    def from_inside(self, called: str, extension: str = "") -> Admission:
        """What somebody inside reaches, with what its extension says about the number that is shown."""
        admission = self._from_inside(called)
        own = self._directory().extensions.get(extension)
        if own is None or not (own.hide_number or own.outside_number):
            return admission
        values = {"outside_number": own.outside_number} if own.outside_number else {}
        return replace(admission, values={**admission.values, **values, **({"clir": "on"} if own.hide_number else {})})

    def _from_inside(self, called: str) -> Admission:
        """A phone or an agent dials: a declared number, an extension, a feature code, or the outside when a route has it."""
        hidden = next((prefix for prefix in HIDE if called.startswith(prefix) and called not in self._directory().numbers), "")
        if hidden:
            admission = self._from_inside(called[len(hidden) :])
            return replace(admission, values={**admission.values, "clir": "on"})
        destination = self._code(called) or self.dialled(called)
        if destination is None and self.codes().read(called) is not None:
            destination = Destination(DestinationKind.FEATURE, called)
        if destination is None:
            return Admission(None, Cause.UNALLOCATED, "unknown number")
        is_outside = destination.kind is DestinationKind.OUTSIDE
        return Admission(destination, is_emergency=is_outside and self.is_emergency(destination.name))

    def _code(self, called: str) -> Destination | None:
        """A code that begins with a star, unless the very number is declared."""
        if called in self._directory().numbers or not self.codes().is_code(called):
            return None
        return Destination(DestinationKind.FEATURE, called)

    def codes(self) -> CodeBook:
        """The feature codes in force now."""
        snapshot = self._directory()
        if snapshot is not self._read:
            self._read, self._book = snapshot, CodeBook(snapshot.feature_codes.values(), self._plan)
            self._groups = {
                group.number: Destination(DestinationKind.GROUP, group.name)
                for group in snapshot.ring_groups.values() if group.number
            }  # fmt: skip
        return self._book

    def groups(self) -> Mapping[str, Destination]:
        """The numbers that ring groups have for people inside."""
        self.codes()
        return self._groups

    def dialled(self, called: str) -> Destination | None:
        """What a number means to somebody inside."""
        snapshot = self._directory()
        if called in snapshot.extensions and called not in snapshot.numbers:
            return Destination(DestinationKind.EXTENSION, called)
        if (group := self.groups().get(called)) is not None:
            return group
        destination = snapshot.number_for(*forms(called))
        if destination is None and (snapshot.route_for(called) is not None or self.is_emergency(called)):
            return Destination(DestinationKind.OUTSIDE, called)
        return destination

    def is_fax(self, called: str, destination: Destination) -> bool:
        """Whether a call to this number may begin as a fax: the declared number or the route to the outside says so."""
        snapshot = self._directory()
        number = snapshot.number_entry(*forms(called))
        if destination.kind is DestinationKind.OUTSIDE:
            route = snapshot.route_for(destination.name)
            return (number is not None and number.fax) or (route is not None and route.fax)
        return number is not None and number.fax

    def _unknown(self, trunk: str, called: str) -> Destination | None:
        """Where a trunk sends calls to numbers that nobody has declared; never one that a route has (no transit)."""
        snapshot, profile = self._directory(), self._trunks.profile(trunk)
        if profile is None or not profile.inbound.unknown or snapshot.route_for(called) is not None:
            return None
        try:
            destination = Destination.parse(profile.inbound.unknown)
        except ValueError:
            return None
        return destination if snapshot.has(destination) and destination.kind is not DestinationKind.OUTSIDE else None

    def is_emergency(self, number: str) -> bool:
        """Whether a number always passes: the fire brigade waits for no free channel."""
        return number in self._trunks.emergency_numbers()

    def plan(self, destination: Destination, caller: str = "", *, is_trunk: bool = False) -> Plan:
        """Whom to ring for an extension or an outside number; `caller` is who wants it: extension, login or trunk.

        Raises Unreachable.
        """
        snapshot = self._directory()
        number = destination.name
        if destination.kind is DestinationKind.EXTENSION:
            extension = snapshot.extensions.get(number)
            if extension is None:
                raise Unreachable(Cause.UNALLOCATED)
            devices = self._registrar.targets(number)
            if not devices:
                raise Unreachable(Cause.UNREACHABLE)
            return Plan((tuple(_with(device, extension.codecs) for device in devices),))
        if destination.kind is not DestinationKind.OUTSIDE:
            raise Unreachable(Cause.NO_ROUTE)
        route, emergency = snapshot.route_for(number), self.is_emergency(number)
        names = self._ways(route, caller) if route is not None else []
        if emergency:
            names = list(dict.fromkeys((*names, *self._trunks.emergency_trunks(number))))
        if not names:
            raise Unreachable(Cause.NO_ROUTE)
        targets = self._trunks.targets(names, number, emergency=emergency)
        if not targets:
            raise Unreachable(Cause.CONGESTION)
        if is_trunk and not emergency:
            targets = self._bridged(caller, targets)
        return Plan(tuple((target,) for target in targets))

    def _ways(self, route: Route, caller: str) -> list[str]:
        return trunks_of(route, caller, self.is_open, self._trunks.quality, self.draw)

    def _bridged(self, trunk: str, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        """Those that a call of this trunk may be joined with. Raises Unreachable without any."""
        own = self._trunks.profile(trunk)
        found = tuple(target for target in targets if target.pstn_bridge and (own is None or own.outbound.pstn_bridge))
        if not found:
            raise Unreachable(Cause.FORBIDDEN)
        return found


def _with(device: Target, codecs: tuple[str, ...]) -> Target:
    return replace(device, codecs=codecs, spares=tuple(_with(spare, codecs) for spare in device.spares))


def forms(called: str) -> tuple[str, ...]:
    """A called number as received, then in canonical form: E.164 digits with and without the plus sign."""
    digits = called.replace("-", "").replace(".", "").replace(" ", "")
    other = digits[1:] if digits.startswith("+") else f"+{digits}"
    return tuple(dict.fromkeys((called, digits, other)))
