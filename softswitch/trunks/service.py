"""The trunk book: whose address it is, where calls to a trunk go, which addresses are down, registrations with carriers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog

from signalling import commands as sip
from signalling.events import Flow, RegistrationState
from sip_profiles.loader import ProfileError
from sip_profiles.schema import Media
from softswitch.directory.model import Trunk
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.events import Event, TrunkStateChanged
from softswitch.model.target import Target
from softswitch.trunks.carrier import Carrier, Place, is_ip

log = structlog.get_logger("trunks")

RESOLVE_SECONDS = 60.0
_REMEMBERED_SOURCES = 10_000


class TrunkBook:
    """Owned by the loop; follows the directory by `configure`. `count(trunk)` tells how many of its channels are in use."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None], submit: Callable[[sip.Command], None]) -> None:
        self.count: Callable[[str], int] = lambda _name: 0
        self._clock = clock
        self._emit = emit
        self._submit = submit
        self._carriers: dict[str, Carrier] = {}
        self._sources: dict[tuple[str, int], Trunk | None] = {}

    def configure(self, snapshot: Snapshot) -> None:
        """Takes the trunks of a new directory over; those that did not change keep their state."""
        carriers: dict[str, Carrier] = {}
        for name, trunk in snapshot.trunks.items():
            known = self._carriers.get(name)
            if known is not None and known.trunk == trunk:
                carriers[name] = known
                continue
            try:
                carriers[name] = Carrier.of(trunk)
            except (ProfileError, ValueError) as fault:
                log.error("! trunk unusable", trunk=name, error=str(fault))
                continue
            if known is not None:
                self._unregister(known)
        for name, gone in self._carriers.items():
            if name not in carriers:
                self._unregister(gone)
        started = [carrier for name, carrier in carriers.items() if self._carriers.get(name) is not carrier]
        self._carriers = carriers
        self._sources.clear()
        for carrier in started:
            self._register(carrier)

    # who it is

    def of_source(self, host: str, port: int = 0) -> Trunk | None:
        """The trunk that a request from this address belongs to; of several, one dialled at this port, else the first."""
        key = (host, port)
        if key not in self._sources:  # asked for each message: the answer is kept until something changes
            if len(self._sources) >= _REMEMBERED_SOURCES:
                self._sources.clear()
            self._sources[key] = self._find_source(host, port)
        return self._sources[key]

    def _find_source(self, host: str, port: int) -> Trunk | None:
        found = [carrier for carrier in self._carriers.values() if carrier.is_source(host)]
        exact = [carrier for carrier in found if any(place.port == port for place in carrier.places)]
        carrier = next(iter(exact or found), None)
        return carrier.trunk if carrier is not None else None

    def sound(self, name: str) -> Media | None:
        """How calls from this trunk sound: codecs, packet time, jitter buffer; None for an unknown trunk."""
        carrier = self._carriers.get(name)
        return carrier.profile.media if carrier is not None else None

    def registers_any(self, name: str) -> bool:
        """Whether the trunk's addresses may bind names without a login (profile `open`)."""
        carrier = self._carriers.get(name)
        return carrier is not None and carrier.profile.inbound.registers == "any"

    def longest_call(self, name: str) -> float:
        """Seconds; 0 for no limit."""
        carrier = self._carriers.get(name)
        return float(carrier.profile.limits.max_duration) if carrier is not None else 0.0

    def channels(self, name: str) -> int:
        """Calls at one time; 0 for no limit and for an unknown trunk."""
        carrier = self._carriers.get(name)
        return carrier.profile.limits.channels if carrier is not None else 0

    def is_full(self, name: str, *, arriving: int = 0) -> bool:
        """Whether all channels are in use; `arriving` calls are counted already but not accepted."""
        carrier = self._carriers.get(name)
        return carrier is not None and 0 < carrier.profile.limits.channels <= self.count(name) - arriving

    # where to

    def targets(self, names: Sequence[str], number: str) -> tuple[Target, ...]:
        """The addresses to try for an outside number, in order: those that are up, else the one that failed longest ago.

        Empty when no trunk has an address that is known, or all are full.
        """
        now = self._clock.now()
        places = [
            (carrier, place)
            for carrier in (self._carriers[name] for name in names if name in self._carriers)
            if not self.is_full(carrier.trunk.name)
            for place in carrier.places
            if place.ip
        ]
        alive = [pair for pair in places if pair[1].dead_until <= now]
        if not alive and places:
            alive = [min(places, key=lambda pair: pair[1].failed_at)]
        return tuple(carrier.target(place, number) for carrier, place in alive)

    def report(self, target: Target, alive: bool) -> None:
        """How an address behaved in a call."""
        carrier = self._carriers.get(target.name)
        if carrier is None or not target.trunk:
            return
        for place in carrier.places:
            if place.key != target.address:
                continue
            was_up = place.dead_until <= self._clock.now()
            if alive:
                place.answered()
            else:
                place.failed(self._clock.now(), carrier.profile.failover.dead)
            if alive != was_up or (not alive and place.failures == 1):
                self._changed(carrier, place.key)

    def _changed(self, carrier: Carrier, detail: str) -> None:
        state = self._state(carrier)
        log.info("= trunk", trunk=carrier.trunk.name, state=state, address=detail)
        self._emit(
            TrunkStateChanged(at=self._clock.utc(), actor="system", trunk=carrier.trunk.name, state=state, detail=detail)
        )

    def _state(self, carrier: Carrier) -> str:
        if carrier.registration:
            return carrier.registration
        now = self._clock.now()
        return "up" if any(place.ip and place.dead_until <= now for place in carrier.places) else "down"

    def views(self) -> list[Mapping[str, Any]]:
        """{name, profile, addresses, state, detail, calls} of each trunk."""
        now = self._clock.now()
        return [
            {
                "name": carrier.trunk.name,
                "profile": carrier.trunk.profile,
                "addresses": [str(place.address) for place in carrier.places],
                "state": self._state(carrier),
                "detail": carrier.detail
                or ", ".join(f"{place.key} down" for place in carrier.places if place.dead_until > now),
                "calls": self.count(carrier.trunk.name),
            }
            for _, carrier in sorted(self._carriers.items())
        ]

    # registration with the carrier

    def _register(self, carrier: Carrier) -> None:
        login, place = carrier.login, next((place for place in carrier.places if place.ip), None)
        mode = carrier.profile.auth.mode
        if login is None or place is None or not (carrier.trunk.register or mode == "register"):
            return
        host = str(place.address)
        flow = Flow(carrier.profile.transport.protocol, ("", 0), (place.ip, place.port))
        name = carrier.trunk.name
        carrier.registration = "unregistered"
        self._submit(
            sip.Register(name, f"sip:{host}", flow, login.username, login, carrier.profile.auth.expires, login.username)
        )

    def _unregister(self, carrier: Carrier) -> None:
        login, place = carrier.login, next((place for place in carrier.places if place.ip), None)
        if carrier.registration and login is not None and place is not None:
            flow = Flow(carrier.profile.transport.protocol, ("", 0), (place.ip, place.port))
            self._submit(sip.Register(carrier.trunk.name, f"sip:{place.address}", flow, login.username, login, 0))

    def heard(self, event: RegistrationState) -> None:
        """What became of a REGISTER of ours."""
        carrier = self._carriers.get(event.trunk)
        if carrier is not None and (carrier.registration, carrier.detail) != (event.state, event.reason):
            carrier.registration, carrier.detail = event.state, event.reason
            self._changed(carrier, event.reason or (str(event.status) if event.status else ""))

    # names

    async def resolve(self) -> None:
        """Looks host names of trunks up, now."""
        for carrier in tuple(self._carriers.values()):
            had = any(place.ip for place in carrier.places)
            for place in carrier.places:
                if not is_ip(place.address.host):
                    place.ip = await _lookup(place) or place.ip
                    self._sources.clear()
            if not had:
                self._register(carrier)

    async def keep_resolving(self) -> None:
        """Looks them up again and again, until cancelled."""
        while True:
            if any(not is_ip(place.address.host) for place in self._places()):
                await self.resolve()
            await asyncio.sleep(RESOLVE_SECONDS)

    def _places(self) -> Iterable[Place]:
        return (place for carrier in self._carriers.values() for place in carrier.places)


async def _lookup(place: Place) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.address.host, place.port)
    except OSError as fault:
        log.warning("! trunk name not resolved", host=place.address.host, error=str(fault))
        return ""
    return str(found[0][4][0]) if found else ""
