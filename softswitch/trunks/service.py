"""The trunk book: whose address it is, where calls to a trunk go, which addresses are down, registrations with carriers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog

from signalling import commands as sip
from signalling.errors import TransportError
from signalling.events import Flow, OptionsAnswered, RegistrationState
from signalling.location import NOWHERE, DeadTargets, Hop, Route, ordered
from signalling.policy import PeerPolicy
from signalling.transports import Resolver
from signalling.transports.tls import ClientTls
from sip_profiles.loader import ProfileError
from sip_profiles.schema import Media
from softswitch.directory.model import Trunk
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.events import Event, TrunkStateChanged
from softswitch.model.identity import Manners
from softswitch.model.target import Target
from softswitch.trunks.carrier import Carrier, Place, is_ip, key_of

log = structlog.get_logger("trunks")

LOOK_SECONDS = 1.0
RESOLVE_TURNS = 5  # the resolver answers from memory while an answer lives
_OVERLOADED, _NO_ANSWER = 503, 408
_PROBE = "trunk-probe "
_REMEMBERED_SOURCES = 10_000
CAN = ("udp", "tcp", "tls")
"""What DNS may choose among, best first."""


def _draw(most: int) -> int:
    return secrets.randbelow(most + 1)


class TrunkBook:
    """Owned by the loop; follows the directory by `configure`. `count(trunk)` tells how many of its channels are in use."""

    def __init__(
        self, clock: Clock, emit: Callable[[Event], None], submit: Callable[[sip.Command], None], *,
        draw: Callable[[int], int] = _draw,
    ) -> None:  # fmt: skip
        self.resolver: Resolver | None = None
        """Who knows names; made on first use when nobody has set it."""
        self.count: Callable[[str], int] = lambda _name: 0
        self._clock = clock
        self._emit = emit
        self._submit = submit
        self._carriers: dict[str, Carrier] = {}
        self._sources: dict[tuple[str, int], Trunk | None] = {}
        self._draw = draw
        self._dead: DeadTargets[Spot] = DeadTargets()
        self._probes: dict[str, Spot] = {}

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
        self._forget_gone()
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
        exact = [carrier for carrier in found if any(hop.address[1] == port for hop in carrier.hops)]
        carrier = next(iter(exact or found), None)
        return carrier.trunk if carrier is not None else None

    def of_certificate(self, names: frozenset[str]) -> Trunk | None:
        """The trunk whose peer names stand in a certificate that was proved."""
        for carrier in self._carriers.values() if names else ():
            if not names.isdisjoint(name.lower() for name in carrier.profile.tls.peer_names):
                return carrier.trunk
        return None

    def policy(self, name: str) -> PeerPolicy:
        """What signalling must know of a trunk."""
        return self._carriers[name].policy

    def tls_for(self, host: str) -> ClientTls:
        """How a configured host is connected to by TLS: as its trunk says, else by the system's authorities."""
        for carrier in self._carriers.values():
            if any(host == place.address.host for place in carrier.places):
                return carrier.tls(host)
        return ClientTls(host)

    def sound(self, name: str) -> Media | None:
        """How calls from this trunk sound: codecs, packet time, jitter buffer; None for an unknown trunk."""
        carrier = self._carriers.get(name)
        return carrier.profile.media if carrier is not None else None

    def manners(self, name: str) -> Manners:
        """What the trunk is told about callers, and how it tells of them."""
        carrier = self._carriers.get(name)
        return carrier.manners if carrier is not None else Manners()

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
        ways: dict[Spot, tuple[Carrier, Place, Hop]] = {}
        for carrier in (self._carriers[name] for name in names if name in self._carriers):
            if self.is_full(carrier.trunk.name) or not carrier.pace.may(now):
                continue
            for place in carrier.places:
                for hop in ordered(place.route, self._draw):
                    ways.setdefault(_spot(carrier, hop), (carrier, place, hop))
        chosen = [ways[spot] for spot in self._dead.pick(ways, now)]
        return tuple(carrier.target(place, hop, number) for carrier, place, hop in chosen)

    def report(self, target: Target, alive: bool, *, status: int = 0, retry_after: int = 0) -> None:
        """How an address behaved in a call: `status` and Retry-After of its refusal, 0 when there was none."""
        carrier = self._carriers.get(target.name)
        if carrier is None or not target.trunk:
            return
        now, spot = self._clock.now(), Spot(target.name, target.flow.transport, target.flow.remote)
        carrier.pace.sent(now)
        if alive:
            if self._dead.answered(spot):
                self._changed(carrier, target.address)
            return
        if status == _OVERLOADED:
            carrier.pace.refused(now)
        was_dead = self._dead.is_dead(spot, now)
        self._dead.failed(spot, now, first=carrier.profile.failover.dead, retry_after=retry_after)
        if not was_dead:
            self._changed(carrier, target.address)

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
        return "up" if any(not self._dead.is_dead(_spot(carrier, hop), now) for hop in carrier.hops) else "down"

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
                or ", ".join(f"{key_of(hop)} down" for hop in carrier.hops if self._dead.is_dead(_spot(carrier, hop), now)),
                "calls": self.count(carrier.trunk.name),
            }
            for _, carrier in sorted(self._carriers.items())
        ]

    # registration with the carrier

    def _register(self, carrier: Carrier) -> None:
        login, way = carrier.login, self._first(carrier)
        if login is None or way is None or not (carrier.trunk.register or carrier.profile.auth.mode == "register"):
            return
        place, hop = way
        name = carrier.trunk.name
        carrier.registration = "unregistered"
        expires = carrier.profile.auth.expires
        self._submit(sip.Register(name, f"sip:{place.address}", _to(hop), login.username, login, expires, login.username))

    def _unregister(self, carrier: Carrier) -> None:
        login, way = carrier.login, self._first(carrier)
        if carrier.registration and login is not None and way is not None:
            place, hop = way
            self._submit(sip.Register(carrier.trunk.name, f"sip:{place.address}", _to(hop), login.username, login, 0))

    def _first(self, carrier: Carrier) -> tuple[Place, Hop] | None:
        return next(((place, hop) for place in carrier.places for hop in ordered(place.route, self._draw)), None)

    def heard(self, event: RegistrationState) -> None:
        """What became of a REGISTER of ours."""
        carrier = self._carriers.get(event.trunk)
        if carrier is not None and (carrier.registration, carrier.detail) != (event.state, event.reason):
            carrier.registration, carrier.detail = event.state, event.reason
            self._changed(carrier, event.reason or (str(event.status) if event.status else ""))

    # names and probes

    async def resolve(self) -> None:
        """Looks host names of trunks up, now; what cannot be looked up stays as it was."""
        if self.resolver is None:
            self.resolver = Resolver()
        for carrier in tuple(self._carriers.values()):
            had = bool(carrier.hops)
            for place in carrier.places:
                if is_ip(place.address.host):
                    continue
                route = await _lookup(self.resolver, place)
                if route and route != place.route:
                    place.route = route
                    self._sources.clear()
            if not had and carrier.hops:
                self._register(carrier)
        self._forget_gone()

    async def keep_watching(self) -> None:
        """Looks names up again and again, and probes addresses whose time of rest is over, until cancelled."""
        turn = 0
        while True:
            if turn % RESOLVE_TURNS == 0 and any(not is_ip(place.address.host) for place in self._places()):
                await self.resolve()
            turn += 1
            self.probe()
            await asyncio.sleep(LOOK_SECONDS)

    def probe(self) -> None:
        """One OPTIONS to each address that was avoided long enough: no call finds out whether it is back."""
        for spot in self._dead.due(self._clock.now()):
            carrier = self._carriers[spot.trunk]
            host = next((hop.host for hop in carrier.hops if _spot(carrier, hop) == spot), spot.address[0])
            tag = f"{_PROBE}{spot.trunk} {spot.transport} {spot.address}"
            self._probes[tag] = spot
            uri = f"sip:[{host}]" if ":" in host else f"sip:{host}"
            try:
                self._submit(sip.Options(tag, uri, Flow(spot.transport, ("", 0), spot.address)))
            except TransportError as fault:
                log.warning("! no way to the trunk", trunk=spot.trunk, reason=str(fault))
                self.probed(OptionsAnswered(tag, _NO_ANSWER))

    def probed(self, event: OptionsAnswered) -> None:
        """What became of a probe."""
        spot = self._probes.pop(event.tag, None)
        carrier = self._carriers.get(spot.trunk) if spot is not None else None
        if spot is None or carrier is None:
            return
        alive = event.status not in (_NO_ANSWER, _OVERLOADED)
        if self._dead.probed(spot, alive, self._clock.now(), first=carrier.profile.failover.dead):
            self._changed(carrier, f"{spot.address[0]}:{spot.address[1]}")

    def _forget_gone(self) -> None:
        self._dead.keep(_spot(carrier, hop) for carrier in self._carriers.values() for hop in carrier.hops)

    def _places(self) -> Iterable[Place]:
        return (place for carrier in self._carriers.values() for place in carrier.places)


class Spot(NamedTuple):
    """What can be dead: one address of one trunk by one transport."""

    trunk: str
    transport: str
    address: tuple[str, int]


def _spot(carrier: Carrier, hop: Hop) -> Spot:
    return Spot(carrier.trunk.name, hop.transport, hop.address)


def _to(hop: Hop) -> Flow:
    """Our side of it is filled in by the transports."""
    return Flow(hop.transport, ("", 0), hop.address)


async def _lookup(resolver: Resolver, place: Place) -> Route:
    try:
        route = await resolver.locate(place.wanted, CAN)
    except TransportError as fault:
        log.warning("! trunk name not resolved", host=place.address.host, error=str(fault))
        return NOWHERE
    if not route:
        log.warning("! trunk name leads nowhere", host=place.address.host)
    return route
