"""The trunk book: whose address it is, where calls to a trunk go, which addresses are down, registrations with carriers."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import structlog

from signalling import commands as sip
from signalling.errors import TransportError
from signalling.events import Flow, IncomingCall, OptionsAnswered, RegistrationState
from signalling.location import NOWHERE, DeadTargets, Hop, Route, ordered
from signalling.policy import PeerPolicy
from signalling.transports import Resolver
from signalling.transports.tls import ClientTls
from sip_profiles.loader import ProfileError
from sip_profiles.schema import CarrierProfile, Media
from softswitch.directory.model import Trunk
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.events import Event, TrunkStateChanged
from softswitch.model.identity import Manners
from softswitch.model.target import Target
from softswitch.trunks import callers
from softswitch.trunks.carrier import Carrier, Place, is_ip, key_of
from softswitch.trunks.channels import LineView
from softswitch.trunks.groups import Group, channel_of
from softswitch.trunks.health import Health
from softswitch.trunks.quality import Quality
from softswitch.trunks.redirects import redirected

log = structlog.get_logger("trunks")

LOOK_SECONDS = 1.0
RESOLVE_TURNS = 5  # the resolver answers from memory while an answer lives
_OVERLOADED, _NO_ANSWER = 503, 408
_PROBE, _WATCH = "trunk-probe ", "trunk-watch "
_REMEMBERED_SOURCES = 10_000
_TGRP = re.compile(r";tgrp=([^;@>\s]{1,64})", re.IGNORECASE)
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
        self.count_in: Callable[[str, tuple[int, int]], int] = lambda _name, _lines: 0
        """How many channels of a range are in use."""
        self.lines: Callable[[str], Sequence[LineView]] = lambda _name: ()
        """Every channel of a trunk with its figures."""
        self._clock = clock
        self._emit = emit
        self._submit = submit
        self._carriers: dict[str, Carrier] = {}
        self._sources: dict[tuple[str, int, int], Sequence[Carrier]] = {}
        self._policies: dict[tuple[str, int, int], PeerPolicy | None] = {}  # of those
        self._emergency: frozenset[str] = frozenset()
        self._draw = draw
        self._dead: DeadTargets[Spot] = DeadTargets()
        self._probes: dict[str, Spot] = {}

    def stir(self, name: str) -> str:
        """What the signed calling numbers of a trunk are for: off, tag, reject."""
        carrier = self._carriers.get(name)
        return carrier.profile.inbound.stir if carrier is not None else "off"

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
        self._forget_sources()
        self._emergency = frozenset(number for each in carriers.values() for number in each.profile.outbound.emergency)
        self._forget_gone()
        for carrier in started:
            self._register(carrier)

    # who it is

    def of_source(self, host: str, port: int = 0, listener: int = 0) -> Trunk | None:
        """The trunk that a request from this address belongs to; of several, one dialled at this port, else the first.

        `listener` is the port of ours where it came. Which of several trunks a call is, `caller` tells later.
        """
        found = self._at(host, port, listener)
        return found[0].trunk if found else None

    def _at(self, host: str, port: int, listener: int) -> Sequence[Carrier]:
        key = (host, port, listener)
        found = self._sources.get(key)
        if found is None:  # asked for each message: the answer is kept until something changes
            if len(self._sources) >= _REMEMBERED_SOURCES:
                self._forget_sources()
            found = self._sources[key] = self._found_at(host, port, listener)
        return found

    def _found_at(self, host: str, port: int, listener: int) -> list[Carrier]:
        found = [carrier for carrier in self._carriers.values() if carrier.is_source(host, listener)]
        exact = [carrier for carrier in found if any(hop.address[1] == port for hop in carrier.hops)]
        return exact + [carrier for carrier in found if carrier not in exact]

    def caller(self, event: IncomingCall) -> IncomingCall | None:
        """The call with the name of its trunk and the number it is for; None when it is none of those at its address."""
        carrier = self._carriers.get(event.peer_name)
        if carrier is None:
            return event
        (host, port), listener = event.flow.remote, event.flow.local[1]
        neighbours = [other for other in self._at(host, port, listener) if other is not carrier]
        found = callers.chosen(event, [carrier, *neighbours])
        return callers.named(event, found) if found is not None else None

    def is_only_trunks(self, listener: int) -> bool:
        """Whether a port of ours belongs to trunks alone."""
        return any(carrier.profile.transport.listener == listener for carrier in self._carriers.values())

    def asks(self, name: str) -> bool:
        """Whether the trunk's calls must log in."""
        carrier = self._carriers.get(name)
        return carrier is not None and bool(carrier.trunk.username) and carrier.profile.auth.challenge_inbound

    def any_asks(self) -> bool:
        return any(self.asks(name) for name in self._carriers)

    def account(self, username: str) -> tuple[Trunk, PeerPolicy] | None:
        """The trunk whose calls log in with this name."""
        for name, carrier in self._carriers.items():
            if carrier.trunk.username == username and self.asks(name):
                return carrier.trunk, carrier.policy
        return None

    def of_certificate(self, names: frozenset[str]) -> Trunk | None:
        """The trunk whose peer names stand in a certificate that was proved."""
        for carrier in self._carriers.values() if names else ():
            if not names.isdisjoint(name.lower() for name in carrier.profile.tls.peer_names):
                return carrier.trunk
        return None

    def policy_at(self, host: str, port: int, listener: int) -> PeerPolicy | None:
        """What signalling must know of who sends from this address: a trunk whose calls need no login; None for others."""
        key = (host, port, listener)
        if key not in self._policies:
            found = self._at(host, port, listener)
            self._policies[key] = found[0].policy if found and not self.asks(found[0].trunk.name) else None
        return self._policies[key]

    def _forget_sources(self) -> None:
        self._sources.clear()
        self._policies.clear()

    def policy(self, name: str) -> PeerPolicy:
        """What signalling must know of a trunk."""
        return self._carriers[name].policy

    def tls_for(self, host: str) -> ClientTls:
        """How a configured host is connected to by TLS: as its trunk says, else by the system's authorities."""
        for carrier in self._carriers.values():
            if any(host == place.address.host for place in carrier.places):
                return carrier.tls(host)
        return ClientTls(host)

    def profile(self, name: str) -> CarrierProfile | None:
        """How a trunk differs from others; None for an unknown one."""
        carrier = self._carriers.get(name)
        return carrier.profile if carrier is not None else None

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
        return carrier.channels if carrier is not None else 0

    def is_full(self, name: str, *, arriving: int = 0) -> bool:
        """Whether all channels are in use; `arriving` calls are counted already but not accepted."""
        carrier = self._carriers.get(name)
        return carrier is not None and 0 < carrier.channels <= self.count(name) - arriving

    def line_of(self, name: str, contact: str, headers: Mapping[str, str]) -> tuple[tuple[int, int], int]:
        """The channels that a call which comes in may be on, by its trunk group (RFC 4904: in Contact), and the very one."""
        carrier = self._carriers.get(name)
        if carrier is None or not carrier.groups:
            return (1, 0), 0
        group = carrier.group(told_group(contact)) or carrier.groups[0]
        first, last = group.first, group.last
        if carrier.group(told_group(contact)) is None:
            first, last = carrier.groups[0].first, carrier.groups[-1].last
        slot = headers.get(carrier.profile.gateway.channel_header.lower(), "")
        return (first, last), channel_of(slot, first, last) if slot else 0

    # where to

    def targets(self, names: Sequence[str], number: str, *, emergency: bool = False) -> tuple[Target, ...]:
        """The addresses to try for an outside number, in order: those that are up, else the one that failed longest ago.

        Empty when no trunk has an address that is known, or all are full. An emergency asks for no limit and no state.
        """
        now = self._clock.now()
        ways: dict[Spot, tuple[Carrier, Place, Hop]] = {}
        for carrier in (self._carriers[name] for name in names if name in self._carriers):
            if not emergency and not self._may_call(carrier, now):
                continue
            for place in self._in_turn(carrier):
                for hop in ordered(place.route, self._draw):
                    ways.setdefault(_spot(carrier, hop), (carrier, place, hop))
        usable = [spot for spot, (carrier, _, hop) in ways.items() if carrier.health_of(hop).may(now)] or list(ways)
        found = [
            (ways[spot], group)
            for spot in self._dead.pick(usable, now)
            for group in self._free_groups(ways[spot][0], now, emergency=emergency)
        ]
        last = len(found) - 1
        return tuple(
            carrier.target(place, hop, number, group, emergency=emergency, is_last=at == last)
            for at, ((carrier, place, hop), group) in enumerate(found)
        )

    def redirected(self, target: Target, place: str) -> Target | None:
        """Where a Contact of a 3xx sends a call of this target; None when it may not go there."""
        carrier = self._carriers.get(target.name)
        return redirected(carrier, target, place) if carrier is not None and target.trunk else None

    def _may_call(self, carrier: Carrier, now: float) -> bool:
        if carrier.profile.auth.require_registered and carrier.must_register and carrier.registration != "registered":
            return False
        return not self._is_full_out(carrier) and carrier.pace.may(now) and carrier.bucket.may(now)

    def _is_full_out(self, carrier: Carrier) -> bool:
        return 0 < carrier.channels <= self.count(carrier.trunk.name) + carrier.profile.limits.reserve_in

    def _in_turn(self, carrier: Carrier) -> list[Place]:
        """The addresses of a trunk as one call tries them: in order, or spread by their weights."""
        left = list(carrier.places)
        if not any(place.weight for place in left):
            return left
        turn = []
        while left:
            mark, run, index = self._draw(max(0, sum(place.weight for place in left) - 1)), 0, 0
            for index, place in enumerate(left):  # noqa: B007 - the index is what is wanted
                run += place.weight
                if mark < run:
                    break
            turn.append(left.pop(index))
        return turn

    def _free_groups(self, carrier: Carrier, now: float, *, emergency: bool) -> Sequence[Group | None]:
        if not carrier.groups:
            return (None,)
        name = carrier.trunk.name
        return [
            group for group in carrier.groups
            if emergency or (group.may(now) and self.count_in(name, (group.first, group.last)) < group.channels)
        ]  # fmt: skip

    def seize(self, target: Target) -> bool:
        """A call is about to go there: false when there is no room after all (others came first). Counts it."""
        carrier = self._carriers.get(target.name)
        if carrier is None or not target.trunk:
            return True
        now = self._clock.now()
        group = carrier.group(target.group) if carrier.groups else None
        if not target.emergency:
            if self._is_full_out(carrier) or not carrier.bucket.may(now):
                return False
            if group is not None and (self.count_in(target.name, target.lines) >= group.channels or not group.may(now)):
                return False
        carrier.bucket.take()
        carrier.pace.sent(now)
        self._health(carrier, target).took(now)
        if group is not None:
            group.took(now)
        return True

    def _health(self, carrier: Carrier, target: Target) -> Health:
        hop = next((hop for hop in carrier.hops if key_of(hop) == target.address), None)
        return carrier.health_of(hop) if hop is not None else Health(carrier.profile.health)

    def report(
        self, target: Target, alive: bool, *, status: int = 0, retry_after: int = 0, q850: int = 0, dead: bool = True,
        pdd: float = 0.0,
    ) -> None:  # fmt: skip
        """How an address behaved in a call. `status`, Retry-After and Q.850 cause of its refusal, 0 when there was none.

        `dead`: the failure says something about the address; without it only that a call came to nothing by its fault.
        `pdd`: seconds until it rang, 0 when it never did.
        """
        carrier = self._carriers.get(target.name)
        if carrier is None or not target.trunk:
            return
        now = self._clock.now()
        spot = next(
            (_spot(carrier, hop) for hop in carrier.hops if key_of(hop) == target.address),
            Spot(target.name, target.flow.transport, target.flow.remote),
        )
        carrier.measured.tried(alive and not status, pdd)
        changed = self._health(carrier, target).called(alive, now)
        group = carrier.group(target.group) if carrier.groups else None
        if group is not None:
            changed |= group.went(alive, q850, now)
        if alive:
            changed |= self._dead.answered(spot)
        elif dead and (group is None or status in (0, _NO_ANSWER)):  # a group that refuses says nothing about its gateway
            if status == _OVERLOADED:
                carrier.pace.refused(now)
            changed |= not self._dead.is_dead(spot, now)
            self._dead.failed(spot, now, first=carrier.profile.failover.dead, retry_after=retry_after)
        if changed:
            self._changed(carrier, f"{target.address} {target.group}".strip())

    def overloaded(self, flow: Flow) -> None:
        """The peer of a flow says that it gets too much: half as many calls a second, as after a 503."""
        for carrier in self._carriers.values():
            if any(hop.address == flow.remote for hop in carrier.hops):
                carrier.pace.refused(self._clock.now())

    def talked(self, name: str, seconds: float) -> None:
        """A call by this trunk was answered and lasted so long."""
        if (carrier := self._carriers.get(name)) is not None:
            carrier.measured.talked(seconds)

    def quality(self, name: str) -> Quality | None:
        """How well its last calls went; None when too few did."""
        carrier = self._carriers.get(name)
        return carrier.measured.quality() if carrier is not None else None

    def emergency_numbers(self) -> frozenset[str]:
        """What any trunk knows as an emergency."""
        return self._emergency

    def emergency_trunks(self, number: str) -> list[str]:
        return [name for name, carrier in self._carriers.items() if number in carrier.profile.outbound.emergency]

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
        return "up" if any(self._is_up(carrier, hop, now) for hop in carrier.hops) else "down"

    def _is_up(self, carrier: Carrier, hop: Hop, now: float) -> bool:
        return carrier.health_of(hop).up and not self._dead.is_dead(_spot(carrier, hop), now)

    def views(self) -> list[Mapping[str, Any]]:
        """{name, profile, addresses, state, detail, calls, channels, groups, lines, quality, expires} of each trunk."""
        return [self._view(carrier) for _, carrier in sorted(self._carriers.items())]

    def _view(self, carrier: Carrier) -> Mapping[str, Any]:
        now, name = self._clock.now(), carrier.trunk.name
        quality = carrier.measured.quality()
        return {
            "name": name,
            "profile": carrier.trunk.profile,
            "addresses": [str(place.address) for place in carrier.places],
            "state": self._state(carrier),
            "detail": carrier.detail
            or ", ".join(f"{key_of(hop)} down" for hop in carrier.hops if not self._is_up(carrier, hop, now)),
            "calls": self.count(name),
            "channels": carrier.channels,
            "groups": [
                {"name": group.name, "state": group.state(now), "channels": group.channels,
                 "busy": self.count_in(name, (group.first, group.last)), "seizures": group.seizures, "refused": group.refused}
                for group in carrier.groups
            ],
            "lines": [line._asdict() for line in self.lines(name)] if carrier.groups else [],
            "quality": quality._asdict() if quality is not None else None,
            "registered_for": max(0.0, carrier.expires_at - now) if carrier.registration == "registered" else 0.0,
        }  # fmt: skip

    # registration with the carrier

    def _register(self, carrier: Carrier) -> None:
        ways = self._registrars(carrier)
        if not carrier.must_register or not ways:
            return
        carrier.registration, carrier.registrars = "unregistered", ways
        self._send_register(carrier, carrier.profile.auth.expires)

    def _unregister(self, carrier: Carrier) -> None:
        if carrier.registration:
            self._send_register(carrier, 0)

    def _send_register(self, carrier: Carrier, expires: int) -> None:
        login = carrier.login
        ways = carrier.registrars or self._registrars(carrier)
        if login is None or not ways:
            return
        place, hop = ways[0]
        account, name = carrier.trunk.username, carrier.trunk.name
        self._submit(sip.Register(name, f"sip:{place.address}", _to(hop), account, login, expires, carrier.line_token))

    def _registrars(self, carrier: Carrier) -> list[tuple[Place, Hop]]:
        return [(place, hop) for place in carrier.places for hop in ordered(place.route, self._draw)]

    def heard(self, event: RegistrationState) -> None:
        """What became of a REGISTER of ours."""
        carrier = self._carriers.get(event.trunk)
        if carrier is None:
            return
        carrier.expires_at = event.expires_at
        if (carrier.registration, carrier.detail) != (event.state, event.reason):
            carrier.registration, carrier.detail = event.state, event.reason
            self._changed(carrier, event.reason or (str(event.status) if event.status else ""))
        if not carrier.registrars:
            return
        if event.state == "registered":
            carrier.registrars = self._beginning_with(carrier, carrier.registrars[0])
        elif event.state == "failed":
            self._register_elsewhere(carrier)

    def _register_elsewhere(self, carrier: Carrier) -> None:
        """The next server at once; when all have failed, signalling waits and begins with the one that it tried last."""
        tried = carrier.registrars.pop(0)
        if carrier.registrars:
            self._send_register(carrier, carrier.profile.auth.expires)
        else:
            carrier.registrars = self._beginning_with(carrier, tried)

    def _beginning_with(self, carrier: Carrier, first: tuple[Place, Hop]) -> list[tuple[Place, Hop]]:
        return [first, *(way for way in self._registrars(carrier) if way[1] != first[1])]

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
                    self._forget_sources()
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
        """OPTIONS to each address that was avoided long enough, so that no call finds out whether it is back, and to those
        that are watched all the time."""
        now = self._clock.now()
        for spot in self._dead.due(now):
            self._probe(spot, f"{_PROBE}{spot.trunk} {spot.transport} {spot.address}")
        for carrier in self._carriers.values():
            for hop in carrier.hops:
                if carrier.health_of(hop).is_due(now):
                    spot = _spot(carrier, hop)
                    self._probe(spot, f"{_WATCH}{spot.trunk} {spot.transport} {spot.address}")

    def _probe(self, spot: Spot, tag: str) -> None:
        carrier = self._carriers[spot.trunk]
        host = next((hop.host for hop in carrier.hops if _spot(carrier, hop) == spot), spot.address[0])
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
        alive, now = event.status not in (_NO_ANSWER, _OVERLOADED), self._clock.now()
        if event.tag.startswith(_WATCH):
            health = carrier.health.get((spot.transport, spot.address))
            changed = health is not None and health.probed(alive, now)
            changed |= alive and health is not None and health.up and self._dead.answered(spot)
        else:
            changed = self._dead.probed(spot, alive, now, first=carrier.profile.failover.dead)
        if changed:
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


def told_group(contact: str) -> str:
    """The trunk group in a Contact (RFC 4904), "" when it names none."""
    found = _TGRP.search(contact)
    return unquote(found[1]) if found is not None else ""


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
