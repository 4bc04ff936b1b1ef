"""One trunk made ready for use: profile with overrides, where each of its addresses leads, what it may carry now."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from signalling.commands import Login
from signalling.events import Flow
from signalling.location import NOWHERE, Hop, Pace, Route, Wanted, direct
from signalling.location.lookup import default_port
from signalling.message.uri import escape_user
from signalling.policy import PeerKind, PeerPolicy
from signalling.transports.tls import Certificate, ClientTls
from sip_profiles import loader
from sip_profiles.schema import CarrierProfile
from softswitch.directory.model import Trunk
from softswitch.model.address import Address
from softswitch.model.identity import Manners
from softswitch.model.numbering import Context
from softswitch.model.target import Target
from softswitch.trunks.groups import PER_E1, Group, groups_of
from softswitch.trunks.health import Bucket, Health
from softswitch.trunks.quality import Measured

KEEPALIVE_SECONDS = 30
_NO_GROUP = ""


@dataclass(slots=True)
class Place:
    """One address of a trunk as configured, and where it leads: one hop for a number, what DNS says for a name."""

    address: Address
    transport: str = "udp"  # "" when DNS decides
    route: Route = NOWHERE
    weight: int = 0
    _led: tuple[Route, tuple[Hop, ...]] = (NOWHERE, ())  # the hops of the route that was looked at last

    @classmethod
    def of(cls, address: Address, protocol: str, weight: int = 0) -> Place:
        place = cls(address, "" if protocol == "auto" else protocol, weight=weight)
        if is_ip(address.host):
            transport = place.transport or "udp"
            place.route = direct(transport, (address.host, address.port or default_port(transport)))
        return place

    @property
    def wanted(self) -> Wanted:
        """The question to DNS."""
        return Wanted(self.address.host, self.address.port or 0, self.transport)

    @property
    def hops(self) -> tuple[Hop, ...]:
        """Every address that it leads to."""
        route, hops = self._led
        if route is not self.route:
            hops = tuple(hop for tier in self.route for member in tier for hop in member.hops)
            self._led = (self.route, hops)
        return hops


def key_of(hop: Hop) -> str:
    """How logs, events and `Target.address` name it."""
    host, port = hop.address
    return f"{host}:{port}"


@dataclass(slots=True)
class Carrier:
    """Owned by the trunk book."""

    trunk: Trunk
    profile: CarrierProfile
    policy: PeerPolicy
    places: list[Place] = field(default_factory=list)
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    registration: str = ""
    detail: str = ""
    expires_at: float = 0.0
    registrars: list[tuple[Place, Hop]] = field(default_factory=list)
    """Where it may register that was not tried since the last success."""
    pace: Pace = field(default_factory=Pace)
    bucket: Bucket = field(default_factory=lambda: Bucket(0.0))
    groups: list[Group] = field(default_factory=list)
    health: dict[tuple[str, tuple[str, int]], Health] = field(default_factory=dict)
    measured: Measured = field(default_factory=Measured)
    channels: int = 0
    """Calls at one time in both directions, 0 for no limit."""
    _manners: Manners | None = None

    @classmethod
    def of(cls, trunk: Trunk) -> Carrier:
        """Raises sip_profiles.loader.ProfileError for an unknown profile or override."""
        profile = loader.overridden(loader.carrier(trunk.profile), trunk.overrides)
        way, limits = profile.transport, profile.limits
        addresses = trunk.addresses or tuple(Address.parse(text) for text in way.servers)
        sources = () if trunk.addresses else way.sources
        networks = tuple(ipaddress.ip_network(text, strict=False) for text in sources)
        weights = (*way.weights, *(0 for _ in addresses))
        places = [Place.of(address, way.protocol, weight) for address, weight in zip(addresses, weights, strict=False)]
        return cls(
            trunk, profile, policy_of(trunk.name, profile), places, networks,
            bucket=Bucket(limits.cps, limits.burst), groups=groups_of(profile.gateway),
            channels=limits.channels or PER_E1 * profile.gateway.e1,
        )  # fmt: skip

    @property
    def hops(self) -> list[Hop]:
        return [hop for place in self.places for hop in place.hops]

    @property
    def must_register(self) -> bool:
        return bool(self.trunk.username) and (self.trunk.register or self.profile.auth.mode == "register")

    @property
    def line_token(self) -> str:
        """What stands in the Contact of our REGISTER: says nothing to others, and stays over a restart."""
        if not self.profile.auth.line_token:
            return self.trunk.username
        text = f"line {self.trunk.name} {self.trunk.username}"
        return hmac.new(self.trunk.password.encode(), text.encode(), hashlib.sha256).hexdigest()[:20]

    def is_source(self, host: str, listener: int = 0) -> bool:
        """Whether a request from this address is the carrier's; the source port never counts, the port of ours may."""
        own = self.profile.transport.listener
        if own and listener and own != listener:
            return False
        if any(host == hop.address[0] for hop in self.hops) or any(host == place.address.host for place in self.places):
            return True
        return bool(self.networks) and any(ipaddress.ip_address(host) in network for network in self.networks)

    def health_of(self, hop: Hop) -> Health:
        key = (hop.transport, hop.address)
        if key not in self.health:
            rules = self.profile.health
            if not rules.options and self.profile.transport.keepalive == "options":
                rules = replace(rules, options=KEEPALIVE_SECONDS)
            self.health[key] = Health(rules)
        return self.health[key]

    def group(self, name: str) -> Group | None:
        return next((group for group in self.groups if group.name == name), None)

    def tls(self, host: str) -> ClientTls:
        """How its host is connected to by TLS."""
        tls = self.profile.tls
        certificate = Certificate.parse(tls.certificate) if tls.certificate else None
        return ClientTls(tls.name or host, tls.ca, certificate, tls.verify, tls.min, tls.alpn)

    @property
    def login(self) -> Login | None:
        if not self.trunk.username:
            return None
        name = self.profile.auth.user.replace("{account}", self.trunk.username) or self.trunk.username
        auth = self.profile.auth
        return Login(name, self.trunk.password, auth.realm, auth.digest)

    @property
    def manners(self) -> Manners:
        """What the carrier is told about callers, and how it tells of them; the profile never changes."""
        if self._manners is None:
            self._manners = self._manners_of_profile()
        return self._manners

    def _manners_of_profile(self) -> Manners:
        into, out = self.profile.inbound, self.profile.outbound
        return Manners(
            caller_id=out.caller_id, privacy=out.privacy, display=out.display,
            sender={"account": self.trunk.username, "default": out.number}.get(out.sender, ""),
            owned=out.owned, number=out.number,
            form=out.number_format, mobile_zero=out.mobile_zero, where=Context(into.country, into.area),
            diversion=out.diversion, connected_line=self.profile.session.connected_line,
            headers_out=frozenset(map(str.lower, out.headers_out)), headers_in=frozenset(map(str.lower, into.headers_in)),
            trust=into.trust_identity, may_refer=self.profile.session.refer != "refuse",
            sends_refer=self.profile.session.refer == "send", caller_form=into.caller_format,
            caller_from=into.caller_from,
        )  # fmt: skip

    def target(
        self, place: Place, hop: Hop, number: str, group: Group | None = None, *, emergency: bool = False, is_last: bool = False
    ) -> Target:  # fmt: skip
        """How a number is called at this address, by this trunk group. `is_last`: nothing else is left to try, so a silent
        address is waited for as long as the transaction lasts."""
        profile = self.profile
        media, limits, failover = profile.media, profile.limits, profile.failover
        dialled = self.dialled(number, group)
        port = group.name if group is not None and group.name and profile.gateway.select == "port" else ""
        remote = (hop.address[0], int(port)) if port else hop.address
        return Target(
            name=self.trunk.name, uri=self._uri(place, hop.transport, dialled, group, port),
            flow=Flow(hop.transport, ("", 0), remote), number=dialled, trunk=True, login=self.login,
            early_two_way=media.early_two_way, hold=media.hold, srtp=media.srtp,
            manners=replace(self.manners, reveals=True) if emergency else self.manners, codecs=media.codecs, ptime=media.ptime,
            jitter=(media.jitter_min, media.jitter_max), comfort_noise=media.comfort_noise,
            dtmf=media.dtmf, early_media=media.early_media, ring=float(limits.max_ring),
            first_response=0.0 if is_last else failover.first_response, max_duration=float(limits.max_duration),
            advance_after_ring=failover.advance_after_ring, trust_reason=failover.trust_reason,
            advance=failover.advance, stop=failover.stop, address=key_of(hop),
            group=group.name if group is not None else _NO_GROUP, headers=self._headers(group), policy=self.policy,
            lines=(group.first, group.last) if group is not None else (1, 0),
            transcode=media.transcode, pdd_timeout=failover.pdd_timeout, emergency=emergency,
            pstn_bridge=profile.outbound.pstn_bridge, signs=profile.outbound.stir_sign,
        )  # fmt: skip

    def dialled(self, number: str, group: Group | None = None) -> str:
        """A called number as the carrier wants it."""
        out, gateway = self.profile.outbound, self.profile.gateway
        prefix = group.name if group is not None and gateway.select == "prefix" else ""
        return prefix + out.prefix + self.manners.written(number)[out.strip :]

    def _uri(self, place: Place, transport: str, dialled: str, group: Group | None, port: str) -> str:
        gateway = self.profile.gateway
        host = f"[{place.address.host}]" if ":" in place.address.host else place.address.host
        where = port or (place.address.port or "")
        user = escape_user(dialled)
        if group is not None and group.name and gateway.select == "tgrp":  # RFC 4904 §5.2: tgrp before trunk-context
            context = gateway.trunk_context or place.address.host
            user = f"{user};tgrp={escape_user(group.name)};trunk-context={context}"
        tail = "" if transport == "udp" else f";transport={transport}"
        tail += ";user=phone" if self.profile.outbound.user_phone else ""
        return f"sip:{user}@{host}{f':{where}' if where else ''}{tail}"

    def _headers(self, group: Group | None) -> tuple[tuple[str, str], ...]:
        added = [line.partition(":") for line in self.profile.outbound.headers_add]
        found = [(name.strip(), value.strip()) for name, _, value in added if name.strip()]
        gateway = self.profile.gateway
        if group is not None and group.name and gateway.select == "header":
            found.append((gateway.header, group.name))
        return tuple(found)


def policy_of(name: str, profile: CarrierProfile) -> PeerPolicy:
    """What signalling must know of a trunk with this profile."""
    way, session = profile.transport, profile.session
    return PeerPolicy(
        PeerKind.TRUNK, name, fix_contact=way.fix_contact == "auto", mtu_switch=way.mtu_switch, alias=way.alias,
        registers_any=profile.inbound.registers == "any", offer=profile.media.offer, refer_bye=session.refer_bye,
        refer="send" if session.refer == "send" else "bridge", reinvite=session.reinvite, rel100=session.rel100,
        replaces=session.replaces, timer=session.timer, update=session.update, advertise=way.advertise, oc=profile.failover.oc,
    )  # fmt: skip


def is_ip(text: str) -> bool:
    """An IPv4 or IPv6 literal."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def channels_of(trunks: Mapping[str, Trunk]) -> Callable[[str], int]:
    """Name → calls at one time, 0 for no limit, without a running switch. A trunk that cannot be used has none either."""
    limits: dict[str, int] = {}
    for name, trunk in trunks.items():
        try:
            limits[name] = Carrier.of(trunk).channels
        except (loader.ProfileError, ValueError):
            limits[name] = 0
    return lambda name: limits.get(name, 0)
